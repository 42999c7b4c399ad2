package main

import (
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// fileLines are the lines of core.yaml at which its objects are defined: by the
// account's id, and with it an object's kind and name.
type fileLines map[[3]string]int

// fileKinds are the lists of an account, the keys of their names, and what the core
// calls such an object.
var fileKinds = map[string]struct{ name, kind string }{
	"policies": {"policy_name", "policy"}, "groups": {"group_name", "group"}, "users": {"user_name", "user"},
	"virtual_mfa_devices": {"virtual_mfa_device_name", "virtual MFA device"}, "roles": {"role_name", "role"},
	"instance_profiles": {"instance_profile_name", "instance profile"}, "grants": {"grant_name", "grant"}, "oidc_providers": {"url", "OIDC provider"},
	"saml_providers": {"name", "SAML provider"},
}

// linesOf finds the lines; none in a file that is not there. Of what is defined twice
// it is the second.
func linesOf(path string) fileLines {
	lines := fileLines{}
	text, err := os.ReadFile(path)
	if err != nil {
		return lines
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil || len(document.Content) == 0 {
		return lines
	}
	for _, account := range members(under(document.Content[0], "accounts")) {
		id := under(account, "id").Value
		lines[[3]string{id}] = account.Line
		for list, names := range fileKinds {
			for _, object := range members(under(account, list)) {
				lines[[3]string{id, names.kind, under(object, names.name).Value}] = object.Line
			}
		}
	}
	return lines
}

// under returns the value of a key, an empty node if there is none.
func under(n *yaml.Node, key string) *yaml.Node {
	n = behind(n)
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return behind(n.Content[i+1])
		}
	}
	return &yaml.Node{}
}

func members(list *yaml.Node) []*yaml.Node {
	if list.Kind != yaml.SequenceNode {
		return nil
	}
	return list.Content
}

// behind is what an alias stands for.
func behind(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// definitionError puts an error about what a file defines behind the file and the line
// of what it is about.
func definitionError(path string, err error) error {
	objects := directory.Culprit(err)
	if err == nil || len(objects) == 0 {
		return err
	}
	at := [3]string{objects[0][1]}
	if len(objects) > 1 {
		at[1], at[2] = objects[1][0], objects[1][1]
	}
	lines := linesOf(path)
	line, ok := lines[at]
	if !ok {
		line = lines[[3]string{at[0]}]
	}
	if line == 0 {
		return fmt.Errorf("%s: %w", path, err)
	}
	return fmt.Errorf("%s:%d: %w", path, line, err)
}
