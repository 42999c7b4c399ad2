package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// The accounts of core.yaml. Names are those of the parameters of IAM's
// CreateRole and CreateInstanceProfile, in snake case; policies are written as
// YAML of the same shape as their JSON.
type (
	fileAccount struct {
		ID               string        `yaml:"id"`
		Roles            []fileRole    `yaml:"roles"`
		InstanceProfiles []fileProfile `yaml:"instance_profiles"`
	}
	fileRole struct {
		Name                     string         `yaml:"role_name"`
		Path                     string         `yaml:"path"`
		AssumeRolePolicyDocument any            `yaml:"assume_role_policy_document"`
		Policies                 map[string]any `yaml:"policies"`
		MaxSessionDuration       int            `yaml:"max_session_duration"` // seconds
	}
	fileProfile struct {
		Name string `yaml:"instance_profile_name"`
		Path string `yaml:"path"`
		Role string `yaml:"role"`
	}
)

// coreFile is core.yaml: settings, and the accounts with what is in them.
type coreFile struct {
	Accounts []fileAccount `yaml:"accounts"`
	Settings settings      `yaml:",inline"`
}

// definitions returns what the file defines, or nil if it defines nothing.
func (f coreFile) definitions() (*directory.Definitions, error) {
	if f.Accounts == nil {
		return nil, nil
	}
	var d directory.Definitions
	for _, a := range f.Accounts {
		account, err := a.definition()
		if err != nil {
			return nil, fmt.Errorf("account %s: %w", a.ID, err)
		}
		d.Accounts = append(d.Accounts, account)
	}
	return &d, d.Validate()
}

func (a fileAccount) definition() (directory.AccountDefinition, error) {
	out := directory.AccountDefinition{ID: a.ID}
	for _, r := range a.Roles {
		role := directory.RoleDefinition{
			Name: r.Name, Path: r.Path,
			MaxSessionDuration: time.Duration(r.MaxSessionDuration) * time.Second,
			Policies:           map[string][]byte{},
		}
		if r.AssumeRolePolicyDocument == nil {
			return out, fmt.Errorf("role %s: assume_role_policy_document is missing: say who may assume it", r.Name)
		}
		var err error
		if role.AssumeRolePolicyDocument, err = json.Marshal(r.AssumeRolePolicyDocument); err != nil {
			return out, fmt.Errorf("role %s: assume_role_policy_document: %w", r.Name, err)
		}
		for name, document := range r.Policies {
			if role.Policies[name], err = json.Marshal(document); err != nil {
				return out, fmt.Errorf("role %s: policy %s: %w", r.Name, name, err)
			}
		}
		out.Roles = append(out.Roles, role)
	}
	for _, p := range a.InstanceProfiles {
		out.InstanceProfiles = append(out.InstanceProfiles, directory.InstanceProfileDefinition(p))
	}
	return out, nil
}
