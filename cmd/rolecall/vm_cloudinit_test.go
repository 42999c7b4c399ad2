//go:build vm

package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/network/nettest/vmtest"
)

// TestDebiansCloudInitFindsEC2 boots Debian, with systemd, cloud-init and boto3, as
// Debian ships them and with nothing configured. `make test-vm` runs it.
func TestDebiansCloudInitFindsEC2(t *testing.T) {
	h := newHouse(t)
	kernel, root := vmtest.FindKernel(t), vmtest.FindRoot(t)
	h.write("core.yaml", twoRoles)
	p := h.up()
	g := guests[0]
	p.attach(g)
	vmtest.DHCP(t, h.ns, g.tap, machineMAC)

	m := vmtest.Start(t, vmtest.Config{
		Namespace: h.ns, Kernel: kernel, Disk: root, Memory: 1024, Tap: g.tap, MAC: machineMAC,
		Arguments: "systemd.show_status=false systemd.getty_auto=false systemd.wants=report.service",
		Patience:  10 * time.Minute,
		Initramfs: vmtest.Initramfs(t, kernel, slices.Concat(vmtest.Networking, vmtest.RootDisk), vmtest.BootRoot,
			vmtest.File{Path: vmtest.Overlay + "/report.sh", Mode: 0o755, Data: fixture(t, "report.sh")},
			vmtest.File{Path: vmtest.Overlay + "/etc/systemd/system/report.service", Mode: 0o644, Data: fixture(t, "report.service")}),
	})
	printed := m.WaitFor("the report ends")
	var served string
	for _, i := range h.status().Instances {
		if i.ID == g.id {
			served = i.AccessKeyID
		}
	}
	for key, want := range map[string]string{
		"status": "status: done", "cloud_id": "aws", "instance_id": g.id,
		"ds_identify": "datasource_list: [ Ec2, None ]", "boto3": "iam-role " + served,
	} {
		if got := vmtest.Answer(t, printed, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if t.Failed() || testing.Verbose() {
		t.Log(printed[strings.Index(printed, "status="):])
	}
	m.Wait()
}

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("../../testdata/vm/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
