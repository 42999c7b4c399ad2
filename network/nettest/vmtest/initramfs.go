package vmtest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Networking and RootDisk are the modules for a network device, and for a root
// from a read-only image, in the order in which they need each other.
var (
	Networking = []string{"failover", "net_failover", "virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_net"}
	RootDisk   = []string{"virtio_blk", "squashfs", "overlay"}
)

// begin is what every init does first. The names of busybox's tools are left to
// its shell, which prefers them.
const begin = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys
for m in $(cat /modules/order); do insmod /modules/$m.ko; done
`

// end powers the machine off, by the kernel: there is no init to be asked.
const end = `
sync; echo o >/proc/sysrq-trigger; sleep 60
`

// Initramfs makes a root in memory: busybox, the kernel's modules, files, and
// script as the init, for busybox's shell, run after /dev, /proc and /sys are
// mounted and the modules are loaded. The machine powers off behind it. It returns
// the image's path.
func Initramfs(t testing.TB, k Kernel, modules []string, script string, files ...File) string {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("needs busybox, a static one: .ci/deps-vm installs it")
	}
	all := []File{
		{"/init", 0o755, []byte(begin + script + end)},
		{"/bin/busybox", 0o755, read(t, busybox)},
		{"/modules/order", 0o644, []byte(strings.Join(modules, "\n"))},
		{"/dev", fs.ModeDir, nil},
		{"/proc", fs.ModeDir, nil},
		{"/sys", fs.ModeDir, nil},
	}
	for _, name := range modules {
		path := k.modules[name]
		if path == "" {
			t.Fatalf("kernel %s has no module %s", k.Image, name)
		}
		all = append(all, File{"/modules/" + name + ".ko", 0o644, read(t, path)})
	}
	image := filepath.Join(t.TempDir(), "initramfs")
	if err := os.WriteFile(image, archive(append(all, files...)), 0o600); err != nil {
		t.Fatal(err)
	}
	return image
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
