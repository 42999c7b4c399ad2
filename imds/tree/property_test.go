package tree_test

import (
	"fmt"
	"math/rand/v2"
	"path"
	"testing"

	"github.com/rolecall/rolecall/imds/tree"
	"github.com/rolecall/rolecall/imds/tree/treetest"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/identity"
)

// TestWhatIsListedAnswersAndWhatAnswersIsListed has instances at random, and crawls all
// versions of their trees.
func TestWhatIsListedAnswersAndWhatAnswersIsListed(t *testing.T) {
	seen := map[string]bool{} // rows of which some instance had a leaf
	for n := range uint64(150) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			r := rand.New(rand.NewPCG(n, 0))
			i := treetest.Random(r)
			var signed identity.Signed
			if r.IntN(2) > 0 {
				signed = identity.Signed{Document: identity.Of(i).Text(), Signature: "c2ln\nbmVk", PKCS7: "MIIC\nAAAA"}
			}
			for leaf := range checkTree(t, i, signed) {
				for _, row := range tree.Rows() {
					if ok, _ := path.Match(row, leaf); ok {
						seen[row] = true
					}
				}
			}
			if t.Failed() {
				t.Logf("%+v", i)
			}
		})
	}
	for _, row := range tree.Rows() {
		if !seen[row] {
			t.Errorf("no instance had %s: this test says nothing of it", row)
		}
	}
}

// checkTree crawls all versions of an instance's tree and looks for paths that answer
// and are not listed. It returns what the latest version has.
func checkTree(t *testing.T, i rolestore.Instance, signed identity.Signed) (found map[string]tree.Node) {
	t.Helper()
	tr := tree.New(i, signed)
	for _, version := range tree.Versions() {
		found = treetest.Crawl(t, tr, version)
		for _, p := range tr.Paths() {
			n, answers := tr.Lookup("/" + version + "/" + p)
			_, listed := found[p]
			// Without tags their directory answers with nothing, and is not listed.
			if answers && !listed && (p != "meta-data/tags/instance" || len(n.Body) > 0) {
				t.Errorf("%s/%s answers and is not listed", version, p)
			}
		}
	}
	return found
}
