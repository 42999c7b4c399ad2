package container

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"

	"github.com/rolecall/rolecall/rolestore"
)

// TaskPath is what the path of ECS's form begins with, before the id.
const TaskPath = "/v2/credentials/"

// purpose keeps the codes from those that incarnations have another part in.
const purpose = "rolecall ECS credentials id\x00"

// ID is the secret in the path of an instance's credentials in ECS's form: a UUID, as
// ECS's own. It follows from the instance's incarnation, 16 random bytes that only
// the agent knows, and from its role. So it holds over restarts and updates, and is
// another one once the instance has ended or has another role.
func ID(i rolestore.Instance) string {
	code := hmac.New(sha256.New, i.Incarnation[:])
	_, _ = code.Write([]byte(purpose + i.Profile.Role.ARN)) // never fails, see hash.Hash
	u := code.Sum(nil)[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80 // version 8, RFC 9562, section 5.8
	text := hex.EncodeToString(u)
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// IsID reports whether text is the [ID] of the instance. How long it takes does not
// tell how much of it is.
func IsID(text string, i rolestore.Instance) bool {
	return subtle.ConstantTimeCompare([]byte(text), []byte(ID(i))) == 1
}
