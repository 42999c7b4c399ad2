package directory

import (
	"fmt"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// maxMFADevices a user has
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const maxMFADevices = 8

// CreateMFADevice makes a virtual MFA device that is nobody's yet. Its seed is in what is
// returned and is shown to nobody else.
func (d *Directory) CreateMFADevice(account string, want MFADeviceDefinition, tags map[string]string, now time.Time) (MFADeviceDefinition, error) {
	seed := newSeed()
	err := d.change(func(tx *Tx) error {
		if err := d.Snapshot().free(bucketMFA, account, want.Name, ""); err != nil {
			return fmt.Errorf("virtual MFA device %w", err)
		}
		if err := invalid(validateTags(tags)); err != nil {
			return err
		}
		want.Path = orRoot(want.Path)
		return tx.PutJSON(bucketMFA, key(account, want.Name), mfaRecord{Seed: seed, Tags: tags, record: record[MFADeviceDefinition]{UniqueID: newUniqueID(""),
			Account: account, Path: want.Path, ManagedBy: ManagedByAPI, Definition: want, Created: now.UTC().Truncate(time.Second)}})
	})
	if err != nil {
		return MFADeviceDefinition{}, err
	}
	want.Seed = rolestore.NewSecret(seed)
	return want, nil
}

// EnableMFADevice makes a device that is nobody's a user's, who shows by two codes in a row
// that he has it. They are used up.
func (d *Directory) EnableMFADevice(device *MFADevice, u *User, first, second string, now time.Time) error {
	return d.changeMFA(device, func(s *Snapshot, r *mfaRecord) error {
		switch has := s.UserByID(u.UniqueID); {
		case has == nil:
			return fmt.Errorf("user %s: %w", u.Name, ErrChanged)
		case s.MFADevice(device.Serial).User != "":
			return ErrExists
		case len(has.MFADevices) >= maxMFADevices:
			return &policy.QuotaError{Message: fmt.Sprintf("Cannot exceed quota for MFADevicesPerUser: %d", maxMFADevices)}
		}
		r.Holder, r.Enabled = u.UniqueID, now.UTC().Truncate(time.Second)
		return r.synchronise(first, second, now)
	})
}

// ResyncMFADevice takes two codes in a row for what the device's clock says.
func (d *Directory) ResyncMFADevice(device *MFADevice, first, second string, now time.Time) error {
	return d.changeMFA(device, func(_ *Snapshot, r *mfaRecord) error { return r.synchronise(first, second, now) })
}

// synchronise sets the clock of the device by two codes, none of which was used before.
// There are too many pairs to be guessed, so that nobody counts the tries.
func (r *mfaRecord) synchronise(first, second string, now time.Time) error {
	seed, err := base32Seed.DecodeString(r.Seed)
	if err != nil {
		return fmt.Errorf("MFA device %s: its seed is no Base32", r.Definition.Name)
	}
	step, drift, ok := matchPair(seed, first, second, now)
	if !ok || step-1 <= r.Used {
		return ErrCode
	}
	r.Used, r.Drift = step, drift
	return nil
}

// DeactivateMFADevice makes a device nobody's.
func (d *Directory) DeactivateMFADevice(device *MFADevice) error {
	return d.changeMFA(device, func(_ *Snapshot, r *mfaRecord) error {
		r.Holder, r.Enabled = "", time.Time{}
		return nil
	})
}

// TagMFADevice sets the tags of a device to what edit makes of them.
func (d *Directory) TagMFADevice(device *MFADevice, edit func(map[string]string) (map[string]string, error)) error {
	return d.changeMFA(device, func(_ *Snapshot, r *mfaRecord) (err error) {
		if r.Tags, err = edit(r.Tags); err != nil {
			return err
		}
		return invalid(validateTags(r.Tags))
	})
}

// DeleteMFADevice deletes a device that is nobody's.
func (d *Directory) DeleteMFADevice(device *MFADevice) error {
	return d.change(func(tx *Tx) error {
		var have mfaRecord
		s := d.Snapshot()
		k := s.mfaKey(device.Serial)
		if err := still(d, tx, bucketMFA, k, device.UniqueID, &have); err != nil {
			return err
		}
		if s.MFADevice(device.Serial).User != "" {
			return ErrInUse
		}
		return tx.Delete(bucketMFA, k)
	})
}

// changeMFA changes a device as the caller saw it.
func (d *Directory) changeMFA(device *MFADevice, edit func(*Snapshot, *mfaRecord) error) error {
	return d.change(func(tx *Tx) error {
		s := d.Snapshot()
		k := s.mfaKey(device.Serial)
		var next mfaRecord
		if err := still(d, tx, bucketMFA, k, device.UniqueID, &next); err != nil {
			return err
		}
		if err := edit(s, &next); err != nil {
			return err
		}
		return tx.PutJSON(bucketMFA, k, next)
	})
}
