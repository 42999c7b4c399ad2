package directory

import (
	"crypto/hmac"
	"crypto/sha1" // RFC 6238's default, and all that AWS's virtual devices do
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"time"
)

const (
	totpStep   = 30 // seconds
	totpDigits = 6

	// totpDrift is how many steps a phone's clock may be off, both ways (RFC 6238
	// section 6).
	totpDrift = 1

	// resyncDrift is how many steps it may be off when two codes in a row say so: five
	// minutes. Were it more, codes that somebody saw long ago could be made to count.
	resyncDrift = 10
)

// totp is the code of a time step (RFC 6238 section 4, RFC 4226 section 5.3).
func totp(seed []byte, step int64) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	h := hmac.New(sha1.New, seed)
	h.Write(counter[:])
	sum := h.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	n := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", totpDigits, n%1_000_000)
}

// matchTOTP returns the step around now that the code is for.
func matchTOTP(seed []byte, code string, now time.Time) (int64, bool) {
	current := now.Unix() / totpStep
	for step := current - totpDrift; step <= current+totpDrift; step++ {
		if subtle.ConstantTimeCompare([]byte(totp(seed, step)), []byte(code)) == 1 {
			return step, true
		}
	}
	return 0, false
}

// matchPair returns the step that the second of two codes in a row is for, and how many
// steps the phone's clock is ahead.
func matchPair(seed []byte, first, second string, now time.Time) (step, drift int64, ok bool) {
	current := now.Unix() / totpStep
	for drift = -resyncDrift; drift <= resyncDrift; drift++ {
		step = current + drift
		if subtle.ConstantTimeCompare([]byte(totp(seed, step-1)+totp(seed, step)), []byte(first+second)) != 1 {
			continue
		}
		if drift >= -totpDrift && drift <= totpDrift {
			drift = 0 // no more than typing takes
		}
		return step, drift, true
	}
	return 0, 0, false
}
