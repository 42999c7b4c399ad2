package iam

import (
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// held are the policies of a user or a group.
type held struct {
	inline  map[string][]byte
	managed []string
}

// holder is a noun whose things have policies, inline and attached.
type holder struct {
	noun
	named parameter
	on    func(*call) target
	keys  func(*call, *policy.Context)
	quota string // that of the managed policies, by AWS's name
	// of returns the name of the one that is meant, and its policies.
	of func(*call) (string, held, error)
	// change changes them.
	change func(*call, func(*directory.Snapshot, *held) error) error
}

// maxAttached is how many managed policies a user or a group has, to which AWS can raise
// its 10 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const maxAttached = 20

// operations are those of the policies of a noun, which is called so in their names.
func (h holder) operations(called string) table {
	return table{
		"Put" + called + "Policy":            {takes: []parameter{h.named, policyName, policyDocument}, on: h.on, keys: h.keys, do: h.put},
		"Get" + called + "Policy":            {takes: []parameter{h.named, policyName}, on: h.on, do: h.get},
		"Delete" + called + "Policy":         {takes: []parameter{h.named, policyName}, on: h.on, keys: h.keys, do: h.delete},
		"List" + called + "Policies":         {takes: []parameter{h.named, marker, maxItems}, on: h.on, do: h.list},
		"Attach" + called + "Policy":         {takes: []parameter{h.named, policyARN}, on: h.on, keys: h.attaching, do: h.attach},
		"Detach" + called + "Policy":         {takes: []parameter{h.named, policyARN}, on: h.on, keys: h.attaching, do: h.detach},
		"ListAttached" + called + "Policies": {takes: []parameter{h.named, policyPrefix, marker, maxItems}, on: h.on, do: h.listAttached},
	}
}

// attaching sets the keys of a managed policy that is attached or detached.
func (h holder) attaching(c *call, m *policy.Context) {
	h.keys(c, m)
	m.Set("iam:PolicyARN", c.text(policyARN))
}

func (h holder) put(c *call) ([]query.Element, error) {
	return nil, h.change(c, func(_ *directory.Snapshot, p *held) error {
		if p.inline == nil {
			p.inline = map[string][]byte{}
		}
		p.inline[c.text(policyName)] = []byte(c.text(policyDocument))
		return nil
	})
}

func (h holder) get(c *call) ([]query.Element, error) {
	name, p, err := h.of(c)
	if err != nil {
		return nil, err
	}
	return showInline(c, h.noun, name, p.inline)
}

func (h holder) delete(c *call) ([]query.Element, error) {
	return nil, h.change(c, func(_ *directory.Snapshot, p *held) error { return deleteInline(c, h.noun, p.inline) })
}

func (h holder) list(c *call) ([]query.Element, error) {
	_, p, err := h.of(c)
	if err != nil {
		return nil, err
	}
	return inlinePage(c, p.inline)
}

func (h holder) attach(c *call) ([]query.Element, error) {
	return nil, h.change(c, func(s *directory.Snapshot, p *held) (err error) {
		if err := c.attachable(s, c.text(policyARN), asPolicy); err != nil {
			return err
		}
		p.managed, err = attach(p.managed, c.text(policyARN), h.quota, maxAttached)
		return err
	})
}

func (h holder) detach(c *call) ([]query.Element, error) {
	return nil, h.change(c, func(_ *directory.Snapshot, p *held) (err error) {
		p.managed, err = detach(p.managed, c.text(policyARN))
		return err
	})
}

func (h holder) listAttached(c *call) ([]query.Element, error) {
	_, p, err := h.of(c)
	if err != nil {
		return nil, err
	}
	return attachedPage(c, p.managed)
}
