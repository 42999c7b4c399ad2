package session

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

const (
	// TemporaryPrefix begins the access key ids of temporary credentials
	// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
	TemporaryPrefix = "ASIA"

	accountBits = 40
)

// ErrAccount is returned for an account id that is not twelve digits.
var ErrAccount = errors.New("account id: want twelve digits")

// NewAccessKeyID returns a new access key id of 20 characters: the prefix and, in
// base32, 80 bits, which are a one, the account id in 40 bits and 39 random bits.
// AWS's ids have been made this way since 2019, and tools read the account from them.
func NewAccessKeyID(prefix, account string) (string, error) {
	n, err := strconv.ParseUint(account, 10, 64)
	if err != nil || len(account) != 12 {
		return "", fmt.Errorf("%q: %w", account, ErrAccount)
	}
	var b [10]byte
	_, _ = rand.Read(b[:])
	high := 1<<(accountBits+7) | n<<7 | uint64(b[5]&0x7f) // 48 bits; the account ends in the middle of byte 5
	var top [8]byte
	binary.BigEndian.PutUint64(top[:], high<<16)
	copy(b[:6], top[:6])
	return prefix + base32.StdEncoding.EncodeToString(b[:]), nil
}

// AccountOf returns the account id that an access key id carries, and false for one
// that carries none.
func AccountOf(accessKeyID string) (string, bool) {
	if len(accessKeyID) != 20 {
		return "", false
	}
	b, err := base32.StdEncoding.DecodeString(accessKeyID[4:])
	if err != nil {
		return "", false
	}
	var top [8]byte
	copy(top[2:], b[:6])
	high := binary.BigEndian.Uint64(top[:])
	n := high >> 7 & (1<<accountBits - 1)
	if high>>(accountBits+7) != 1 || n > 999_999_999_999 {
		return "", false
	}
	return fmt.Sprintf("%012d", n), true
}
