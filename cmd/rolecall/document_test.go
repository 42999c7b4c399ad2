package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore"
)

const (
	webID       = "i-0123456789abcdef0"
	webProfile  = "arn:aws:iam::123456789012:instance-profile/web"
	webDocument = "instance_id: " + webID + "\nattachment: {interface: tap-web}\n"
)

func TestAnInstancesFileIsRead(t *testing.T) {
	whole := admin.Document{
		InstanceID: webID, Profile: admin.Profile{Reference: webProfile},
		Attachment: rolestore.Attachment{
			Bridge: "br0", Port: "veth1", Address: "10.0.0.5", IPv6Address: "fe80::5", MAC: "02:00:00:00:00:05", Reattach: "name",
		},
		Options:   rolestore.MetadataOptions{HTTPEndpoint: "enabled", HTTPTokens: "optional", HTTPPutResponseHopLimit: 2, HTTPProtocolIPv6: "enabled"},
		Placement: rolestore.Placement{Region: "ap-northeast-2", AvailabilityZone: "ap-northeast-2b"},
		Launch: rolestore.Launch{
			ImageID: "ami-0a887e401f7654935", InstanceType: "m7i.large", Hostname: "web.example.com", PrivateIPv4: "10.0.0.5",
			MAC: "02:00:00:00:00:05", PublicKeys: []rolestore.PublicKey{{Name: "web", Key: "ssh-ed25519 AAAA web"}},
		},
		UserData: "#cloud-config\n{}\n",
	}
	full := admin.Document{
		InstanceID: webID, Attachment: rolestore.Attachment{Interface: "tap0", Netns: "/run/netns/vm1"},
		Profile: admin.Profile{Full: rolestore.InstanceProfile{
			ARN: webProfile, ID: "AIPAEXAMPLE", Role: rolestore.Role{ARN: "arn:aws:iam::123456789012:role/web"},
		}},
	}
	asJSON := func(d admin.Document) string {
		text, err := json.MarshalIndent(d, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, test := range map[string]struct {
		text string
		want admin.Document
	}{
		"with everything in it": {`# the web server
instance_id: i-0123456789abcdef0
iam_instance_profile: arn:aws:iam::123456789012:instance-profile/web
attachment: {bridge: br0, port: veth1, address: 10.0.0.5, ipv6_address: fe80::5, mac: 02:00:00:00:00:05, reattach: name}
metadata_options: {http_endpoint: enabled, http_tokens: optional, http_put_response_hop_limit: 2, http_protocol_ipv6: enabled}
placement: {region: ap-northeast-2, availability_zone: ap-northeast-2b}
image_id: ami-0a887e401f7654935
instance_type: m7i.large
hostname: web.example.com
private_ipv4: 10.0.0.5
mac: 02:00:00:00:00:05
public_keys: [{key_name: web, public_key: ssh-ed25519 AAAA web}]
user_data: |
  #cloud-config
  {}
`, whole},
		"with the profile itself": {`
instance_id: i-0123456789abcdef0
iam_instance_profile:
  arn: arn:aws:iam::123456789012:instance-profile/web
  id: AIPAEXAMPLE
  role: {arn: "arn:aws:iam::123456789012:role/web"}
attachment:
  interface: tap0
  netns: /run/netns/vm1
`, full},
		"with no more than it must have": {webDocument, admin.Document{InstanceID: webID, Attachment: rolestore.Attachment{Interface: "tap-web"}}},
		"of the host": {"instance_id: " + webID + "\nattachment: {host: true}\nmetadata_options:\niam_instance_profile:\n",
			admin.Document{InstanceID: webID, Attachment: rolestore.Attachment{Host: true}}},
		"of JSON":                         {asJSON(whole), whole},
		"of JSON with the profile itself": {asJSON(full), full},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "web.yaml")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := readInstance(path); err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, test.want)
			}
		})
	}
}

func TestAnInstancesFileIsRefusedByFileAndLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "web.yaml: there is no instance in it",
		"# nothing\n":                   "web.yaml: there is no instance in it",
		"- a\n- b\n":                    "web.yaml:1: want names with values, and not a list",
		"hello\n":                       "web.yaml:1: want names with values, and not `hello`",
		"attachment: [":                 "web.yaml:1: ",
		webDocument + "userdata: x\n":   `web.yaml:3: unknown key "userdata"`,
		webDocument + "InstanceID: x\n": `web.yaml:3: unknown key "InstanceID"`,
		webDocument + "metadata_options:\n  http_put_hops: 1":                                     `web.yaml:4: unknown key "http_put_hops"`,
		webDocument + "placement: {zone: a}\n":                                                    `web.yaml:3: unknown key "zone"`,
		webDocument + "iam_instance_profile:\n  name: web\n":                                      `web.yaml:4: unknown key "name"`,
		webDocument + "iam_instance_profile:\n  role:\n    name: web\n":                           `web.yaml:5: unknown key "name"`,
		webDocument + "iam_instance_profile: [web]\n":                                             "web.yaml:3: want names with values, and not a list",
		webDocument + "instance_id: x\n":                                                          "web.yaml:3: mapping key",
		"instance_id: " + webID + "\nattachment:\n  vlan: 5\n":                                    `web.yaml:3: unknown key "vlan"`,
		"instance_id: " + webID + "\nattachment: {host: maybe}\n":                                 "web.yaml:2: want true or false, and not `maybe`",
		webDocument + "hostname: {a: b}\n":                                                        "web.yaml:3: want a text, and not names with values",
		webDocument + "public_keys: web\n":                                                        "web.yaml:3: want a list, and not `web`",
		webDocument + "metadata_options:\n  http_put_response_hop_limit: 2.5\n":                   "web.yaml:4: want a whole number, and not `2.5`",
		webDocument + "ami_launch_index: 1.5\n":                                                   "web.yaml:3: want a whole number, and not `1.5`",
		webDocument + "network_interfaces:\n  - mac: 02:00:00:00:00:05\n    device_index: 1e-1\n": "web.yaml:5: want a whole number, and not `1e-1`",
		webDocument + "ami_launch_index: first\n":                                                 "web.yaml:3: want a whole number, and not `first`",
		webDocument + "---\n" + webDocument:                                                       "web.yaml: there is a second document after ---",
		webDocument + "---\n[":                                                                    "web.yaml: there is a second document after ---",
		"attachment: {interface: tap0}\n":                                                         `web.yaml: invalid instance: instance_id "": want`,
		"instance_id: " + webID + "\n":                                                            "web.yaml: invalid instance: attachment: want one of",
		webDocument + "iam_instance_profile: a b\n":                                               `web.yaml: invalid instance: iam_instance_profile "a b"`,
		webDocument + "metadata_options: {http_tokens: on}\n":                                     `web.yaml: invalid instance: metadata_options.http_tokens "on"`,
		webDocument + "instance_type: large\n":                                                    `web.yaml: invalid instance: instance_type "large": want a family`,
		webDocument + "public_keys: [{name: web}]\n":                                              `web.yaml:3: unknown key "name"`,
		webDocument + "network_interfaces:\n  - mac: a\n    ip: b\n":                              `web.yaml:5: unknown key "ip"`,
		webDocument + "network_interfaces: [{mac: a}]\n":                                          `web.yaml: invalid instance: network_interfaces[0].mac "a": want`,
		webDocument + "tags: [a]\n":                                                               "web.yaml:3: want names with values, and not a list",
		webDocument + "tags: {a: b, a: c}\n":                                                      "web.yaml:3: mapping key",
		webDocument + "metadata_options: {instance_metadata_tags: enabled}\ntags: {a b: c}\n":     `web.yaml: invalid instance: tags: key "a b" cannot be told`,
		webDocument + "user_data: !!binary /w==\n":                                                "web.yaml: invalid instance: user_data: it is no text",
	} {
		_, err := parseInstance("web.yaml", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	if _, err := readInstance(filepath.Join(t.TempDir(), "web.yaml")); err == nil || !strings.Contains(err.Error(), "web.yaml: no such file") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func FuzzParseInstance(f *testing.F) {
	for _, text := range []string{
		webDocument, webDocument + "iam_instance_profile: web\n", webDocument + "iam_instance_profile: {arn: x, role: {arn: y}}\n",
		`{"instance_id": "` + webID + `", "attachment": {"host": true}}`, "a: &a [*a]", "<<: {attachment: {host: yes}}", "---\n---\n", "\t", "!!binary x",
		"instance_id: " + webID + "\nattachment: {bridge: br0, port: p, mac: 02:00:00:00:00:05, address: 10.0.0.5}\n",
		webDocument + "user_data: |\n  #!/bin/sh\npublic_keys: [{key_name: a, public_key: ssh-rsa AAAA}]\nhostname: a\nmac: 02-00-00-00-00-0A\n",
		"user_data: !!binary /w==\n" + webDocument, webDocument + "user_data_base64: /w==\ntags: {a: b}\nblock_devices: {}\nnetwork_interfaces: []\n",
	} {
		f.Add([]byte(text))
	}
	full, err := os.ReadFile(fullInstance)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parseInstance("web.yaml", text)
		if err != nil {
			if !strings.Contains(err.Error(), "web.yaml:") {
				t.Errorf("%v does not name the file", err)
			}
			return
		}
		if err := d.Validate(); err != nil {
			t.Errorf("what was read is not valid: %v", err)
		}
		wire, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseInstance("web.json", wire); err != nil || !reflect.DeepEqual(again, d) {
			t.Errorf("%s: %v", wire, err)
		}
	})
}
