package directory

import (
	"errors"
	"fmt"
	"strings"
)

// What keeps the API from a change. The wrapping errors say more.
var (
	// ErrExists is returned for a name that is taken, in whatever case.
	ErrExists = errors.New("it exists")
	// ErrChanged is returned when somebody else made an object anew meanwhile.
	ErrChanged = errors.New("it was changed meanwhile")
	// ErrInUse is returned for what cannot be deleted as long as something needs it.
	ErrInUse = errors.New("it is in use")
	// ErrCode is returned for codes that an MFA device does not show, or did before.
	ErrCode = errors.New("the codes are not those of the device")
	// ErrBuiltIn is returned for what the core itself keeps.
	ErrBuiltIn = errors.New("it is the core's own")
)

// managed is the error of what core.yaml defines, naming the file.
func (d *Directory) managed() error {
	file := "core.yaml"
	if source := d.source.Load(); source != nil && *source != "" {
		file = *source
	}
	return fmt.Errorf("%w: change it in %s", ErrManaged, file)
}

// changeable refuses what is not the API's to change: what core.yaml defines, and the
// administrator's role of each account. Other things that are built in become the API's
// when they are changed.
func (d *Directory) changeable(bucket, name, managedBy string) error {
	switch {
	case managedBy == ManagedByFile:
		return d.managed()
	case managedBy == ManagedByCore && bucket == bucketRole && name == AdministratorRole:
		return ErrBuiltIn
	}
	return nil
}

// fold is how names are compared when something is made: IAM has no two that differ in
// case alone (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
func fold(account, name string) string { return key(account, strings.ToLower(name)) }
