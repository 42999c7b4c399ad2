package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/rolecall/rolecall/rolestore"
)

// Profile names an instance profile in one of two ways; the zero profile is none.
type Profile struct {
	// Reference is a profile's name or ARN, which the agent looks up in its core. On
	// the wire it is a string.
	Reference string
	// Full is the profile itself, for an issuer whose profiles the agent cannot look
	// up. On the wire it is an object of arn, id and role.
	Full rolestore.InstanceProfile
}

var (
	// The names are IAM's, as its CreateInstanceProfile and CreateRole take them:
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
	profileName = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)
	profileARN  = regexp.MustCompile(`^arn:[a-z0-9-]+:iam::[0-9]{12}:instance-profile/([!-~]+/)?[\w+=,.@-]{1,128}$`)
	roleARN     = regexp.MustCompile(`^arn:[a-z0-9-]+:iam::[0-9]{12}:role/([!-~]+/)?[\w+=,.@-]{1,64}$`)
	profileID   = regexp.MustCompile(`^(AIPA[A-Z0-9]+)?$`)
)

// validate says what is wrong with p by the name that it has in a document.
func (p Profile) validate() error {
	const name = "iam_instance_profile"
	switch full := p.Full; {
	case p == Profile{}:
		return nil
	case p.Reference != "" && full != rolestore.InstanceProfile{}:
		return fmt.Errorf("%s: want a reference or the profile itself", name)
	case p.Reference != "":
		if !profileName.MatchString(p.Reference) && !profileARN.MatchString(p.Reference) {
			return fmt.Errorf("%s %q: want a profile's name, or its ARN, such as arn:aws:iam::123456789012:instance-profile/web", name, p.Reference)
		}
	case !profileARN.MatchString(full.ARN):
		return fmt.Errorf("%s.arn %q: want an ARN such as arn:aws:iam::123456789012:instance-profile/web", name, full.ARN)
	case !profileID.MatchString(full.ID):
		return fmt.Errorf("%s.id %q: want AIPA and capitals or digits, or leave it out", name, full.ID)
	case !roleARN.MatchString(full.Role.ARN):
		return fmt.Errorf("%s.role.arn %q: want an ARN such as arn:aws:iam::123456789012:role/web", name, full.Role.ARN)
	}
	return nil
}

// MarshalJSON implements [json.Marshaler].
func (p Profile) MarshalJSON() ([]byte, error) {
	if p.Full != (rolestore.InstanceProfile{}) {
		return json.Marshal(p.Full)
	}
	return json.Marshal(p.Reference)
}

// UnmarshalJSON implements [json.Unmarshaler]: a string is a reference, an object the
// profile itself, and unknown members are errors.
func (p *Profile) UnmarshalJSON(text []byte) error {
	*p = Profile{}
	if !bytes.HasPrefix(text, []byte("{")) {
		return json.Unmarshal(text, &p.Reference)
	}
	decoder := json.NewDecoder(bytes.NewReader(text)) // the outer one's strictness does not come in here
	decoder.DisallowUnknownFields()
	return decoder.Decode(&p.Full)
}
