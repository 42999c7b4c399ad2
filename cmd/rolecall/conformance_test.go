package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// client is an unmodified program that knows nothing but where to use its role: at the
// core or at an S3 server.
type client struct {
	name, use string // as the README's table has them
	region    string // how it finds the region
	command   []string
	env       []string
	says      map[string]string // by key, a regular expression of what it prints as key=value
	prints    string            // or of all that it prints
}

const (
	useCore = "asks the core who it is"
	useS3   = "reads or writes at an S3 server"
	useTree = "reads what is told beside"
)

// What is found of the region is in what the client says or prints. Those that have no
// means ask for credentials alone, whatever they are configured to: nothing in their code
// asks the metadata service for a region or a zone.
const (
	byItself = "found"
	noMeans  = "has no means to ask"
)

const s3Address = "127.0.0.1:9000"

// conformance are the clients of the README's table, in its order. programs and scripts
// are where ours are.
func conformance(programs, scripts string) []client {
	js := func(name string) []string {
		return []string{"node", filepath.Join(scripts, "js", name), issuerURL, "1"}
	}
	arn := map[string]string{"arn": hostARN.String()}
	found := map[string]string{"arn": hostARN.String(), "region": "^us-east-1$"}
	rclone := []string{"rclone", "--s3-env-auth", "--s3-provider", "Other", "--s3-endpoint", "http://" + s3Address, "lsf", ":s3:bucket"}
	return []client{
		{name: "awscli 2 (Debian)", use: useCore, region: byItself,
			prints:  `(?ms)^arn:aws:sts::[0-9]{12}:assumed-role/default/i-[0-9a-f]{17}$.*^ *region +us-east-1 +imds`,
			command: []string{"sh", "-c", "/usr/bin/aws sts get-caller-identity --query Arn --output text --endpoint-url " + issuerURL + " && /usr/bin/aws configure list"}},
		{name: "boto3 (Debian)", use: useCore, says: found, region: "found by its `IMDSRegionProvider`", command: []string{"/usr/bin/python3", filepath.Join(scripts, "boto.py"), issuerURL, "1"}},
		{name: "aws-sdk-go-v2", use: useCore, says: found, region: byItself, command: []string{os.Args[0], issuerURL}},
		{name: "aws-sdk-go, version 1", use: useCore, says: found, region: byItself, command: []string{filepath.Join(programs, "sdkv1"), issuerURL, "1"}},
		{name: "AWS SDK for JavaScript, version 3", use: useCore, says: found, region: "found by its `MetadataService`", command: js("v3.mjs")},
		{name: "AWS SDK for JavaScript, version 2", use: useCore, says: found, region: "found by its `MetadataService`", command: js("v2.mjs")},
		{name: "AWS Common Runtime (npm's aws-crt)", use: useCore, region: noMeans, says: arn, command: js("crt.mjs")},
		{name: "minio-go", use: useS3, region: noMeans, says: map[string]string{"object": "^written by minio-go$"}, command: []string{filepath.Join(programs, "minio"), s3Address, "1"}},
		{name: "rclone (Debian)", use: useS3, region: noMeans, prints: "(?m)^minio-go$", command: rclone},
		{name: "restic (Debian)", use: useS3, region: noMeans, prints: "created restic repository", env: []string{"RESTIC_PASSWORD=for a test"},
			command: []string{"restic", "--no-cache", "-r", "s3:http://" + s3Address + "/bucket/restic", "init"}},
		{name: "s3cmd (Debian)", use: useS3, region: noMeans, prints: "(?m) s3://bucket/minio-go$",
			command: []string{"sh", "-c", "echo '[default]' >$HOME/.s3cfg && s3cmd --host " + s3Address + " --host-bucket " + s3Address + " --no-ssl ls s3://bucket/"}},
		{name: "ec2metadata (Debian)", use: useTree, region: "its zone", prints: "(?ms)^availability-zone: us-east-1a$.*^instance-id: i-[0-9a-f]{17}$",
			command: []string{"ec2metadata"}},
		{name: "cloud-init (Debian)", use: useTree, region: byItself,
			prints:  `"cloud": "aws", "platform": "ec2", "region": "us-east-1", "instance-id": "i-[0-9a-f]{17}".*"placement": \{.*"availability-zone": "us-east-1a".*"accountId": "[0-9]{12}"`,
			command: cloudInitCommand(scripts)},
	}
}

// cloudInitCommand is the command that has cloud-init crawl. It knows EC2 by the machine's UUID,
// which Xen shows here. What else is in /sys does not matter to it.
func cloudInitCommand(scripts string) []string {
	return []string{"unshare", "--mount", "sh", "-c", "mount -t tmpfs none /sys && mkdir -p /sys/hypervisor /sys/class/net && " +
		"echo ec2e1916-9099-7caf-fd21-012345abcdef >/sys/hypervisor/uuid && exec /usr/bin/python3 " + filepath.Join(scripts, "crawl.py") + " $HOME"}
}

// TestEveryClientFindsItsRole runs `up` and lets each client, which has no configuration
// at all, use the role of the machine. Afterwards nothing that a client asked for was
// refused, and the README's table is what was seen.
func TestEveryClientFindsItsRole(t *testing.T) {
	scripts, err := filepath.Abs("../../testdata/clients")
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	programs := buildClients(t, scripts)
	h.up()
	h.serveS3(filepath.Join(programs, "s3server"))
	table := "| client | role | region |\n|---|---|---|\n"
	for _, c := range conformance(programs, scripts) {
		t.Run(c.name, func(t *testing.T) {
			cmd := h.ns.Command(t.Context(), c.command[0], c.command[1:]...)
			cmd.Env = append(emptyConfiguration(t), c.env...)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s%s", err, out, &stderr)
			}
			if c.prints != "" && !regexp.MustCompile(c.prints).Match(out) {
				t.Errorf("it prints\n%s\nwant %s", out, c.prints)
			}
			for key, want := range c.says {
				if got := printed(out)[key]; !regexp.MustCompile(want).MatchString(got) {
					t.Errorf("%s is %q, want %s", key, got, want)
				}
			}
			for _, i := range h.status().Instances {
				if r := i.LastRefusal; r != nil && !strings.HasSuffix(r.Path, "user-data") {
					t.Errorf("a request was refused: %+v", r)
				}
			}
		})
		table += "| " + c.name + " | " + c.use + " | " + c.region + " |\n"
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), table) {
		t.Errorf("the README's table of clients is not what was seen:\n%s", table)
	}
}

// printed reads lines of key=value.
func printed(out []byte) map[string]string {
	said := map[string]string{}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		said[key] = value
	}
	return said
}

// buildClients builds the Go programs below testdata/clients/go.
func buildClients(t *testing.T, scripts string, flags ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	build := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-trimpath", "-o", dir}, flags...), "./...")...)
	build.Dir = filepath.Join(scripts, "go")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// serveS3 starts an S3 server that takes what is signed with the machine's role.
func (h *house) serveS3(program string, more ...string) {
	h.t.Helper()
	cmd := h.ns.Command(h.t.Context(), program, append([]string{s3Address}, more...)...)
	cmd.Env = emptyConfiguration(h.t)
	h.startCommand("s3server", cmd).waitFor("the S3 server listens")
}
