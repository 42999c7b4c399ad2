package oidc

import (
	"bytes"
	"encoding/json"
	"strings"
)

const (
	tagsClaim           = "https://aws.amazon.com/tags"
	sourceIdentityClaim = "https://aws.amazon.com/source_identity"
)

// Claims are what a verified token says.
type Claims struct {
	Issuer  string
	Subject string
	// Audience is azp where there is one, else aud. It is one of the provider's clients.
	Audience string
	// OriginalAudience is aud.
	OriginalAudience []string
	// Methods are amr, how the person was authenticated.
	Methods []string
	// Tags are the session tags, and TransitiveTags the keys of those that pass on.
	Tags           map[string]string
	TransitiveTags []string
	SourceIdentity string
}

// text is a claim that is one string or a list of them. Lists of one are written as
// either.
type text []string

func (t *text) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = text{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// payload is the body of a token. Its dates are whole numbers, as AWS wants them.
type payload struct {
	Issuer         string          `json:"iss"`
	Subject        string          `json:"sub"`
	Audience       text            `json:"aud"`
	Authorized     string          `json:"azp"`
	Methods        text            `json:"amr"`
	Expires        json.Number     `json:"exp"`
	Issued         json.Number     `json:"iat"`
	NotBefore      json.Number     `json:"nbf"`
	Tags           json.RawMessage `json:"https://aws.amazon.com/tags"`
	SourceIdentity string          `json:"https://aws.amazon.com/source_identity"`

	flat map[string]json.RawMessage // the tags whose names are claims of their own
}

// UnmarshalJSON reads the claims by their exact names: encoding/json would take "ISS"
// for "iss", and of two of a name the last, where another reader may take the first.
func (p *payload) UnmarshalJSON(b []byte) error {
	all, err := members(b)
	if err != nil {
		return err
	}
	known := map[string]any{
		"iss": &p.Issuer, "sub": &p.Subject, "aud": &p.Audience, "azp": &p.Authorized, "amr": &p.Methods,
		"exp": &p.Expires, "iat": &p.Issued, "nbf": &p.NotBefore, tagsClaim: &p.Tags, sourceIdentityClaim: &p.SourceIdentity,
	}
	p.flat = map[string]json.RawMessage{}
	for name, value := range all {
		if into, ok := known[name]; ok {
			if err := json.Unmarshal(value, into); err != nil {
				return ErrMalformed // encoding/json's own text quotes the value
			}
		} else if rest, ok := strings.CutPrefix(name, tagsClaim+"/"); ok {
			p.flat[rest] = value
		}
	}
	return nil
}

// members are those of a JSON object, none of which may be there twice.
func members(b []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, ErrMalformed
	}
	all := map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, ErrMalformed
		}
		key, _ := name.(string)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil || all[key] != nil {
			return nil, ErrMalformed
		}
		all[key] = value
	}
	return all, nil
}

// tags reads the session tags in both of their forms: one object with principal_tags and
// transitive_tag_keys, or a claim for each
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp).
func (p *payload) tags() (map[string]string, []string, error) {
	var whole struct {
		Principal  map[string]text `json:"principal_tags"`
		Transitive text            `json:"transitive_tag_keys"`
	}
	if len(p.Tags) > 0 {
		if err := json.Unmarshal(p.Tags, &whole); err != nil {
			return nil, nil, errTags
		}
	}
	tags := map[string]string{}
	for key, values := range whole.Principal {
		if len(values) != 1 {
			return nil, nil, errTags
		}
		tags[key] = values[0]
	}
	for name, value := range p.flat {
		var values text
		if err := json.Unmarshal(value, &values); err != nil {
			return nil, nil, errTags
		}
		switch key, ok := strings.CutPrefix(name, "principal_tags/"); {
		case name == "transitive_tag_keys":
			whole.Transitive = append(whole.Transitive, values...)
		case !ok: // another's claim
		case len(values) != 1 || tags[key] != "":
			return nil, nil, errTags
		default:
			tags[key] = values[0]
		}
	}
	return tags, whole.Transitive, nil
}
