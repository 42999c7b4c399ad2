//go:build ansible

package iam

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// playbook keeps what there is, or is not, of a role, its policies and its profile.
const playbook = `
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/aws: {endpoint_url: "{{ lookup('env', 'ENDPOINT') }}"}
  tasks:
    - community.aws.iam_managed_policy:
        policy_name: files
        policy_description: what a web server reads
        state: "{{ state }}"
        policy: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:Get*", Resource: "*"}]}
      when: state == "present"
    - community.aws.iam_role:
        name: web
        state: "{{ state }}"
        description: a web server's
        max_session_duration: 7200
        assume_role_policy_document: '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
        managed_policies: [files]
        tags: {team: "a b", cost: ""}
        delete_instance_profile: true
    - amazon.aws.iam_policy:
        iam_type: role
        iam_name: web
        policy_name: inline
        state: present
        policy_json: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "sqs:*", Resource: "*"}]}
      when: state == "present"
    - community.aws.iam_role_info: {name: web}
    - community.aws.iam_managed_policy: {policy_name: files, state: absent}
      when: state == "absent"
`

var changed = regexp.MustCompile(`(?m)^localhost.*changed=([0-9]+).*failed=([0-9]+)`)

func TestAnsibleIsServed(t *testing.T) {
	const ansible = "/usr/bin/ansible-playbook"
	if _, err := os.Stat(ansible); err != nil {
		t.Fatal("needs Debian's ansible, which `make test-ansible` installs")
	}
	w := newWorld(t, standard())
	path := filepath.Join(t.TempDir(), "play.yaml")
	must(t, os.WriteFile(path, []byte(playbook), 0o600))
	run := func(state, want string) {
		t.Helper()
		out := w.play(t, "admin", ansible, "-i", "localhost,", "-c", "local", "-e", "ansible_python_interpreter="+python, "-e", "state="+state, path)
		if m := changed.FindStringSubmatch(out); m == nil || m[1] != want || m[2] != "0" {
			t.Errorf("%s: want %s changed: %s", state, want, out)
		}
	}
	run("present", "3")
	r, p := w.directory.Snapshot().RoleByName(account, "web"), w.directory.Snapshot().InstanceProfileByName(account, "web")
	if r == nil || p == nil || p.Role != "web" || len(r.Definition.Policies) != 1 || len(r.Definition.ManagedPolicies) != 1 || r.Tags["team"] != "a b" || r.Definition.Description != "a web server's" {
		t.Errorf("the role is %+v, the profile %+v", r, p)
	}
	run("present", "0")
	run("absent", "2")
	if s := w.directory.Snapshot(); s.RoleByName(account, "web") != nil || s.InstanceProfileByName(account, "web") != nil || s.ManagedPolicy(policyOf("files")) != nil {
		t.Error("something is left")
	}
}
