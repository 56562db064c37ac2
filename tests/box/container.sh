#!/bin/sh
# Makes one container's file system out of this machine's and becomes the container's process, PID 1 of its own
# namespace: container.sh ROOT UID GID SETPRIV_FLAGS (ro|rw) SOURCE=TARGET... -- COMMAND...
# ROOT is an empty folder; it gets a file system of its own that ends with the namespace.
set -eu
root=$1 uid=$2 gid=$3 flags=$4 kind=$5
shift 5
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$root"
mkdir "$root/proc" "$root/dev" "$root/tmp" "$root/etc"
for link in bin lib lib64 sbin; do
    [ ! -L "/$link" ] || cp -P "/$link" "$root/$link"
done
while [ "$1" != -- ]; do
    source=${1%%=*} target=$root${1#*=}
    mkdir -p "$target"
    mount --bind "$source" "$target"
    mount -o remount,bind,ro "$target"
    shift
done
shift
for device in null zero random urandom; do
    : > "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t proc proc "$root/proc"
[ "$kind" = rw ] || mount -o remount,ro "$root"
# shellcheck disable=SC2086 # flags are several words
exec /usr/sbin/chroot "$root" /usr/bin/setpriv --reuid="$uid" --regid="$gid" --clear-groups $flags "$@"
