package rolestore

import (
	"encoding/json"
	"strings"
	"testing"
)

func web() Instance {
	return Instance{
		ID:          "i-0123456789abcdef0",
		Incarnation: NewIncarnation(),
		Profile: InstanceProfile{
			ARN:  "arn:aws:iam::123456789012:instance-profile/web",
			ID:   "AIPAIOSFODNN7EXAMPLE",
			Role: Role{ARN: "arn:aws:iam::123456789012:role/web"},
		},
		Attachment: Attachment{Interface: "tap0"},
		Options:    DefaultMetadataOptions(),
		Placement:  Placement{Region: "ap-northeast-2", AvailabilityZone: "ap-northeast-2a"},
	}
}

func TestInstancesThatEC2WouldTake(t *testing.T) {
	for name, change := range map[string]func(*Instance){
		"as it stands":               func(*Instance) {},
		"without a profile":          func(i *Instance) { i.Profile = InstanceProfile{} },
		"with version 1":             func(i *Instance) { i.Options.HTTPTokens = "optional" },
		"with its service off":       func(i *Instance) { i.Options.HTTPEndpoint = "disabled" },
		"the host itself":            func(i *Instance) { i.Attachment = Attachment{Host: true} },
		"with IPv6":                  func(i *Instance) { i.Options.HTTPProtocolIPv6 = "enabled" },
		"with user-data to the brim": func(i *Instance) { i.UserData = make([]byte, 16<<10) },
		"with a role under a path":   func(i *Instance) { i.Profile.Role.ARN = "arn:aws:iam::123456789012:role/a/b/web" },
	} {
		i := web()
		change(&i)
		if err := i.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInstancesThatEC2WouldRefuse(t *testing.T) {
	id := func(id string) func(*Instance) { return func(i *Instance) { i.ID = id } }
	for _, test := range []struct {
		name   string
		change func(*Instance)
		want   string // the member at fault
	}{
		{"no id", id(""), "instance_id"},
		{"an id without its prefix", id("0123456789abcdef0"), "instance_id"},
		{"an id of the old, short form", id("i-12345678"), "instance_id"},
		{"an id with a digit too many", id("i-0123456789abcdef01"), "instance_id"},
		{"an id in capitals", id("i-0123456789ABCDEF0"), "instance_id"},
		{"an id with a line after it", id("i-0123456789abcdef0\n"), "instance_id"},
		{"an id that climbs out of a directory", id("../i-0123456789abcdef0"), "instance_id"},
		{"no endpoint", func(i *Instance) { i.Options.HTTPEndpoint = "" }, "metadata_options.http_endpoint"},
		{"an unknown endpoint", func(i *Instance) { i.Options.HTTPEndpoint = "Enabled" }, "metadata_options.http_endpoint"},
		{"no tokens", func(i *Instance) { i.Options.HTTPTokens = "" }, "metadata_options.http_tokens"},
		{"no hop", func(i *Instance) { i.Options.HTTPPutResponseHopLimit = -1 }, "metadata_options.http_put_response_hop_limit"},
		{"too many hops", func(i *Instance) { i.Options.HTTPPutResponseHopLimit = 65 }, "metadata_options.http_put_response_hop_limit"},
		{"unknown tokens", func(i *Instance) { i.Options.HTTPTokens = "none" }, "metadata_options.http_tokens"},
		{"no protocol", func(i *Instance) { i.Options.HTTPProtocolIPv6 = "" }, "metadata_options.http_protocol_ipv6"},
		{"an unknown protocol", func(i *Instance) { i.Options.HTTPProtocolIPv6 = "true" }, "metadata_options.http_protocol_ipv6"},
		{"unknown tags", func(i *Instance) { i.Options.InstanceMetadataTags = "yes" }, "metadata_options.instance_metadata_tags"},
		{"no attachment", func(i *Instance) { i.Attachment = Attachment{} }, "attachment"},
		{"no region", func(i *Instance) { i.Placement.Region = "" }, "placement"},
		{"no zone", func(i *Instance) { i.Placement.AvailabilityZone = "" }, "placement"},
		{"a region with a line after it", func(i *Instance) { i.Placement.Region += "\n" }, "placement.region"},
		{"a zone with a slash", func(i *Instance) { i.Placement.AvailabilityZone = "a/b" }, "placement.availability_zone"},
		{"a zone's id that is none", func(i *Instance) { i.Placement.AvailabilityZoneID = "eu-west-1a" }, "placement.availability_zone_id"},
		{"a placement group of two lines", func(i *Instance) { i.Placement.GroupName = "a\nb" }, "placement.group_name"},
		{"a partition of nothing", func(i *Instance) { i.Placement.PartitionNumber = 1 }, "placement.partition_number"},
		{"an eighth partition", func(i *Instance) { i.Placement.GroupName, i.Placement.PartitionNumber = "a", 8 }, "placement.partition_number"},
		{"a host by name", func(i *Instance) { i.Placement.HostID = "host-1" }, "placement.host_id"},
		{"more user-data than EC2 takes", func(i *Instance) { i.UserData = make([]byte, 16<<10+1) }, "user_data"},
		{"a profile without a role", func(i *Instance) { i.Profile.Role = Role{} }, "iam_instance_profile"},
		{"a role without a name", func(i *Instance) { i.Profile.Role.ARN = "arn:aws:iam::123456789012:role/" }, "iam_instance_profile"},
	} {
		t.Run(test.name, func(t *testing.T) {
			i := web()
			test.change(&i)
			if err := i.Validate(); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("Validate: %v, want an error about %s", err, test.want)
			}
		})
	}
}

func TestNewInstanceIDsAreEC2sAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		i := web()
		i.ID = NewInstanceID()
		if err := i.Validate(); err != nil {
			t.Fatal(err)
		}
		if seen[i.ID] {
			t.Fatalf("%s was made twice", i.ID)
		}
		seen[i.ID] = true
	}
}

func TestAnInstanceSurvivesJSON(t *testing.T) {
	want := web()
	want.Launch = launch()
	want.UserData = []byte("\x1f\x8b\xff") // as of gzip
	encoded, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Instance
	if err := json.Unmarshal(encoded, &got); err != nil || !got.Equal(want) {
		t.Errorf("%s became %+v, %v", encoded, got, err)
	}
}

func TestAnIncarnationSurvivesItsText(t *testing.T) {
	want := NewIncarnation()
	if want == NewIncarnation() {
		t.Error("two incarnations are alike")
	}
	encoded, err := want.MarshalText()
	if err != nil || len(encoded) != 32 {
		t.Fatalf("MarshalText = %s, %v", encoded, err)
	}
	var got Incarnation
	if err := got.UnmarshalText(encoded); err != nil || got != want {
		t.Errorf("UnmarshalText(%s) = %v, %v", encoded, got, err)
	}
}

func TestATextThatIsNoIncarnationChangesNothing(t *testing.T) {
	whole := strings.Repeat("0f", 16)
	for name, text := range map[string]string{
		"empty": "", "a byte short": whole[2:], "half a byte short": whole[1:], "a byte long": whole + "00",
		"half a byte long": whole + "0", "far too long": strings.Repeat(whole, 100), "no hexadecimal": whole[:30] + "zz",
	} {
		want := NewIncarnation()
		got := want
		if err := got.UnmarshalText([]byte(text)); err == nil || got != want {
			t.Errorf("%s: %v, and %v became %v", name, err, want, got)
		}
	}
}

func TestARolesName(t *testing.T) {
	for arn, want := range map[string]string{
		"":                                   "",
		"arn:aws:iam::123456789012:role/web": "web",
		"arn:aws:iam::123456789012:role/team/prod/web": "web",
		"arn:aws-cn:iam::123456789012:role/a+b=c,d.e@": "a+b=c,d.e@",
		"arn:aws:iam::123456789012:role/":              "",
	} {
		if got := (Role{ARN: arn}).Name(); got != want {
			t.Errorf("the name of %q is %q, want %q", arn, got, want)
		}
	}
}
