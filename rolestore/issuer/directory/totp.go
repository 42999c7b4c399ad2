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
