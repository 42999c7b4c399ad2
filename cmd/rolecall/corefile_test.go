package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore/issuer"
)

// peopleYAML is a core.yaml with a user, who has a key and a device that the core
// makes, and a role that he may assume.
const peopleYAML = `
accounts:
  - id: "123456789012"
    policies:
      - policy_name: assume
        policy_document: {Version: "2012-10-17", Statement: {Effect: Allow, Action: sts:AssumeRole, Resource: "*"}}
    groups:
      - {group_name: ops, attached_managed_policies: ["arn:aws:iam::123456789012:policy/assume"]}
    users:
      - user_name: alice
        groups: [ops]
        tags: {team: red}
        access_keys: [{status: Active}]
    virtual_mfa_devices:
      - {virtual_mfa_device_name: alice, user_name: alice}
    roles:
      - role_name: default
        assume_role_policy_document:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}]
      - role_name: reports
        attached_managed_policies: ["arn:aws:iam::aws:policy/AdministratorAccess"]
        assume_role_policy_document:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Principal: {AWS: "123456789012"}, Action: sts:AssumeRole}]
    instance_profiles: [{instance_profile_name: default, role: default}]
`

func (h *house) madeSecrets() (made []issuer.Secret) {
	h.t.Helper()
	out, errs, ok := h.run("core secrets")
	if !ok || json.Unmarshal([]byte(out), &made) != nil {
		h.t.Fatalf("core secrets: %s %s", out, errs)
	}
	for _, m := range made {
		h.secrets = append(h.secrets, m.SecretAccessKey, m.Base32StringSeed)
	}
	return made
}

func TestTheCoreFollowsItsFile(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", peopleYAML)
	p := h.start(nil, "core")
	p.waitFor("core is ready")
	made := h.madeSecrets()
	if len(made) != 2 || made[0].UserARN != "arn:aws:iam::123456789012:user/alice" || made[0].SecretAccessKey == "" || made[1].SerialNumber != "arn:aws:iam::123456789012:mfa/alice" {
		t.Fatalf("the secrets that the core made are of %d things", len(made))
	}
	if again := h.madeSecrets(); len(again) != 0 {
		t.Error("the secrets are shown twice")
	}

	h.write("core.yaml", strings.ReplaceAll(peopleYAML, "user_name: alice", "user_name: al ice"))
	p.waitFor("the configuration file changes nothing")
	h.write("core.yaml", "no_such_setting: 1\n"+peopleYAML)
	p.waitFor(`unknown key \"no_such_setting\"`)
	h.write("core.yaml", "")
	p.waitFor("defines no account any more")

	h.write("new.yaml", strings.Replace(peopleYAML, "status: Active", "status: Inactive", 1))
	if err := os.Rename(h.path("new.yaml"), h.path("core.yaml")); err != nil { // as editors do
		t.Fatal(err)
	}
	p.waitFor("of user 123456789012/alice is now Inactive")
	if text := p.output.String(); strings.Contains(text, "deleted") || strings.Contains(text, "updated") {
		t.Error("a broken file changed something")
	}
}

func TestASecretInAnOpenFile(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", strings.Replace(peopleYAML, "{status: Active}", "{access_key_id: AKIAQ3EGRZ2ABCDEFGH2, secret_access_key: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY}", 1))
	if err := os.Chmod(h.path("core.yaml"), 0o640); err != nil {
		t.Fatal(err)
	}
	expect(t, h.refused("core"), "it has a secret in it and is open to others", "chmod 600 "+filepath.Join(h.dir, "core.yaml"))
	if err := os.Chmod(h.path("core.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.start(nil, "core").waitFor("core is ready")
}

// A profile that is written down while `up` runs is for this host's instances at once.
func TestUpGrantsItselfWhatItsFileAdds(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", coreFileOf("123456789012", "ec2.amazonaws.com"))
	p := h.up("--log-level", "info", "--region", "eu-central-1")
	h.write("core.yaml", strings.Replace(coreFileOf("123456789012", "ec2.amazonaws.com"),
		"instance_profiles: [", "instance_profiles: [{instance_profile_name: more, role: default}, ", 1))
	p.waitFor("the configuration file is in force")
	out, errs, ok := h.run("core grant list", "--core-socket", h.path("run/core.sock"), "-o", "json")
	if !ok || !strings.Contains(out, "arn:aws:iam::123456789012:instance-profile/more") || !strings.Contains(out, `"region": "eu-central-1"`) {
		t.Errorf("the grants are %s %s", out, errs)
	}
	h.write("core.yaml", "accounts: 7\n")
	p.waitFor("the configuration file changes nothing")
	if notes := strings.Join(h.status().Notes, "\n"); !strings.Contains(notes, "The core's configuration file changes nothing: ") {
		t.Errorf("status notes %q", notes)
	}
}

// grantYAML is a core.yaml with a grant of one profile to a host, on line 11.
func grantYAML(host, key, profile string) string {
	return `
accounts:
  - id: "123456789012"
    roles:
      - role_name: web
        assume_role_policy_document:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}]
    instance_profiles: [{instance_profile_name: web, role: web}, {instance_profile_name: db, role: web}]
    grants:
      - {grant_name: web, host: ` + host + `, host_key_sha256: ` + key + `, instance_profiles: [` + profile + `], instance_ids: ["i-*"], region: eu-central-1, tags: {team: blue}}
`
}
