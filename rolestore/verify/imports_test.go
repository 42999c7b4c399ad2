package verify_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestAServiceLinksNothingOfTheCores: what a service gets with the package is a client
// and a verifier, no server, database or network code.
func TestAServiceLinksNothingOfTheCores(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	linked := strings.Fields(string(out))
	if !slices.Contains(linked, "github.com/rolecall/rolecall/rolestore/verify/wire") {
		t.Fatalf("go list says %s", out)
	}
	for _, path := range linked {
		for _, foreign := range []string{"github.com/gin-gonic/", "go.etcd.io/", "github.com/vishvananda/", "github.com/mdlayher/", "github.com/google/nftables"} {
			if strings.HasPrefix(path, foreign) {
				t.Errorf("a service gets %s", path)
			}
		}
		if own, ok := strings.CutPrefix(path, "github.com/rolecall/rolecall/"); ok && own != "rolestore/verify" && own != "rolestore/verify/wire" {
			t.Errorf("a service gets %s", own)
		}
	}
}
