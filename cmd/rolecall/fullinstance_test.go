package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore"
)

// fullInstance is the example of an instance that is told everything.
const fullInstance = "../../testdata/instances/full.yaml"

// TestTheExampleOfAnInstanceSaysAllThatThereIs has every member of what an instance is
// told have a value there, of lists in some element.
func TestTheExampleOfAnInstanceSaysAllThatThereIs(t *testing.T) {
	d, err := readInstance(fullInstance)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for name, part := range map[string]any{"launch": d.Launch, "placement": d.Placement, "metadata_options": d.Options} {
		noteMembers(said, name, reflect.ValueOf(part))
	}
	for name, ok := range said {
		if !ok {
			t.Errorf("%s does not say %s", fullInstance, name)
		}
	}
}

// TestTheScriptOfTheTreeIsOfThatInstance has testdata/imds/tree.txt answer for everything
// that the example says.
func TestTheScriptOfTheTreeIsOfThatInstance(t *testing.T) {
	want, err := readInstance(fullInstance)
	if err != nil {
		t.Fatal(err)
	}
	script := readScript(t, "../../testdata/imds/tree.txt")
	got, err := parseInstance("tree.txt", []byte(webDocument+strings.Join(script.instance, "\n")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got.InstanceID, got.Attachment = want.InstanceID, want.Attachment; !reflect.DeepEqual(got, want) {
		t.Errorf("the script's instance is\n%+v, the example's\n%+v", got, want)
	}
}

// noteMembers notes whether each member of v has a value somewhere.
func noteMembers(said map[string]bool, name string, v reflect.Value) {
	said[name] = said[name] || !v.IsZero()
	if v.Kind() == reflect.Struct {
		for n := range v.NumField() {
			noteMembers(said, name+"."+v.Type().Field(n).Name, v.Field(n))
		}
	}
	if v.Kind() == reflect.Slice {
		for n := range v.Len() {
			noteMembers(said, name, v.Index(n))
		}
	}
}

// TestAFullInstanceIsCrawled puts the example, with all events, and has cloud-init crawl
// it, which keeps nothing of a tree in which one listed path does not answer. Then tags
// are turned off while it runs.
func TestAFullInstanceIsCrawled(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	h.up()
	guest := h.guest("tap1")
	h.instance("put", "-f", fullInstance)
	h.instance("wait", webGuest)
	for _, event := range [][]string{{"spot-interruption", "--action", "terminate"}, {"rebalance-recommendation"},
		{"maintenance", "--code", "system-reboot"}, {"target-lifecycle-state", "--state", "InService"}} {
		h.instance(append([]string{"event", event[0], webGuest}, event[1:]...)...)
	}
	shown := strings.Join(strings.Fields(h.instance("show", webGuest)), " ")
	for _, want := range []string{"image_id ami-0a887e401f7654935 ", `"device_index":1`, "user_data 17 characters: see -o json"} {
		if !strings.Contains(shown, want) {
			t.Errorf("show prints no %s: %s", want, shown)
		}
	}
	h.putsWhatIsShown()
	crawled := guest.cloudInit()
	const nic = "metadata network interfaces macs 06:00:00:00:00:0"
	for path, want := range map[string]any{
		"cloud": "aws", "region": "eu-west-1", "instance-id": webGuest, "user-data": "#cloud-config\n{}\n",
		"metadata ami-launch-index":                          "1",
		"metadata ancestor-ami-ids":                          "ami-0b1e5b2a7d1f4c3e2",
		"metadata block-device-mapping ebs1":                 "sdb",
		"metadata events maintenance history":                "[]",
		"metadata instance-life-cycle":                       "spot",
		"metadata ipv6":                                      "2001:db8:0:1::5",
		"metadata kernel-id":                                 "aki-5c21674b",
		"metadata local-hostname":                            "web.example.com",
		"metadata placement availability-zone-id":            "euw1-az2",
		"metadata placement partition-number":                "3",
		"metadata product-codes":                             "abcdefghijklmnopqrstuvwxy",
		"metadata public-ipv4":                               "198.51.100.5",
		"metadata public-keys somebody":                      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPp1xVYyUW0cWqhqWbRvKTnQdkOHXFmyHTqjOCOmtYCm somebody@example.com",
		"metadata reservation-id":                            "r-046cb3eca3e201d2f",
		"metadata security-groups":                           "default",
		"metadata services partition":                        "aws",
		"metadata spot instance-action action":               "terminate",
		"metadata tags instance aws:autoscaling:groupName":   "web fleet",
		"metadata tags instance empty":                       "",
		nic + "1 device-number":                              "0",
		nic + "1 ipv4-associations 198.51.100.6":             "10.0.0.6",
		nic + "1 ipv6s":                                      []any{"2001:db8:0:1::5", "2001:db8:0:1::6"},
		nic + "1 local-ipv4s":                                []any{"10.0.0.5", "10.0.0.6"},
		nic + "1 owner-id":                                   "123456789012",
		nic + "1 subnet-ipv4-cidr-block":                     "10.0.0.0/24",
		nic + "1 vpc-ipv4-cidr-blocks":                       []any{"10.0.0.0/16", "10.1.0.0/16"},
		nic + "2 local-hostname":                             "ip-10-0-2-5.eu-west-1.compute.internal",
		nic + "2 network-card":                               "1",
		nic + "2 owner-id":                                   "210987654321",
		nic + "2 security-groups":                            []any{"db", "db clients"},
		"identity architecture":                              "x86_64",
		"identity kernelId":                                  "aki-5c21674b",
		"metadata system":                                    nil, // its version has none
		"metadata iam security-credentials":                  nil,
		"metadata network interfaces macs 06:00:00:00:00:03": nil,
	} {
		if got := below(crawled, path); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %#v, want %#v", path, got, want)
		}
	}
	if codes := below(crawled, "identity marketplaceProductCodes"); fmt.Sprint(codes) != "[abcdefghijklmnopqrstuvwxy]" {
		t.Errorf("the product codes of the document are %v", codes)
	}
	for _, i := range h.status().Instances {
		if i.LastRefusal != nil {
			t.Errorf("a request was refused: %+v", i.LastRefusal)
		}
	}
	guest.tagsAreTurnedOff(h)
}

// TestUserDataIsAnsweredAsItWasGiven has as much as EC2 takes, of every byte there is.
func TestUserDataIsAnsweredAsItWasGiven(t *testing.T) {
	h := newHouse(t)
	h.up()
	guest := h.guest("tap1")
	data := make([]byte, rolestore.MaxUserData)
	for n := range data {
		data[n] = byte(n)
	}
	h.write("web.yaml", "instance_id: "+webGuest+"\nattachment: {interface: tap1}\nuser_data_base64: "+base64.StdEncoding.EncodeToString(data)+"\n")
	h.instance("put", "-f", h.path("web.yaml"))
	h.instance("wait", webGuest)
	for _, path := range []string{"/latest/user-data", "/2009-04-04/user-data/"} {
		status, text, err := guest.request(http.MethodGet, metadata+path, "X-aws-ec2-metadata-token", guest.token())
		if err != nil || status != http.StatusOK || text != string(data) {
			t.Errorf("%s answers %d with %d bytes, %v", path, status, len(text), err)
		}
	}
}

// tagsAreTurnedOff has the tags go with the next request of a session, and come back.
func (h *house) tagsAreTurnedOff(host *house) {
	h.t.Helper()
	token := h.token()
	want := func(path string, status int, body string) {
		h.t.Helper()
		got, text, err := h.request(http.MethodGet, metadata+"/latest/meta-data/"+path, "X-aws-ec2-metadata-token", token)
		if err != nil || got != status || status == http.StatusOK && text != body {
			h.t.Errorf("%s is %d %q, %v; want %d %q", path, got, text, err, status, body)
		}
	}
	role := h.role()["AccessKeyId"]
	want("tags/instance", http.StatusOK, "Name\naws:autoscaling:groupName\nempty")
	text, err := os.ReadFile(fullInstance)
	if err != nil {
		h.t.Fatal(err)
	}
	host.write("disabled.yaml", strings.Replace(string(text), "instance_metadata_tags: enabled", "instance_metadata_tags: disabled", 1))
	host.instance("put", "-f", host.path("disabled.yaml"))
	want("tags/instance", http.StatusOK, "")
	want("tags/instance/Name", http.StatusNotFound, "")
	want("tags", http.StatusNotFound, "")
	want("tags/", http.StatusNotFound, "")
	host.instance("put", "-f", fullInstance)
	want("tags/instance/Name", http.StatusOK, "web")
	if now := h.role()["AccessKeyId"]; now != role {
		h.t.Errorf("tags that come and go have changed the credentials from %s to %s", role, now)
	}
}

// putsWhatIsShown puts the definition that `instance show` prints: nothing changes.
func (h *house) putsWhatIsShown() {
	h.t.Helper()
	definition := func() string {
		var shown struct{ Definition json.RawMessage }
		if err := json.Unmarshal([]byte(h.instance("show", "-o", "json", webGuest)), &shown); err != nil {
			h.t.Fatal(err)
		}
		return string(shown.Definition)
	}
	before := definition()
	h.write("shown.json", before)
	h.instance("put", "-f", h.path("shown.json"))
	if after := definition(); after != before || !strings.Contains(after, "sg-0fedcba9876543210") {
		h.t.Errorf("%s became %s", before, after)
	}
}

// cloudInit is what cloud-init keeps of everything that it is told.
func (h *house) cloudInit() map[string]any {
	h.t.Helper()
	scripts, err := filepath.Abs("../../testdata/clients")
	if err != nil {
		h.t.Fatal(err)
	}
	command := cloudInitCommand(scripts)
	cmd := h.ns.Command(h.t.Context(), command[0], command[1:]...)
	cmd.Env = emptyConfiguration(h.t)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var crawled map[string]any
	if err == nil {
		err = json.Unmarshal(out, &crawled)
	}
	if err != nil {
		h.t.Fatalf("cloud-init: %v\n%s%s", err, out, &stderr)
	}
	return crawled
}

// below is the value at a path of names, or nil.
func below(v any, path string) any {
	for name := range strings.SplitSeq(path, " ") {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// TestTheHelpNamesAllThatAnInstanceIsTold has every member of a file in `instance put --help`.
func TestTheHelpNamesAllThatAnInstanceIsTold(t *testing.T) {
	command, _, err := instanceCommand(world{}, defaults{}).Find([]string{"put"})
	if err != nil {
		t.Fatal(err)
	}
	words := regexp.MustCompile(`[a-z0-9_]+`).FindAllString(command.Long, -1)
	for member := range reflect.TypeFor[rolestore.Launch]().Fields() {
		if name, _, _ := strings.Cut(member.Tag.Get("json"), ","); !slices.Contains(words, name) {
			t.Errorf("the help does not name %s", name)
		}
	}
}
