package tree

import (
	"strconv"
	"strings"

	"github.com/rolecall/rolecall/rolestore"
)

// Kind says what a node answers with.
type Kind int

const (
	// Text is what the tree holds.
	Text Kind = iota
	// Opaque is what the tree holds too, bytes of a type that nobody knows.
	Opaque
	// RoleCredentials is the document of the role's credentials, which the server
	// has to fill in.
	RoleCredentials
	// RoleCredentialsExtended is RoleCredentials with the role's account.
	RoleCredentialsExtended
	// RoleInfo is the document iam/info, which the server has to fill in.
	RoleInfo
)

// each in a path stands for the name of each of the row's items.
const each = "{}"

// row is what there may be at a path: of each instance one leaf, or none, or, where
// the path has an [each], any number of them.
type row struct {
	path  string // below the version
	since string // the version that EC2 documents as the first to have it
	kind  Kind
	items func(rolestore.Instance) []item
}

// item is one leaf of a row. Where the server fills in the text, its own is not looked
// at.
type item struct {
	name string // in the place of each
	// entry is how the directory lists the name, if not as it is.
	entry string
	text  string
}

// one is a leaf with a text; "" says that there is no such leaf.
func one(text func(rolestore.Instance) string) func(rolestore.Instance) []item {
	return func(i rolestore.Instance) []item {
		if t := text(i); t != "" {
			return []item{{text: t}}
		}
		return nil
	}
}

// several is a leaf of several lines, one for each text.
func several(texts func(rolestore.Instance) []string) func(rolestore.Instance) []item {
	return one(func(i rolestore.Instance) string { return lines(texts(i)) })
}

// lines is how a leaf holds a list: line ends between, as in listings.
func lines(texts []string) string { return strings.Join(texts, "\n") }

// number is a leaf's, or none for 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func role(i rolestore.Instance) []item {
	if name := i.Profile.Role.Name(); name != "" {
		return []item{{name: name}}
	}
	return nil
}

// publicKeys are known by number, and listed with their names behind it.
func publicKeys(i rolestore.Instance) []item {
	var items []item
	for n, k := range i.PublicKeys {
		number := strconv.Itoa(n)
		items = append(items, item{name: number, entry: number + "=" + k.Name, text: k.Key})
	}
	return items
}

func blockDevices(i rolestore.Instance) []item {
	var items []item
	for name, device := range i.BlockDevices {
		items = append(items, item{name: name, text: device})
	}
	return items
}

func productCodes(i rolestore.Instance) []string {
	var codes []string
	for _, c := range i.ProductCodes {
		codes = append(codes, c.ID)
	}
	return codes
}

// securityGroups are those of the primary network interface, live as all of the tree.
func securityGroups(i rolestore.Instance) []string {
	if len(i.NetworkInterfaces) > 0 {
		return groupNames(i.NetworkInterfaces[0].SecurityGroups)
	}
	return groupNames(i.SecurityGroups)
}

func privateIPv4(i rolestore.Instance) string { return i.PrivateIPv4 }

func always(text string) func(rolestore.Instance) string {
	return func(rolestore.Instance) string { return text }
}
