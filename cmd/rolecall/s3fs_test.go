package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
)

// TestS3FSMountsABucketWithTheRole runs Debian's s3fs 1.90, which knows IMDSv1 alone, in a
// container that may ask without session tokens; in one that may not, it finds no role.
func TestS3FSMountsABucketWithTheRole(t *testing.T) {
	scripts, err := filepath.Abs("../../testdata/clients")
	if err != nil {
		t.Fatal(err)
	}
	programs := buildClients(t, scripts)
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	h.up()
	container := &house{t: t, ns: nettest.New(t), dir: h.dir}
	put := func(tokens string) {
		h.write("container.yaml", "instance_id: "+webGuest+"\niam_instance_profile: web\nattachment: {netns: "+container.ns.Path()+"}\n"+
			"metadata_options: {http_tokens: "+tokens+"}\n")
		h.instance("put", "-f", h.path("container.yaml"))
		h.instance("wait", webGuest)
	}
	mount := func() (string, error) {
		dir := t.TempDir()
		// The mount is seen by the shell alone, and ends with it.
		cmd := container.ns.Command(t.Context(), "unshare", "--mount", "--propagation", "private", "sh", "-ec",
			"s3fs bucket "+dir+" -o iam_role=auto -o url=http://"+s3Address+" -o use_path_request_style\n"+
				"echo written by s3fs >"+dir+"/file\ncat "+dir+"/file\numount "+dir)
		cmd.Env = emptyConfiguration(t)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	put("optional")
	container.serveS3(filepath.Join(programs, "s3server"), "tokenless")
	if out, err := mount(); err != nil || strings.TrimSpace(out) != "written by s3fs" {
		t.Errorf("tokens are optional: %v: %s", err, out)
	}
	put("required")
	if out, err := mount(); err == nil {
		t.Errorf("tokens are required: %s", out)
	}
}
