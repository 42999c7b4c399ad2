package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/imds/tree"
	"github.com/rolecall/rolecall/imds/tree/treetest"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/identity"
)

const (
	webARN  = "arn:aws:iam::123456789012:instance-profile/web"
	webRole = "arn:aws:iam::123456789012:role/web"
)

func TestADocumentIsFilledWithDefaults(t *testing.T) {
	d := web()
	d.Attachment = rolestore.Attachment{Bridge: "br0", Port: "veth1", Address: "10.0.0.5", MAC: "02-00-00-00-00-0A"}
	got, err := d.Instance("ap-northeast-2")
	want := rolestore.Instance{
		ID:         webID,
		Attachment: rolestore.Attachment{Bridge: "br0", Port: "veth1", Address: "10.0.0.5", MAC: "02:00:00:00:00:0a"},
		Options:    rolestore.DefaultMetadataOptions(),
		Placement:  rolestore.Placement{Region: "ap-northeast-2", AvailabilityZone: "ap-northeast-2a"},
		Launch:     rolestore.Launch{PrivateIPv4: "10.0.0.5", MAC: "02:00:00:00:00:0a"}, // as on the bridge
	}
	if err != nil || !got.Equal(want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	d.Options = rolestore.MetadataOptions{HTTPTokens: "optional", HTTPPutResponseHopLimit: 2, HTTPProtocolIPv6: "enabled", InstanceMetadataTags: "enabled"}
	d.Placement.Region, d.Placement.GroupName = "eu-west-1", "close"
	d.Launch = rolestore.Launch{PrivateIPv4: "10.0.0.7", MAC: "06-00-00-00-00-0B", InstanceType: "m7i.large"}
	d.UserData = "#!/bin/sh\n"
	got, err = d.Instance("ap-northeast-2")
	want.Options = rolestore.MetadataOptions{HTTPEndpoint: "enabled", HTTPTokens: "optional", HTTPPutResponseHopLimit: 2, HTTPProtocolIPv6: "enabled", InstanceMetadataTags: "enabled"}
	want.Placement = rolestore.Placement{Region: "eu-west-1", AvailabilityZone: "eu-west-1a", GroupName: "close"}
	want.Launch = rolestore.Launch{PrivateIPv4: "10.0.0.7", MAC: "06:00:00:00:00:0b", InstanceType: "m7i.large"}
	want.UserData = []byte("#!/bin/sh\n")
	if err != nil || !got.Equal(want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

// TestUserDataIsATextOrBase64 has what is no text come unharmed.
func TestUserDataIsATextOrBase64(t *testing.T) {
	for name, test := range map[string]struct{ text, base64, want, say string }{
		"nothing":        {},
		"a text":         {text: "#!/bin/sh\n", want: "#!/bin/sh\n"},
		"bytes":          {base64: "H4sA/w==", want: "\x1f\x8b\x00\xff"},
		"both":           {text: "a", base64: "YQ==", say: "user_data and user_data_base64: want one of them"},
		"no base64":      {base64: "#!/bin/sh", say: "user_data_base64: it is no base64"},
		"bytes as text":  {text: "\x1f\x8b", say: "user_data: it is no text: give it as user_data_base64"},
		"more than 16 k": {base64: strings.Repeat("AAAA", 5462), say: "user_data: it has 16386 bytes"},
	} {
		d := web()
		d.UserData, d.UserDataBase64 = test.text, test.base64
		i, err := d.Instance("us-east-1")
		if (err == nil) != (test.say == "") || err != nil && !strings.Contains(err.Error(), test.say) || string(i.UserData) != test.want {
			t.Errorf("%s: %q, %v, want %q %s", name, i.UserData, err, test.want, test.say)
		}
	}
}

func TestAProfileIsAReferenceOrTheProfile(t *testing.T) {
	full := rolestore.InstanceProfile{ARN: webARN, ID: "AIPAEXAMPLE", Role: rolestore.Role{ARN: webRole}}
	for text, want := range map[string]Profile{
		`""`:               {},
		`null`:             {},
		`"web"`:            {Reference: "web"},
		`"` + webARN + `"`: {Reference: webARN},
		`{"arn":"` + webARN + `","id":"AIPAEXAMPLE","role":{"arn":"` + webRole + `"}}`: {Full: full},
	} {
		var p Profile
		if err := json.Unmarshal([]byte(text), &p); err != nil || p != want {
			t.Errorf("%s is %+v, %v", text, p, err)
		}
		again, err := json.Marshal(p)
		if text != "null" && (err != nil || string(again) != text) {
			t.Errorf("%s is written as %s, %v", text, again, err)
		}
		d := web()
		d.Profile = p
		if i, err := d.Instance("us-east-1"); err != nil || i.Profile != want.Full {
			t.Errorf("%s makes the profile %+v, %v", text, i.Profile, err)
		}
	}
}

func TestADocumentNamesWhatIsWrong(t *testing.T) {
	full := rolestore.InstanceProfile{ARN: webARN, Role: rolestore.Role{ARN: webRole}}
	with := func(change func(*Document)) Document {
		d := web()
		change(&d)
		return d
	}
	for want, d := range map[string]Document{
		`instance_id "web": want`:             with(func(d *Document) { d.InstanceID = "web" }),
		`attachment: want one of`:             with(func(d *Document) { d.Attachment = rolestore.Attachment{} }),
		`metadata_options.http_endpoint "on"`: with(func(d *Document) { d.Options.HTTPEndpoint = "on" }),
		`iam_instance_profile "web/"`:         with(func(d *Document) { d.Profile.Reference = "web/" }),
		`iam_instance_profile "` + webRole:    with(func(d *Document) { d.Profile.Reference = webRole }),
		`iam_instance_profile: want a ref`:    with(func(d *Document) { d.Profile.Full = full }),
		`iam_instance_profile.arn "`:          with(func(d *Document) { d.Profile = Profile{Full: full}; d.Profile.Full.ARN = webRole }),
		`iam_instance_profile.arn ""`:         with(func(d *Document) { d.Profile = Profile{Full: full}; d.Profile.Full.ARN = "" }),
		`iam_instance_profile.id "web"`:       with(func(d *Document) { d.Profile = Profile{Full: full}; d.Profile.Full.ID = "web" }),
		`iam_instance_profile.role.arn ""`:    with(func(d *Document) { d.Profile = Profile{Full: full}; d.Profile.Full.Role.ARN = "" }),
	} {
		if err := d.Validate(); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func FuzzReadDocument(f *testing.F) {
	for _, text := range []string{
		`{"instance_id":"` + webID + `","iam_instance_profile":"web","attachment":{"interface":"tap0","reattach":"name"}}`,
		`{"iam_instance_profile":{"arn":"` + webARN + `","id":"","role":{"arn":"` + webRole + `"}},"attachment":{"host":true}}`,
		`{"attachment":{"bridge":"br0","port":"p","mac":"02:00:00:00:00:05","ipv6_address":"fe80::5"},"metadata_options":{"http_tokens":"optional"}}`,
		`{"attachment":{"host":true},"public_keys":[{"key_name":"a","public_key":"ssh-rsa AAAA"}],"user_data":"x","mac":"02-00-00-00-00-0A"}`,
		`{"attachment":{"netns":"/run/netns/web"},"placement":{"region":"eu-west-1","availability_zone":"x"}}`,
		`{"attachment":{"interface":"tap0"},"metadata_options":{"instance_metadata_tags":"enabled"},"tags":{"Name":"web","0=a":"b"},"user_data_base64":"AA=="}`,
		`{"attachment":{"interface":"tap0"},"network_interfaces":[{"mac":"02-00-00-00-00-0A","private_ip_addresses":[{"private_ip_address":"10.0.0.5","public_ip":"198.51.100.5"}],` +
			`"subnet_ipv4_cidr_block":"10.0.0.0/24","ipv6_addresses":["FD00::5"],"ipv6_prefixes":["2001:db8::/80"]}],"block_devices":{"ami":"xvda"},"security_groups":[]}`,
		`{"attachment":{"interface":"tap0"},"product_codes":[{"product_code_id":"a","product_code_type":"devpay"}],"ancestor_ami_ids":[],"tags":{},"hypervisor":"xen"}`,
		`{`, `null`, `[]`, `{"attachment":null}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := readDocument(bytes.NewReader(text), webID)
		if err != nil {
			if status, _ := translate(err); status != 400 {
				t.Errorf("%v is answered with %d", err, status)
			}
			return
		}
		// What is taken means something, can be crawled, and is the same after a journey.
		i, err := d.Instance("us-east-1")
		if err != nil || i.ID != webID {
			t.Fatalf("%+v, %v", i, err)
		}
		tr := tree.New(i, identity.Signed{})
		for _, version := range []string{"1.0", "2009-04-04", "2021-03-23", tree.Latest} {
			treetest.Crawl(t, tr, version)
		}
		if again, err := DocumentOf(i).Instance("eu-north-1"); err != nil || !again.Equal(i) {
			t.Errorf("%+v is defined by %+v, which makes %+v, %v", i, DocumentOf(i), again, err)
		}
		text, err = json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := readDocument(bytes.NewReader(text), webID); err != nil || !reflect.DeepEqual(again, d) {
			t.Errorf("%s is %+v and then %+v, %v", text, d, again, err)
		}
	})
}
