package directory

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// MFADeviceDefinition is a virtual MFA device as CreateVirtualMFADevice and
// EnableMFADevice take it
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateVirtualMFADevice.html).
type MFADeviceDefinition struct {
	Name string
	// Path is "/" when empty.
	Path string
	// User is the name of the user, of the same account, whose device it is.
	User string
	// Seed is Base32StringSeed; the core makes one when it is empty.
	Seed rolestore.Secret `json:"-"` // the record keeps it by itself
}

// MFADevice is a virtual MFA device: a seed that the core and the user's phone share.
type MFADevice struct {
	// Serial is its ARN, arn:aws:iam::<account>:mfa<path><name>.
	Serial    string
	UniqueID  string
	Account   string
	Name      string
	ManagedBy string
	Tags      map[string]string
	// User is the unique id of the user whose device it is; empty for nobody's.
	User string
	// Enabled is when it became his; zero of before it was noted.
	Enabled time.Time
	seed    []byte
	drift   int64
}

// Step returns the time step that the code is for, among those around now, and
// whether there is one.
func (d *MFADevice) Step(code string, now time.Time) (int64, bool) {
	return matchTOTP(d.seed, code, now.Add(time.Duration(d.drift)*totpStep*time.Second))
}

type mfaRecord struct {
	record[MFADeviceDefinition]
	Seed   string `json:"seed"` // Base32
	Unseen bool   `json:"unseen,omitempty"`
	// Used is the last time step of which a code was taken. What comes of it is not in
	// the snapshot.
	Used int64 `json:"used,omitempty"`
	// Holder is the unique id of the user whose device it became by the API. The file
	// names its user instead.
	Holder  string    `json:"user_id,omitempty"`
	Enabled time.Time `json:"enable_date,omitzero"`
	// Drift is how many steps the phone's clock is ahead (RFC 6238 section 6).
	Drift int64             `json:"drift,omitempty"`
	Tags  map[string]string `json:"tags,omitempty"`
}

const (
	// seedSize in bytes is that of AWS's seeds, 64 characters of Base32.
	seedSize = 40

	// minSeed in bytes is what RFC 4226 section 4 asks for.
	minSeed = 16
)

// base32Seed is how authenticators write a seed, most of them without padding.
var base32Seed = base32.StdEncoding.WithPadding(base32.NoPadding)

func (m MFADeviceDefinition) validate(users map[string]bool) error {
	if !users[m.User] {
		return fmt.Errorf("user %q is not defined in this account", m.User)
	}
	if m.Seed.IsZero() {
		return nil
	}
	if seed, err := base32Seed.DecodeString(m.Seed.Reveal()); err != nil || len(seed) < minSeed {
		return fmt.Errorf("base32_string_seed: want Base32 in capitals without padding, of at least %d bytes", minSeed)
	}
	return nil
}

func (r *reconciliation) mfaDevice(account string, want MFADeviceDefinition) error {
	k := key(account, want.Name)
	var next mfaRecord
	if err := r.tx.GetJSON(bucketMFA, k, &next); err != nil || r.givesWay(r.by, next.ManagedBy) {
		return err
	}
	seed := want.Seed.Reveal()
	want.Path, want.Seed = orRoot(want.Path), rolestore.Secret{}
	before := next.Seed
	if next.Definition != want {
		next.Seed, next.Used, next.Drift = "", 0, 0 // another user's, or another serial number
		next.Holder, next.Enabled, next.Tags = "", r.at, nil
	}
	switch {
	case seed != "" && seed != next.Seed:
		next.Seed, next.Unseen, next.Used = seed, false, 0
	case next.Seed == "":
		next.Seed, next.Unseen, next.Used = newSeed(), true, 0
	}
	differ := func(a, b MFADeviceDefinition) []string {
		return changes(field{"user_name", a.User == b.User}, field{"base32_string_seed", next.Seed == before})
	}
	if !settle(r, object{bucketMFA, "", account, want.Name, want.Path, r.by}, &next.record, want, differ) {
		return nil
	}
	if next.Unseen {
		r.note("virtual MFA device", k, "`rolecall core secrets` shows its seed, once")
	}
	return r.tx.PutJSON(bucketMFA, k, next)
}

func newSeed() string {
	var b [seedSize]byte
	_, _ = rand.Read(b[:])
	return base32Seed.EncodeToString(b[:])
}

func readMFADevice(e *entry) error {
	var r mfaRecord
	if err := e.decode(&r); err != nil {
		return err
	}
	seed, err := base32Seed.DecodeString(r.Seed)
	if err != nil {
		return errors.New("its seed is no Base32")
	}
	e.arn = arn(r.Account, "mfa", r.Path, r.Definition.Name)
	e.noun = mfaDevice{record: r, seed: seed}
	e.owners = []string{nameOf(bucketMFA, r.Account, r.Definition.Name), devicesOfUser(r.Account, r.Definition.User) + e.Name}
	if r.ManagedBy == ManagedByAPI {
		e.owners[1] = devicesOfHolder(r.Holder) + e.Name
	}
	return nil
}

// mfaDevice is a device whose user is not looked up.
type mfaDevice struct {
	record mfaRecord
	seed   []byte
}

// MFADevice returns the device of that serial number, or nil.
func (s *Snapshot) MFADevice(serial string) *MFADevice {
	return s.mfaDevice(among(s.arns, bucketMFA, serial))
}

func (s *Snapshot) mfaDevice(e *entry) *MFADevice {
	if e == nil {
		return nil
	}
	n := noun[mfaDevice](e)
	r := n.record
	d := &MFADevice{Serial: e.arn, UniqueID: r.UniqueID, Account: r.Account, Name: r.Definition.Name,
		ManagedBy: r.ManagedBy, Tags: r.Tags, seed: n.seed, drift: r.Drift}
	user := s.record(bucketUser, key(r.Account, r.Definition.User))
	if r.ManagedBy == ManagedByAPI {
		user = among(s.ids, bucketUser, r.Holder)
	}
	if user != nil {
		d.User, d.Enabled = user.ids[0], r.Enabled
	}
	return d
}

// MFADevices are those of an account, by their names.
func (s *Snapshot) MFADevices(account string) []*MFADevice {
	var all []*MFADevice
	for e := range s.records.under(bucketMFA + "/" + account + "/") {
		all = append(all, s.mfaDevice(e))
	}
	return all
}

// mfaKey is the key of a device, empty if there is none.
func (s *Snapshot) mfaKey(serial string) string {
	if e := among(s.arns, bucketMFA, serial); e != nil {
		return e.Name
	}
	return ""
}

var errCodeUsed = errors.New("code used before")

// UseCode takes a code of a device for the time step, and reports whether it may be
// taken: each is good for one use, and none of before it is from then on (RFC 6238
// section 5.2). It is on the disk before it is answered, and no restart forgets it.
func (d *Directory) UseCode(device *MFADevice, step int64) (bool, error) {
	err := d.change(func(tx *Tx) error {
		e := among(tx.Snapshot().arns, bucketMFA, device.Serial)
		if e == nil {
			return errCodeUsed
		}
		var r mfaRecord
		if err := tx.GetJSON(bucketMFA, e.Name, &r); err != nil {
			return err
		}
		if r.Seed == "" || step <= r.Used {
			return errCodeUsed
		}
		r.Used = step
		return tx.PutJSON(bucketMFA, e.Name, r)
	})
	if errors.Is(err, errCodeUsed) {
		return false, nil
	}
	return err == nil, err
}
