package admin

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/rolecall/rolecall/rolestore"
)

// Document is an instance as an operator defines it: the body of PUT
// /v1/instances/{id}. What is left out, or empty, has EC2's default.
type Document struct {
	// InstanceID is i- and 17 hexadecimal digits.
	InstanceID string `json:"instance_id,omitempty"`
	// Profile names the instance's role; without one the instance has none.
	Profile Profile `json:"iam_instance_profile,omitzero"`
	// Attachment says by which way the instance's requests arrive; required.
	Attachment rolestore.Attachment `json:"attachment"`
	// Options are EC2's MetadataOptions.
	Options rolestore.MetadataOptions `json:"metadata_options,omitzero"`
	// Placement is by default the agent's region, and the zone a in it.
	Placement rolestore.Placement `json:"placement,omitzero"`
	// Launch is what the instance is told of itself. The addresses are by default
	// those of the attachment, where it has any.
	rolestore.Launch
	// Containers is how a container finds its credentials, besides EC2's way.
	Containers rolestore.ContainerCredentials `json:"container_credentials,omitzero"`
	// UserData is a text, such as a script or a #cloud-config. What is none, such as an
	// archive, is given by UserDataBase64 (RFC 4648, section 4) in its place.
	UserData       string `json:"user_data,omitempty"`
	UserDataBase64 string `json:"user_data_base64,omitempty"`
}

// Instance returns the instance that d defines on an agent in region, valid and
// without an incarnation. Its profile is the one in [Profile.Full]: the caller looks
// up one that is only referred to. The error is an [ErrInvalid].
func (d Document) Instance(region string) (rolestore.Instance, error) {
	defaults := rolestore.DefaultMetadataOptions()
	region = cmp.Or(d.Placement.Region, region)
	i := rolestore.Instance{
		ID:         d.InstanceID,
		Profile:    d.Profile.Full,
		Attachment: d.Attachment.Normal(),
		Options: rolestore.MetadataOptions{
			HTTPEndpoint:            cmp.Or(d.Options.HTTPEndpoint, defaults.HTTPEndpoint),
			HTTPTokens:              cmp.Or(d.Options.HTTPTokens, defaults.HTTPTokens),
			HTTPPutResponseHopLimit: cmp.Or(d.Options.HTTPPutResponseHopLimit, defaults.HTTPPutResponseHopLimit),
			HTTPProtocolIPv6:        cmp.Or(d.Options.HTTPProtocolIPv6, defaults.HTTPProtocolIPv6),
			InstanceMetadataTags:    cmp.Or(d.Options.InstanceMetadataTags, defaults.InstanceMetadataTags),
		},
		Placement: d.Placement,
		Launch:    rolestore.NormalLaunch(d.Launch, d.Attachment), Containers: d.Containers,
	}
	i.Placement.Region, i.Placement.AvailabilityZone = region, cmp.Or(d.Placement.AvailabilityZone, region+"a")
	var wrong error
	i.UserData, wrong = d.userData()
	if err := cmp.Or(d.Profile.validate(), wrong, i.Validate()); err != nil {
		return rolestore.Instance{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return i, nil
}

// DocumentOf is the document that defines i, with nothing left to defaults: put again, it
// changes nothing.
func DocumentOf(i rolestore.Instance) Document {
	d := Document{
		InstanceID: i.ID, Profile: Profile{Full: i.Profile}, Attachment: i.Attachment, Options: i.Options,
		Placement: i.Placement, Launch: i.Launch, Containers: i.Containers,
	}
	if utf8.Valid(i.UserData) {
		d.UserData = string(i.UserData)
	} else {
		d.UserDataBase64 = base64.StdEncoding.EncodeToString(i.UserData)
	}
	return d
}

// userData is what either form of it says.
func (d Document) userData() ([]byte, error) {
	switch {
	case d.UserData != "" && d.UserDataBase64 != "":
		return nil, errors.New("user_data and user_data_base64: want one of them")
	case d.UserDataBase64 != "":
		data, err := base64.StdEncoding.DecodeString(d.UserDataBase64)
		if err != nil {
			return nil, errors.New("user_data_base64: it is no base64: encode it as `base64 -w 0` does, or give a text as user_data")
		}
		return data, nil
	case !utf8.ValidString(d.UserData):
		return nil, errors.New("user_data: it is no text: give it as user_data_base64")
	case d.UserData != "":
		return []byte(d.UserData), nil
	}
	return nil, nil
}

// Validate reports what no agent would take, whatever its region. The error is an
// [ErrInvalid].
func (d Document) Validate() error {
	_, err := d.Instance("us-east-1")
	return err
}

// read decodes one document and refuses what it does not know: a member of a later
// version may ask for less than would be granted without it. kind is what it should be.
func read(body io.Reader, kind string, into any) error {
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%w: the body is no JSON of %s: %w", ErrInvalid, kind, err)
	}
	if _, err := decoder.Token(); err == nil {
		return fmt.Errorf("%w: something follows the document", ErrInvalid)
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the document: %w", ErrInvalid, err)
	}
	return nil
}

func readDocument(body io.Reader, id string) (Document, error) {
	var d Document
	if err := read(body, "an instance", &d); err != nil {
		return d, err
	}
	if d.InstanceID = cmp.Or(d.InstanceID, id); d.InstanceID != id {
		return d, fmt.Errorf("%w: instance_id is %q, and the path names %q", ErrInvalid, d.InstanceID, id)
	}
	return d, d.Validate()
}
