-- Sends prepared requests one after the other, and reports as one line of JSON.
--
-- The file REQUESTS holds, for each request, a line with its length and then its octets.
-- With ONCE the load ends after the last request; without, it begins anew.

local ffi = require("ffi")
ffi.cdef("int getpid(void); int kill(int pid, int signal);")

local SIGINT = 2
local requests, place = {}, 0
local once = os.getenv("ONCE") == "1"

function init()
  local file = assert(io.open(os.getenv("REQUESTS"), "rb"))
  for length in function() return file:read("*l") end do
    requests[#requests + 1] = file:read(tonumber(length))
  end
  file:close()
end

-- A thread that stops leaves wrk asleep until its time is over; a signal wakes it.
local function finish()
  wrk.thread:stop()
  ffi.C.kill(ffi.C.getpid(), SIGINT)
end

function request()
  place = place + 1
  if place > #requests then
    if once then
      finish()
      place = #requests
    else
      place = 1
    end
  end
  return requests[place]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"duration_us":%d,"p50_us":%.0f,"p99_us":%.0f,"refused":%d,"lost":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
