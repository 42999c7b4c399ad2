package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rolecall/rolecall/network/nettest/vmtest"
)

// machinePatience is how long a virtual machine may run. It is no claim of speed.
const machinePatience = 2 * time.Minute

// twoRoles are two instance profiles, each with a role of its own.
const twoRoles = `accounts:
  - id: "123456789012"
    roles:
      - &role
        role_name: default
        assume_role_policy_document:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}]
      - {<<: *role, role_name: web}
      - {<<: *role, role_name: db}
    instance_profiles:
      - {instance_profile_name: default, role: default}
      - {instance_profile_name: web, role: web}
      - {instance_profile_name: db, role: db}
`

// guest is an instance behind a tap.
type guest struct{ id, tap, profile string }

var guests = []guest{
	{"i-0123456789abcdef0", "tap0", "web"},
	{"i-0fedcba9876543210", "tap1", "db"},
}

// machineMAC is that of every virtual machine here.
const machineMAC = "06:00:00:00:00:01"

// attach makes the guest's tap, registers it and waits until it is served.
func (p *process) attach(g guest) {
	p.t.Helper()
	p.register(g, "--id", g.id, "--profile", g.profile, "--interface", g.tap)
}

// register is attach with the flags of `instance put`.
func (p *process) register(g guest, put ...string) {
	p.t.Helper()
	vmtest.Tap(p.t, p.ns, g.tap)
	p.instance(append([]string{"put"}, put...)...)
	p.instance("wait", g.id)
}

// staticClient builds a program that uses aws-sdk-go-v2, for machines that have
// nothing else.
func staticClient(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "client")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./imds")
	build.Dir = "../../testdata/clients/go"
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// TestTwoMachinesWithOneAddressHaveTheirOwnRoles boots two virtual machines at once,
// which nothing tells apart but the tap that each is plugged into. An unmodified SDK
// in each finds the role of its own.
func TestTwoMachinesWithOneAddressHaveTheirOwnRoles(t *testing.T) {
	h := newHouse(t)
	kernel := vmtest.FindKernel(t)
	image := vmtest.Initramfs(t, kernel, vmtest.Networking, `
ip link set lo up
ip link set eth0 up
ip address add 10.0.0.5/24 dev eth0
ip route add 169.254.169.254 dev eth0 scope link
/bin/client
`, vmtest.File{Path: "/bin/client", Mode: 0o755, Data: staticClient(t)})
	h.write("core.yaml", twoRoles)
	p := h.up()
	machines := map[guest]*vmtest.Machine{}
	for _, g := range guests {
		p.attach(g)
	}
	for _, g := range guests {
		machines[g] = vmtest.Start(t, vmtest.Config{
			Namespace: h.ns, Kernel: kernel, Initramfs: image, Memory: 256,
			Tap: g.tap, MAC: machineMAC, Patience: machinePatience,
		})
	}
	served := map[string]string{} // access key ids by instance
	for _, i := range h.status().Instances {
		served[i.ID] = i.AccessKeyID
	}
	for g, m := range machines {
		printed := m.Wait()
		for key, want := range map[string]string{
			"source": "EC2RoleProvider", "access_key_id": served[g.id],
			"instance-id": g.id, "iam/security-credentials/": g.profile,
		} {
			if got := vmtest.Answer(t, printed, key); got != want {
				t.Errorf("the machine on %s has %s %q, want %q", g.tap, key, got, want)
			}
		}
	}
}
