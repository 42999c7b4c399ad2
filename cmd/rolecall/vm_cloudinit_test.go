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

// cloudGuest is the definition of guests[0], with what cloud-init is to find.
const cloudGuest = `instance_id: i-0123456789abcdef0
iam_instance_profile: web
attachment: {interface: tap0}
placement: {region: ap-northeast-2, availability_zone: ap-northeast-2c}
image_id: ami-0a887e401f7654935
instance_type: m7i.large
private_ipv4: 10.0.0.5
mac: 06:00:00:00:00:01
public_keys:
  - key_name: somebody
    public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPp1xVYyUW0cWqhqWbRvKTnQdkOHXFmyHTqjOCOmtYCm somebody@example.com
user_data: |
  #cloud-config
  write_files:
    - {path: /run/written, content: by user-data}
`

// TestDebiansCloudInitFindsEC2 boots Debian, with systemd, cloud-init, boto3 and the AWS
// CLI, as Debian ships them and with nothing configured. `make test-vm` runs it.
func TestDebiansCloudInitFindsEC2(t *testing.T) {
	h := newHouse(t)
	kernel, root := vmtest.FindKernel(t), vmtest.FindRoot(t)
	h.write("core.yaml", twoRoles)
	h.write("guest.yaml", cloudGuest)
	p := h.up()
	g := guests[0]
	p.register(g, "-f", h.path("guest.yaml"))
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
		"ds_identify":   "datasource_list: [ Ec2, None ]",
		"status":        "status: done",
		"errors":        "[]",
		"warnings":      "",
		"cloud_id":      "aws",
		"instance_id":   g.id,
		"region":        "ap-northeast-2",
		"zone":          "ap-northeast-2c",
		"version":       "2021-03-23",
		"image":         "ami-0a887e401f7654935",
		"instance_type": "m7i.large",
		"nic":           "10.0.0.5",
		"document":      "ap-northeast-2",
		"hostname":      "ip-10-0-0-5",
		"key":           "somebody@example.com",
		"written":       "by user-data",
		"boto3":         "iam-role " + served,
		"aws":           "****************" + served[len(served)-4:] + " iam-role",
		"aws_region":    "ap-northeast-2 imds",
	} {
		if got := vmtest.Answer(t, printed, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if t.Failed() || testing.Verbose() {
		t.Log(printed[strings.Index(printed, "ds_identify="):])
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
