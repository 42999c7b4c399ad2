package tree_test

import (
	"encoding/json"
	"testing"

	"github.com/rolecall/rolecall/imds/tree"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/identity"
)

// launched is an instance with everything that it can be told.
func launched(role string) rolestore.Instance {
	i := instance(role)
	i.Launch = rolestore.Launch{
		ImageID: "ami-0a887e401f7654935", InstanceType: "m7i.large", PrivateIPv4: "10.0.0.5", MAC: "06:00:00:00:00:01",
		PublicKeys: []rolestore.PublicKey{{Name: "web", Key: "ssh-ed25519 AAAA web"}, {Name: "a = b", Key: "ssh-rsa AAAA b"}},
	}
	i.UserData = []byte("#cloud-config\n{}\n\xff")
	return i
}

func TestWhatAnInstanceIsToldOfItself(t *testing.T) {
	tr := tree.New(launched("web-role"), identity.Signed{})
	const nic = "meta-data/network/interfaces/macs/06:00:00:00:00:01/"
	for path, want := range map[string]string{
		"": "dynamic\nmeta-data\nuser-data",
		"meta-data/": "ami-id\nami-launch-index\nami-manifest-path\nevents/\nhostname\niam/\ninstance-action\ninstance-id\ninstance-life-cycle\ninstance-type\nlocal-hostname\nlocal-ipv4\nmac\n" +
			"network/\nplacement/\npublic-keys/\nservices/",
		"meta-data/ami-id":                    "ami-0a887e401f7654935",
		"meta-data/instance-type":             "m7i.large",
		"meta-data/hostname":                  "ip-10-0-0-5.eu-west-1.compute.internal",
		"meta-data/local-hostname":            "ip-10-0-0-5.eu-west-1.compute.internal",
		"meta-data/local-ipv4":                "10.0.0.5",
		"meta-data/mac":                       "06:00:00:00:00:01",
		"meta-data/network/":                  "interfaces/",
		"meta-data/network/interfaces/macs/":  "06:00:00:00:00:01/",
		nic:                                   "device-number\nlocal-hostname\nlocal-ipv4s\nmac\nowner-id",
		nic + "device-number":                 "0",
		nic + "local-hostname":                "ip-10-0-0-5.eu-west-1.compute.internal",
		nic + "local-ipv4s":                   "10.0.0.5",
		nic + "mac":                           "06:00:00:00:00:01",
		nic + "owner-id":                      "123456789012",
		"meta-data/public-keys/":              "0=web\n1=a = b",
		"meta-data/public-keys/0/":            "openssh-key",
		"meta-data/public-keys/0/openssh-key": "ssh-ed25519 AAAA web",
		"meta-data/public-keys/1/openssh-key": "ssh-rsa AAAA b",
		"dynamic/":                            "fws/\ninstance-identity/",
		"dynamic/instance-identity":           "document",
		"user-data":                           "#cloud-config\n{}\n\xff",
		"user-data/":                          "#cloud-config\n{}\n\xff",
	} {
		if n, ok := tr.Lookup("/latest/" + path); !ok || string(n.Body) != want {
			t.Errorf("%s answers %q (%t), want %q", path, n.Body, ok, want)
		}
	}
	if n, _ := tr.Lookup("/latest/user-data"); n.Kind != tree.Opaque {
		t.Errorf("user-data is of kind %v", n.Kind)
	}
}

func TestWhatAnInstanceIsNotToldIsNotListed(t *testing.T) {
	tr := tree.New(instance(""), identity.Signed{})
	for _, path := range []string{
		"user-data", "meta-data/ami-id", "meta-data/instance-type", "meta-data/local-ipv4", "meta-data/mac",
		"meta-data/network", "meta-data/public-keys", "dynamic/instance-identity/signature",
	} {
		if n, ok := tr.Lookup("/latest/" + path); ok {
			t.Errorf("%s answers %q", path, n.Body)
		}
	}
}

func TestHostnamesAreThoseOfEC2(t *testing.T) {
	for want, change := range map[string]func(*rolestore.Instance){
		"ip-10-0-0-5.eu-west-1.compute.internal":         func(*rolestore.Instance) {},
		"ip-10-0-0-5.ec2.internal":                       func(i *rolestore.Instance) { i.Placement.Region = "us-east-1" },
		"i-0123456789abcdef0.eu-west-1.compute.internal": func(i *rolestore.Instance) { i.PrivateIPv4 = "" },
		"web.example.com":                                func(i *rolestore.Instance) { i.Hostname = "web.example.com" },
	} {
		i := launched("")
		change(&i)
		if n, _ := tree.New(i, identity.Signed{}).Lookup("/latest/meta-data/local-hostname"); string(n.Body) != want {
			t.Errorf("got %q, want %q", n.Body, want)
		}
	}
}

func TestTheIdentityDocumentIsEC2s(t *testing.T) {
	const want = `{
  "accountId" : "123456789012",
  "architecture" : null,
  "availabilityZone" : "eu-west-1b",
  "billingProducts" : null,
  "devpayProductCodes" : null,
  "imageId" : "ami-0a887e401f7654935",
  "instanceId" : "i-0123456789abcdef0",
  "instanceType" : "m7i.large",
  "kernelId" : null,
  "marketplaceProductCodes" : null,
  "pendingTime" : null,
  "privateIp" : "10.0.0.5",
  "ramdiskId" : null,
  "region" : "eu-west-1",
  "version" : "2017-09-30"
}`
	n, _ := tree.New(launched("web"), identity.Signed{}).Lookup("/2009-04-04/dynamic/instance-identity/document")
	if string(n.Body) != want || !json.Valid(n.Body) {
		t.Errorf("got %s", n.Body)
	}
}
