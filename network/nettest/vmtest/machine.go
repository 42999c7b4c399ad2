package vmtest

import (
	"bytes"
	"context"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/network/nettest"
)

// Config is what a machine is made of.
type Config struct {
	// Namespace is where QEMU runs, and where the tap is.
	Namespace *nettest.Namespace
	// Kernel and Initramfs are what boots.
	Kernel    Kernel
	Initramfs string
	// Arguments are added to the kernel's command line.
	Arguments string
	// Disk is an image that the machine finds read-only as /dev/vda; or none.
	Disk string
	// Memory is in MiB.
	Memory int
	// Tap is the device of the host that the machine's eth0 is plugged into, and MAC
	// eth0's address.
	Tap, MAC string
	// Patience is how long the machine may run.
	Patience time.Duration
}

// smbios is EC2's: a vendor, and a UUID that begins with ec2, as the serial too
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html).
const smbios = "type=1,manufacturer=Amazon EC2,product=m7i.large," +
	"uuid=ec2e1916-9099-7caf-fd21-012345abcdef,serial=ec2e1916-9099-7caf-fd21-012345abcdef"

// arguments take from the boot what costs time under TCG. There is nothing on the
// clock among them: left alone, it measures itself and is right.
const arguments = "console=ttyS0 quiet panic=-1 reboot=t cryptomgr.notests nokaslr mitigations=off net.ifnames=0 "

// Machine is a virtual machine that runs, or has ended.
type Machine struct {
	t       testing.TB
	tap     string
	late    <-chan struct{} // closed when its time is over
	done    chan struct{}   // closed when it has ended
	err     error           // of its end, once done is closed
	console *console
}

// Start boots a machine. It is ended with the test at the latest.
func Start(t testing.TB, c Config) *Machine {
	t.Helper()
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		t.Skip("needs QEMU: .ci/deps-vm installs it")
	}
	ctx, stop := context.WithTimeout(context.Background(), c.Patience)
	// Never kvm: where it only seems to be there, a machine hangs in it.
	args := []string{
		"-accel", "tcg", "-M", "pc", "-cpu", "max", "-smp", "1", "-m", strconv.Itoa(c.Memory),
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio", "-smbios", smbios,
		"-kernel", c.Kernel.Image, "-initrd", c.Initramfs, "-append", arguments + c.Arguments,
		"-netdev", "tap,id=n0,ifname=" + c.Tap + ",script=no,downscript=no",
		"-device", "virtio-net-pci,netdev=n0,romfile=,mac=" + c.MAC,
	}
	if c.Disk != "" {
		args = append(args, "-drive", "file="+c.Disk+",format=raw,if=none,id=d0,readonly=on", "-device", "virtio-blk-pci,drive=d0")
	}
	m := &Machine{t: t, tap: c.Tap, late: ctx.Done(), done: make(chan struct{}), console: &console{grown: make(chan struct{})}}
	cmd := c.Namespace.Command(ctx, "qemu-system-x86_64", args...)
	cmd.Stdout, cmd.Stderr = m.console, m.console
	if err := cmd.Start(); err != nil {
		stop()
		t.Fatal(err)
	}
	go func() {
		m.err = cmd.Wait()
		close(m.done)
	}()
	t.Cleanup(func() {
		stop() // kills it, unless it has powered off
		<-m.done
		if t.Failed() {
			t.Logf("console of the machine on %s:\n%s", c.Tap, m.console)
		}
	})
	return m
}

// Wait waits until the machine has powered off, and returns what it printed.
func (m *Machine) Wait() string {
	m.t.Helper()
	<-m.done // its time is bounded
	if m.err != nil {
		m.t.Fatalf("the machine on %s: %v", m.tap, m.err)
	}
	return m.console.String()
}

// WaitFor waits until the machine has printed text, and returns what it printed so
// far.
func (m *Machine) WaitFor(text string) string {
	m.t.Helper()
	for {
		printed, grown := m.console.read()
		if strings.Contains(printed, text) {
			return printed
		}
		select {
		case <-grown:
		case <-m.done:
			if printed := m.console.String(); strings.Contains(printed, text) {
				return printed
			}
			m.t.Fatalf("the machine on %s ended (%v) and never said %q", m.tap, m.err, text)
		case <-m.late:
			m.t.Fatalf("the machine on %s does not say %q", m.tap, text)
		}
	}
}

// console collects what a machine prints.
type console struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{} // closed and replaced when there is more
}

func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.grown)
	c.grown = make(chan struct{})
	_, err := c.text.Write(bytes.ReplaceAll(b, []byte("\r"), nil))
	return len(b), err
}

func (c *console) read() (string, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String(), c.grown
}

func (c *console) String() string {
	text, _ := c.read()
	return text
}

// Answer returns the value of the line "key=value" that the machine printed, or
// fails the test.
func Answer(t testing.TB, printed, key string) string {
	t.Helper()
	for line := range strings.Lines(printed) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
			return value
		}
	}
	t.Fatalf("the machine printed no %s=", key)
	return ""
}
