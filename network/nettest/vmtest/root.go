package vmtest

// Overlay is the directory of an initramfs whose files [BootRoot] puts into the
// root, above what is in the image.
const Overlay = "/overlay"

// BootRoot is an init's script that starts the systemd of the root on the
// machine's disk. What is written there is in memory, so each boot is the first.
// It wants the modules [RootDisk].
const BootRoot = `
mkdir -p /lower /memory /root
mount -t squashfs -o ro /dev/vda /lower
mount -t tmpfs memory /memory
mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/lower,upperdir=/memory/upper,workdir=/memory/work root /root
cp -a ` + Overlay + `/. /root/
umount /proc /sys
mount --move /dev /root/dev
exec switch_root /root /lib/systemd/systemd
`
