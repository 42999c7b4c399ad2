package iam

import (
	"cmp"
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var theMFADevice = noun{name: "virtual MFA device", gone: "VirtualMFADevice with serial number %s does not exist.",
	exists: "MFADevice entity at the same path and name already exists."}

var (
	deviceName   = policyName.as("VirtualMFADeviceName")
	serialNumber = parameter{name: "SerialNumber", required: true, min: 9, max: 256, pattern: regexp.MustCompile(`^[A-Za-z0-9_+=/:,.@-]+$`), shown: `[\w+=/:,.@-]+`}
	firstCode    = parameter{name: "AuthenticationCode1", required: true, min: 6, max: 6, pattern: regexp.MustCompile(`^[0-9]+$`), shown: `[\d]+`}
	secondCode   = firstCode.as("AuthenticationCode2")
	assignment   = parameter{name: "AssignmentStatus", max: 10, values: []string{assigned, unassigned, anyhow}}
)

const (
	assigned   = "Assigned"
	unassigned = "Unassigned"
	anyhow     = "Any"
)

// mfaOperations are those of virtual MFA devices
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_enable_virtual.html).
// What makes a device somebody's, or nobody's, is a matter of the user.
var mfaOperations = table{
	"CreateVirtualMFADevice": {takes: []parameter{path, deviceName, tags}, on: newDevice, tagging: "iam:TagMFADevice", do: createVirtualMFADevice},
	"DeleteVirtualMFADevice": {takes: []parameter{serialNumber}, on: onDevice, do: deleteVirtualMFADevice},
	"ListVirtualMFADevices":  {takes: []parameter{assignment, marker, maxItems}, on: onDevices, do: listVirtualMFADevices},
	"EnableMFADevice":        {takes: []parameter{userName, serialNumber, firstCode, secondCode}, on: onUser, do: enableMFADevice},
	"DeactivateMFADevice":    {takes: []parameter{ownUser, serialNumber}, on: onUser, do: deactivateMFADevice},
	"ResyncMFADevice":        {takes: []parameter{userName, serialNumber, firstCode, secondCode}, on: onUser, do: resyncMFADevice},
	"ListMFADevices":         {takes: []parameter{ownUser, marker, maxItems}, on: onUser, do: listMFADevices},
	"TagMFADevice":           {takes: []parameter{serialNumber, tags.needed()}, on: onDevice, do: tagMFADevice},
	"UntagMFADevice":         {takes: []parameter{serialNumber, tagKeys}, on: onDevice, do: untagMFADevice},
	"ListMFADeviceTags":      {takes: []parameter{serialNumber, marker, maxItems}, on: onDevice, do: listMFADeviceTags},
}

// deviceARN is that of a device of the caller's account.
func (c *call) deviceARN(path, name string) string {
	return "arn:" + directory.Partition + ":iam::" + c.Caller.Account + ":mfa" + path + name
}

func newDevice(c *call) target { return target{arn: c.deviceARN(c.path(), c.text(deviceName))} }

func onDevices(c *call) target { return target{arn: c.deviceARN("/", "")} }

// onDevice is the device that is named by its ARN. One that there is not is judged by it
// too; what is no ARN of the account's devices is judged as all of them.
func onDevice(c *call) target {
	if d := c.deviceNamed(); d != nil {
		return target{d.Serial, d.Tags}
	}
	if strings.HasPrefix(c.text(serialNumber), c.deviceARN("/", "")) {
		return target{arn: c.text(serialNumber)}
	}
	return onDevices(c)
}

// deviceNamed is the device of that serial number, of the caller's account; or nil.
func (c *call) deviceNamed() *directory.MFADevice {
	if d := c.Directory.MFADevice(c.text(serialNumber)); d != nil && d.Account == c.Caller.Account {
		return d
	}
	return nil
}

// device is the device that is named.
func (c *call) device() (*directory.MFADevice, error) {
	d := c.deviceNamed()
	if d == nil {
		return nil, theMFADevice.missing(c.text(serialNumber))
	}
	return d, nil
}

// deviceOf is the device that is named and the user that is meant, whose it must be.
func (c *call) deviceOf() (*directory.MFADevice, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	d, err := c.device()
	if err == nil && d.User != u.UniqueID {
		err = noSuchEntity("MFA Device invalid for user.")
	}
	return d, err
}

// mfaRefusal is what the directory says of codes and devices.
func (c *call) mfaRefusal(err error) error {
	if errors.Is(err, directory.ErrCode) {
		return query.Forbidden("InvalidAuthenticationCode", "Authentication code for device is not valid.")
	}
	return theMFADevice.refusal(c.text(serialNumber), err)
}

func createVirtualMFADevice(c *call) ([]query.Element, error) {
	want := directory.MFADeviceDefinition{Name: c.text(deviceName), Path: c.path()}
	made, err := c.directory.CreateMFADevice(c.Caller.Account, want, c.tags, c.Now)
	if errors.Is(err, directory.ErrExists) {
		return nil, conflict(codeExists, "%s", theMFADevice.exists)
	}
	if err != nil {
		return nil, theMFADevice.refusal(want.Name, err)
	}
	picture, err := qrCode(otpauth(made.Name, cmp.Or(c.Directory.AccountAlias(c.Caller.Account), c.Caller.Account), made.Seed))
	if err != nil {
		return nil, err
	}
	e := structure("VirtualMFADevice", said("SerialNumber", c.deviceARN(made.Path, made.Name)),
		blob("Base32StringSeed", []byte(made.Seed.Reveal())), blob("QRCodePNG", picture))
	if len(c.tags) > 0 {
		e.Children = append(e.Children, tagsOf(c.tags))
	}
	return []query.Element{e}, nil
}

// blob is an element with bytes.
func blob(name string, b []byte) query.Element {
	return said(name, base64.StdEncoding.EncodeToString(b))
}

func deleteVirtualMFADevice(c *call) ([]query.Element, error) {
	d, err := c.device()
	if err != nil {
		return nil, err
	}
	err = c.directory.DeleteMFADevice(d)
	if errors.Is(err, directory.ErrInUse) {
		return nil, conflict("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.")
	}
	return nil, c.mfaRefusal(err)
}

func listVirtualMFADevices(c *call) ([]query.Element, error) {
	want := cmp.Or(c.text(assignment), anyhow)
	kept := slices.DeleteFunc(c.Directory.MFADevices(c.Caller.Account), func(d *directory.MFADevice) bool {
		return want == assigned && d.User == "" || want == unassigned && d.User != ""
	})
	return page(c, "VirtualMFADevices", kept, func(d *directory.MFADevice) string { return d.Name }, func(d *directory.MFADevice) query.Element {
		e := structure("", said("SerialNumber", d.Serial))
		if u := c.Directory.UserByID(d.User); u != nil {
			e.Children = append(e.Children, showUser(u, listed), instant("EnableDate", d.Enabled))
		}
		return e
	})
}

func enableMFADevice(c *call) ([]query.Element, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	d, err := c.device()
	if err != nil {
		return nil, err
	}
	err = c.directory.EnableMFADevice(d, u, c.text(firstCode), c.text(secondCode), c.Now)
	if errors.Is(err, directory.ErrExists) {
		return nil, conflict(codeExists, "MFA Device is already in use.")
	}
	return nil, c.mfaRefusal(err)
}

func deactivateMFADevice(c *call) ([]query.Element, error) {
	d, err := c.deviceOf()
	if err != nil {
		return nil, err
	}
	return nil, c.mfaRefusal(c.directory.DeactivateMFADevice(d))
}

func resyncMFADevice(c *call) ([]query.Element, error) {
	d, err := c.deviceOf()
	if err != nil {
		return nil, err
	}
	return nil, c.mfaRefusal(c.directory.ResyncMFADevice(d, c.text(firstCode), c.text(secondCode), c.Now))
}

func listMFADevices(c *call) ([]query.Element, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	serials := byKey(u.MFADevices, nameOf)
	return page(c, "MFADevices", serials, nameOf, func(serial string) query.Element {
		return structure("", said("UserName", u.Name), said("SerialNumber", serial), instant("EnableDate", c.Directory.MFADevice(serial).Enabled))
	})
}

func tagMFADevice(c *call) ([]query.Element, error) {
	return c.retagMFADevice(func(have map[string]string) (map[string]string, error) { return tagged(have, c.tags) })
}

func untagMFADevice(c *call) ([]query.Element, error) {
	return c.retagMFADevice(func(have map[string]string) (map[string]string, error) { return untagged(have, c.keys), nil })
}

func (c *call) retagMFADevice(edit func(map[string]string) (map[string]string, error)) ([]query.Element, error) {
	d, err := c.device()
	if err != nil {
		return nil, err
	}
	return nil, c.mfaRefusal(c.directory.TagMFADevice(d, edit))
}

func listMFADeviceTags(c *call) ([]query.Element, error) {
	d, err := c.device()
	if err != nil {
		return nil, err
	}
	return tagPage(c, d.Tags)
}
