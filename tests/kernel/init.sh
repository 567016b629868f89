#!/bin/busybox sh
# The first program of a machine, in its initial memory disk: get at the host's files and go on there.
#
# Whatever fails ends the machine in a kernel panic, which is the last that its console shows.
set -e

/bin/busybox mount -t devtmpfs dev /dev
for driver in /drivers/*.ko; do
  /bin/busybox insmod "$driver"
done

# A layer in memory above the host's files: everything can be written, and nothing of it stays.
/bin/busybox mount -t virtiofs -o ro host /host
/bin/busybox mount -t tmpfs layer /layer
/bin/busybox mkdir /layer/upper /layer/work
/bin/busybox mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work root /root

/bin/busybox mount --move /dev /root/dev
/bin/busybox mount -t proc proc /root/proc
/bin/busybox mount -t sysfs sys /root/sys
/bin/busybox mount -t tmpfs run /root/run
/bin/busybox mkdir /root/run/netns
/bin/busybox cp /lab /root/run/lab
exec /bin/busybox switch_root /root /run/lab
