package iam

import (
	"bytes"
	"fmt"
	"image/png"
	"os/exec"
	"strings"
	"testing"
	"time"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// tool is a program of Debian's that plays a phone.
func tool(t testing.TB, name, input string, arguments ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("needs %s (Debian's oathtool and zbar-tools): %v", name, err)
	}
	command := exec.CommandContext(t.Context(), name, arguments...)
	command.Stdin = strings.NewReader(input)
	var problems bytes.Buffer
	command.Stderr = &problems
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, problems.String())
	}
	return strings.TrimSpace(string(out))
}

// phone shows the codes of a device, as one whose clock is off by so many steps.
type phone struct {
	w    *world
	seed string
	off  int
}

// code is what the phone shows, steps from now.
func (p phone) code(t testing.TB, steps int) *string {
	t.Helper()
	at := p.w.clock().Add(time.Duration(p.off+steps) * 30 * time.Second)
	return str(tool(t, "oathtool", p.seed, "--totp", "--base32", "--now", at.Format("2006-01-02 15:04:05 UTC"), "-"))
}

// device makes a virtual MFA device.
func (w *world) device(t testing.TB, c *awsiam.Client, name string) (serial *string, on phone) {
	t.Helper()
	made, err := c.CreateVirtualMFADevice(t.Context(), &awsiam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: &name})
	must(t, err)
	return made.VirtualMFADevice.SerialNumber, phone{w: w, seed: string(made.VirtualMFADevice.Base32StringSeed)}
}

func enable(t testing.TB, c *awsiam.Client, user string, serial, first, second *string) error {
	t.Helper()
	_, err := c.EnableMFADevice(t.Context(), &awsiam.EnableMFADeviceInput{UserName: &user, SerialNumber: serial, AuthenticationCode1: first, AuthenticationCode2: second})
	return err
}

// counts reports whether a code counts, as STS asks.
func (w *world) counts(t testing.TB, serial, code *string) bool {
	t.Helper()
	d := w.directory.Snapshot().MFADevice(*serial)
	step, ok := d.Step(*code, w.clock())
	if !ok {
		return false
	}
	used, err := w.directory.UseCode(d, step)
	must(t, err)
	return used
}

// TestAPersonEnrolsAPhone does what a person does: the picture is read by a camera's
// program, and the codes are those of a program of others.
func TestAPersonEnrolsAPhone(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	enlist(t, admin, "alice")
	made, err := admin.CreateVirtualMFADevice(t.Context(), &awsiam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: str("alice"), Path: str("/team/"),
		Tags: []types.Tag{{Key: str("k"), Value: str("v")}}})
	must(t, err)
	d := made.VirtualMFADevice
	picture, err := png.Decode(bytes.NewReader(d.QRCodePNG))
	if err != nil || *d.SerialNumber != "arn:aws:iam::"+account+":mfa/team/alice" || len(d.Base32StringSeed) != 64 {
		t.Fatalf("the device is %s, its seed has %d characters, its picture: %v", *d.SerialNumber, len(d.Base32StringSeed), err)
	}
	for i := range picture.Bounds().Dx() {
		for j := range 4 * 6 { // modules that ISO/IEC 18004 asks for, of so many pixels
			if r, _, _, _ := picture.At(i, j).RGBA(); r == 0 {
				t.Fatalf("the margin is not free at %d, %d", i, j)
			}
		}
	}
	uri := tool(t, "zbarimg", string(d.QRCodePNG), "--quiet", "--raw", "PNG:-")
	if want := "otpauth://totp/alice@" + account + "?issuer=Rolecall&secret=" + string(d.Base32StringSeed); uri != want {
		t.Fatalf("the picture says %s, want %s", uri, want)
	}
	_, seed, _ := strings.Cut(uri, "secret=")
	on := phone{w: w, seed: seed}
	serial := d.SerialNumber
	refused(t, enable(t, admin, "alice", serial, on.code(t, 0), on.code(t, 0)), "InvalidAuthenticationCode", "Authentication code for device is not valid.")
	refused(t, enable(t, admin, "alice", serial, on.code(t, 0), on.code(t, -1)), "InvalidAuthenticationCode", "")
	refused(t, enable(t, admin, "alice", serial, on.code(t, -1), on.code(t, 1)), "InvalidAuthenticationCode", "")
	refused(t, enable(t, admin, "alice", serial, str("12345"), on.code(t, 1)), "ValidationError", "authenticationCode1")
	if w.directory.Snapshot().MFADevice(*serial).User != "" {
		t.Error("it is somebody's before it was enabled")
	}
	must(t, enable(t, admin, "alice", serial, on.code(t, 0), on.code(t, 1)))
	list, err := admin.ListMFADevices(t.Context(), &awsiam.ListMFADevicesInput{UserName: str("alice")})
	must(t, err)
	if m := list.MFADevices; len(m) != 1 || *m[0].SerialNumber != *serial || *m[0].UserName != "alice" || !m[0].EnableDate.Equal(w.clock()) {
		t.Errorf("alice's devices: %+v", m)
	}
	if w.counts(t, serial, on.code(t, 1)) {
		t.Error("a code by which it was enabled counts a second time")
	}
	w.pass(2 * time.Minute)
	for steps := -1; steps <= 1; steps++ { // as with any phone whose clock is right
		if !w.counts(t, serial, on.code(t, steps)) {
			t.Errorf("the code of step %d does not count", steps)
		}
	}
	u := w.directory.Snapshot().UserByName(account, "alice")
	if len(u.MFADevices) != 1 || w.directory.Snapshot().MFADevice(*serial).User != u.UniqueID {
		t.Errorf("alice is %+v", u)
	}
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func TestADeviceGoesFromHandToHand(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	enlist(t, admin, "alice", "bob")
	serial, on := w.device(t, admin, "phone")
	spare, _ := w.device(t, admin, "spare")
	_, err := admin.CreateVirtualMFADevice(t.Context(), &awsiam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: str("Phone")})
	refused(t, err, "EntityAlreadyExists", "MFADevice entity at the same path and name already exists.")
	must(t, enable(t, admin, "alice", serial, on.code(t, 0), on.code(t, 1)))
	refused(t, enable(t, admin, "bob", serial, on.code(t, 2), on.code(t, 3)), "EntityAlreadyExists", "in use")
	refused(t, enable(t, admin, "bob", str(*serial+"x"), on.code(t, 2), on.code(t, 3)), "NoSuchEntity", "VirtualMFADevice with serial number "+*serial+"x does not exist.")
	for status, want := range map[types.AssignmentStatusType]string{"": "phone alice, spare", types.AssignmentStatusTypeAny: "phone alice, spare",
		types.AssignmentStatusTypeAssigned: "phone alice", types.AssignmentStatusTypeUnassigned: "spare"} {
		list, err := admin.ListVirtualMFADevices(t.Context(), &awsiam.ListVirtualMFADevicesInput{AssignmentStatus: status})
		must(t, err)
		var got []string
		for _, d := range list.VirtualMFADevices {
			one := nameOf(*d.SerialNumber)
			if d.User != nil {
				one += " " + *d.User.UserName
			}
			got = append(got, one)
			if d.Base32StringSeed != nil || d.QRCodePNG != nil {
				t.Error("a list shows a seed")
			}
		}
		if g := strings.Join(got, ", "); g != want {
			t.Errorf("%q: %s, want %s", status, g, want)
		}
	}
	remove := func(serial *string) error {
		_, err := admin.DeleteVirtualMFADevice(t.Context(), &awsiam.DeleteVirtualMFADeviceInput{SerialNumber: serial})
		return err
	}
	deactivate := func(user string) error {
		_, err := admin.DeactivateMFADevice(t.Context(), &awsiam.DeactivateMFADeviceInput{UserName: &user, SerialNumber: serial})
		return err
	}
	refused(t, remove(serial), "DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.")
	_, err = admin.DeleteUser(t.Context(), &awsiam.DeleteUserInput{UserName: str("alice")})
	refused(t, err, "DeleteConflict", "Cannot delete entity, must delete MFA device first.")
	refused(t, deactivate("bob"), "NoSuchEntity", "MFA Device invalid for user.")
	must(t, deactivate("alice"))
	refused(t, deactivate("alice"), "NoSuchEntity", "MFA Device invalid for user.")
	if u := w.directory.Snapshot().UserByName(account, "alice"); len(u.MFADevices) != 0 {
		t.Errorf("alice has %q", u.MFADevices)
	}
	w.pass(2 * time.Minute)
	must(t, enable(t, admin, "bob", serial, on.code(t, 0), on.code(t, 1)))
	_, err = admin.UpdateUser(t.Context(), &awsiam.UpdateUserInput{UserName: str("bob"), NewUserName: str("rob")})
	must(t, err)
	if u := w.directory.Snapshot().UserByName(account, "rob"); len(u.MFADevices) != 1 {
		t.Error("who was renamed has no device any more")
	}
	must(t, remove(spare))
	refused(t, remove(spare), "NoSuchEntity", *spare)
	theirs := w.as(w.session(t, other, "admin"))
	_, err = theirs.DeleteVirtualMFADevice(t.Context(), &awsiam.DeleteVirtualMFADeviceInput{SerialNumber: serial})
	refused(t, err, "NoSuchEntity", *serial)
}

// A phone whose clock is off is set right by two codes, and not by such as were seen long
// ago.
func TestAPhonesClockIsSetRight(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	enlist(t, admin, "alice")
	serial, on := w.device(t, admin, "phone")
	for _, late := range []int{-12, 11} {
		refused(t, enable(t, admin, "alice", serial, on.code(t, late), on.code(t, late+1)), "InvalidAuthenticationCode", "")
	}
	must(t, enable(t, admin, "alice", serial, on.code(t, 0), on.code(t, 1)))
	w.pass(5 * time.Minute)
	resync := func(first, second *string) error {
		_, err := admin.ResyncMFADevice(t.Context(), &awsiam.ResyncMFADeviceInput{UserName: str("alice"), SerialNumber: serial, AuthenticationCode1: first, AuthenticationCode2: second})
		return err
	}
	on.off = 8
	if w.counts(t, serial, on.code(t, 0)) {
		t.Fatal("a code of four minutes ahead counts")
	}
	must(t, resync(on.code(t, 0), on.code(t, 1)))
	refused(t, resync(on.code(t, 0), on.code(t, 1)), "InvalidAuthenticationCode", "") // again
	w.pass(time.Minute)
	if !w.counts(t, serial, on.code(t, 0)) {
		t.Error("a code does not count once the clock was set right")
	}
	on.off = 0
	w.pass(6 * time.Minute)
	must(t, resync(on.code(t, -1), on.code(t, 0)))
	w.pass(time.Minute)
	if !w.counts(t, serial, on.code(t, 0)) {
		t.Error("a code does not count")
	}
}

// Somebody manages his own phone, by AWS's example of a policy.
func TestAUserManagesHisOwnDeviceAlone(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	enlist(t, admin, "alice", "bob")
	_, err := admin.PutUserPolicy(t.Context(), &awsiam.PutUserPolicyInput{UserName: str("alice"), PolicyName: str("own"), PolicyDocument: str(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:CreateVirtualMFADevice","Resource":"arn:aws:iam::*:mfa/*"},
		{"Effect":"Allow","Action":["iam:DeactivateMFADevice","iam:EnableMFADevice","iam:ListMFADevices","iam:ResyncMFADevice"],"Resource":"arn:aws:iam::*:user/${aws:username}"}]}`)})
	must(t, err)
	theirs, bobs := w.device(t, admin, "bob")
	must(t, enable(t, admin, "bob", theirs, bobs.code(t, 0), bobs.code(t, 1)))
	alice := w.as(keyOf(t, admin, "alice"))
	serial, on := w.device(t, alice, "alice")
	must(t, enable(t, alice, "alice", serial, on.code(t, 0), on.code(t, 1)))
	list, err := alice.ListMFADevices(t.Context(), nil)
	must(t, err)
	if len(list.MFADevices) != 1 {
		t.Errorf("her devices: %+v", list.MFADevices)
	}
	refused(t, enable(t, alice, "bob", serial, on.code(t, 2), on.code(t, 3)), "AccessDenied", "iam:EnableMFADevice on resource: arn:aws:iam::"+account+":user/bob")
	_, err = alice.DeactivateMFADevice(t.Context(), &awsiam.DeactivateMFADeviceInput{UserName: str("bob"), SerialNumber: theirs})
	refused(t, err, "AccessDenied", "user/bob")
	_, err = alice.DeactivateMFADevice(t.Context(), &awsiam.DeactivateMFADeviceInput{SerialNumber: theirs}) // as if it were hers
	refused(t, err, "NoSuchEntity", "MFA Device invalid for user.")
	_, err = alice.DeleteVirtualMFADevice(t.Context(), &awsiam.DeleteVirtualMFADeviceInput{SerialNumber: theirs})
	refused(t, err, "AccessDenied", "iam:DeleteVirtualMFADevice on resource: "+*theirs)
	_, err = alice.TagMFADevice(t.Context(), &awsiam.TagMFADeviceInput{SerialNumber: theirs, Tags: []types.Tag{{Key: str("a"), Value: str("b")}}})
	refused(t, err, "AccessDenied", *theirs)
	_, err = alice.ListVirtualMFADevices(t.Context(), nil)
	refused(t, err, "AccessDenied", "arn:aws:iam::"+account+":mfa/")
}

func TestTagsOfADevice(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	serial, _ := w.device(t, admin, "phone")
	_, err := admin.TagMFADevice(t.Context(), &awsiam.TagMFADeviceInput{SerialNumber: serial, Tags: []types.Tag{{Key: str("a"), Value: str("b")}, {Key: str("c"), Value: str("d")}}})
	must(t, err)
	_, err = admin.UntagMFADevice(t.Context(), &awsiam.UntagMFADeviceInput{SerialNumber: serial, TagKeys: []string{"A"}})
	must(t, err)
	tags, err := admin.ListMFADeviceTags(t.Context(), &awsiam.ListMFADeviceTagsInput{SerialNumber: serial})
	must(t, err)
	if len(tags.Tags) != 1 || *tags.Tags[0].Key != "c" {
		t.Errorf("tags: %+v", tags.Tags)
	}
}

// The file's devices are the file's, with the users that it names for them; a user of the
// file may have one of the API's too, until there is no such user.
func TestADeviceOfTheFileIsTheFiles(t *testing.T) {
	const seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	d := standard()
	d.Accounts[0].Users = []directory.UserDefinition{{Name: "alice"}}
	d.Accounts[0].VirtualMFADevices = []directory.MFADeviceDefinition{{Name: "alice", User: "alice", Seed: rolestore.NewSecret(seed)}}
	w := newWorld(t, d)
	admin := w.role(t, "admin")
	filed := str("arn:aws:iam::" + account + ":mfa/alice")
	_, err := admin.DeactivateMFADevice(t.Context(), &awsiam.DeactivateMFADeviceInput{UserName: str("alice"), SerialNumber: filed})
	refused(t, err, "UnmodifiableEntity", file)
	_, err = admin.DeleteVirtualMFADevice(t.Context(), &awsiam.DeleteVirtualMFADeviceInput{SerialNumber: filed})
	refused(t, err, "UnmodifiableEntity", file)
	on := phone{w: w, seed: seed}
	_, err = admin.ResyncMFADevice(t.Context(), &awsiam.ResyncMFADeviceInput{UserName: str("alice"), SerialNumber: filed, AuthenticationCode1: on.code(t, 0), AuthenticationCode2: on.code(t, 1)})
	refused(t, err, "UnmodifiableEntity", file)

	serial, on := w.device(t, admin, "second")
	must(t, enable(t, admin, "alice", serial, on.code(t, 0), on.code(t, 1)))
	d.Accounts[0].VirtualMFADevices, d.Accounts[0].Users = nil, nil
	_, err = w.directory.Reconcile(d, true)
	must(t, err)
	enlist(t, admin, "alice") // somebody else
	s := w.directory.Snapshot()
	if u := s.UserByName(account, "alice"); len(u.MFADevices) != 0 || s.MFADevice(*serial).User != "" {
		t.Errorf("another alice has %q", u.MFADevices)
	}
}

func TestASeedIsSeenOnce(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	enlist(t, admin, "alice")
	serial, on := w.device(t, admin, "phone")
	first, second := on.code(t, 0), on.code(t, 1)
	must(t, enable(t, admin, "alice", serial, first, second))
	if made, err := w.directory.RevealSecrets(); err != nil || len(made) != 0 {
		t.Errorf("it is shown again: %v, %v", made, err)
	}
	if d := fmt.Sprintf("%v %+v", *w.directory.Snapshot().MFADevice(*serial), w.directory.Snapshot()); strings.Contains(d, on.seed) {
		t.Error("it is printed")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if log := w.log.String(); !strings.Contains(log, `"mfa_device":"phone"`) || strings.Contains(log, on.seed) || strings.Contains(log, *first) || strings.Contains(log, *second) {
		t.Errorf("the log: %s", log)
	}
}
