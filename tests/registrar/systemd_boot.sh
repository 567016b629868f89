# Boots systemd as the first process of namespaces of its own: UNITS is a folder of units, LOG a file.
# Its control group is a folder of its own, which is removed with it.
set -eu
group=/sys/fs/cgroup/systemd/waypost-test-$$
mkdir -p "$group"
echo $$ > "$group/cgroup.procs"
export UNITS LOG group
exec unshare --pid --fork --kill-child --mount --uts --ipc --cgroup --mount-proc sh -eu -c '
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd /run/lock
mount --bind "$group" /sys/fs/cgroup/systemd
for other in /sys/fs/cgroup/*; do
  [ "$other" = /sys/fs/cgroup/systemd ] || umount "$other" 2>/dev/null || true
done
export container=docker SYSTEMD_UNIT_PATH="$UNITS" SYSTEMD_LOG_TARGET=console
exec /lib/systemd/systemd --system --unit=test.target --show-status=false >> "$LOG" 2>&1'
