package policy

import (
	"fmt"
	"unicode"
)

// What documents may hold, in characters, where they are attached
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html). All
// inline policies of one user, group or role count together.
const (
	DefaultTrustSize   = 2048
	MaxTrustSize       = 8192 // to which an account's quota can be raised
	MaxManagedSize     = 6144
	MaxUserInlineSize  = 2048
	MaxGroupInlineSize = 5120
	MaxRoleInlineSize  = 10240
)

// QuotaError is a document that is larger than the place where it was to go. IAM
// answers LimitExceeded, status 409.
type QuotaError struct{ Message string }

// Error implements error.
func (e *QuotaError) Error() string { return e.Message }

// Size returns the length of a document as quotas count it: characters, of which
// white space is none.
func Size(text []byte) int {
	n := 0
	for _, r := range string(text) {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// CheckTrustSize returns a [QuotaError] for a trust policy of more than quota
// characters, which is between DefaultTrustSize and MaxTrustSize.
func CheckTrustSize(text []byte, quota int) error {
	if Size(text) > quota {
		return &QuotaError{fmt.Sprintf("Cannot exceed quota for ACLSizePerRole: %d", quota)}
	}
	return nil
}

// CheckManagedSize returns a [QuotaError] for a managed policy that is too large.
func CheckManagedSize(text []byte) error {
	if Size(text) > MaxManagedSize {
		return &QuotaError{fmt.Sprintf("Cannot exceed quota for PolicySize: %d", MaxManagedSize)}
	}
	return nil
}

// CheckInlineSize returns a [QuotaError] if the inline policies of one owner, such
// as role and its name, are together more than quota.
func CheckInlineSize(owner, name string, quota int, texts ...[]byte) error {
	size := 0
	for _, text := range texts {
		size += Size(text)
	}
	if size > quota {
		return &QuotaError{fmt.Sprintf("Maximum policy size of %d bytes exceeded for %s %s", quota, owner, name)}
	}
	return nil
}
