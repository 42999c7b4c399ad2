package directory

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// other is a value that is not the zero one.
func other(t *testing.T, kind reflect.Type) reflect.Value {
	v := reflect.New(kind).Elem()
	switch kind.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Int64:
		v.SetInt(int64(time.Hour))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(kind, 1, 1))
	case reflect.Map:
		v.Set(reflect.MakeMap(kind))
		v.SetMapIndex(other(t, kind.Key()), reflect.Zero(kind.Elem()))
	default:
		t.Fatalf("no other %s", kind)
	}
	return v
}

// TestEachFieldThatChangesIsNamed changes the fields of each definition one by one, so
// that none is forgotten: a change that is not seen would not be stored either.
func TestEachFieldThatChangesIsNamed(t *testing.T) {
	apart := []string{"Name", "Path", "Account", "AccessKeys", "Unnamed", "GrantedBy", "Retagged"} // are seen elsewhere, or make another object
	try := func(zero any, want map[string]string, changes func(changed any) []string) {
		kind := reflect.TypeOf(zero)
		for i := range kind.NumField() {
			name := kind.Field(i).Name
			if slices.Contains(apart, name) {
				continue
			}
			v := reflect.New(kind).Elem()
			v.Field(i).Set(other(t, kind.Field(i).Type))
			if got := changes(v.Interface()); !slices.Equal(got, []string{want[name]}) {
				t.Errorf("%s of %s: %q", name, kind, got)
			}
		}
	}
	policies := map[string]string{"Policies": "policies", "ManagedPolicies": "attached_managed_policies", "PermissionsBoundary": "permissions_boundary", "Tags": "tags",
		"Groups": "groups", "AssumeRolePolicyDocument": "assume_role_policy_document", "MaxSessionDuration": "max_session_duration", "Description": "description"}
	try(RoleDefinition{}, policies, func(o any) []string { return RoleDefinition{}.changes(o.(RoleDefinition)) })
	try(UserDefinition{}, policies, func(o any) []string { return UserDefinition{}.changes(o.(UserDefinition)) })
	try(GroupDefinition{}, policies, func(o any) []string { return GroupDefinition{}.changes(o.(GroupDefinition)) })
	try(InstanceProfileDefinition{}, map[string]string{"Role": "role", "Tags": "tags"}, func(o any) []string { return InstanceProfileDefinition{}.changes(o.(InstanceProfileDefinition)) })
	try(Grant{}, map[string]string{"Host": "host", "HostKey": "host_key_sha256", "InstanceProfiles": "instance_profiles", "InstanceIDs": "instance_ids",
		"Region": "region", "Tags": "tags", "TagKeys": "tag_keys", "ManagedBy": "managed_by"}, func(o any) []string { g := o.(Grant); return new(Grant).changes(&g) })
}

func TestWhatChangedIsNamedWithoutSecrets(t *testing.T) {
	const seed, next = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U"
	d := newPlace(t).open(t)
	file := people()
	file.Accounts[0].VirtualMFADevices = []MFADeviceDefinition{{Name: "phone", User: file.Accounts[0].Users[0].Name, Seed: rolestore.NewSecret(seed)}}
	reconcile(t, d, file, false)
	a := &file.Accounts[0]
	a.JWTVendingEnabled = true
	a.VirtualMFADevices[0].Seed = rolestore.NewSecret(next)
	a.Roles[0].MaxSessionDuration, a.Roles[0].Tags = 2*time.Hour, map[string]string{"team": "classified"}
	done := reconcile(t, d, file, false)
	for _, want := range []string{
		"virtual MFA device " + account + "/phone updated: base32_string_seed",
		"role " + account + "/" + a.Roles[0].Name + " updated: tags, max_session_duration",
		"account " + account + " updated: jwt_vending_enabled",
	} {
		if !slices.Contains(done, want) {
			t.Errorf("no line says %q: %q", want, done)
		}
	}
	if text := strings.Join(done, "\n"); strings.Contains(text, next) || strings.Contains(text, "classified") {
		t.Errorf("the lines say what the fields hold: %s", text)
	}
}
