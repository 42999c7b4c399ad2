package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// coreFile is core.yaml: settings, and the accounts with what is in them.
type coreFile struct {
	Accounts             []fileAccount     `yaml:"accounts"`
	WebIdentityProviders fileEndpoints     `yaml:"web_identity_providers"`
	VPCEndpoints         []fileVPCEndpoint `yaml:"vpc_endpoints"`
	Settings             settings          `yaml:",inline"`
}

// readCoreFile reads core.yaml. One with a secret in it must be its owner's alone.
func readCoreFile(path string, optional bool) (coreFile, *directory.Definitions, error) {
	var file coreFile
	if err := readFile(path, optional, &file); err != nil {
		return file, nil, err
	}
	if _, err := file.WebIdentityProviders.wellKnown(); err != nil {
		return file, nil, fmt.Errorf("%s: %w", path, err)
	}
	definitions, err := file.definitions(path)
	if err != nil {
		return file, nil, definitionError(path, err)
	}
	if !file.hasSecret() {
		return file, definitions, nil
	}
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("%s: it has a secret in it and is open to others: chmod 600 %s", path, path)
	}
	return file, definitions, err
}

func (f coreFile) hasSecret() bool {
	for _, a := range f.Accounts {
		for _, u := range a.Users {
			for _, k := range u.AccessKeys {
				if k.Secret != "" {
					return true
				}
			}
		}
		for _, m := range a.VirtualMFADevices {
			if m.Seed != "" {
				return true
			}
		}
	}
	return false
}

// definitions returns what the file defines, or nil if it defines nothing.
func (f coreFile) definitions(path string) (*directory.Definitions, error) {
	if f.Accounts == nil {
		return nil, nil
	}
	d := directory.Definitions{Source: path}
	for _, a := range f.Accounts {
		account, err := a.definition()
		if err != nil {
			return nil, &directory.ObjectError{Kind: "account", Name: a.ID, Err: err}
		}
		d.Accounts = append(d.Accounts, account)
	}
	return &d, d.Validate()
}

func (a fileAccount) definition() (out directory.AccountDefinition, err error) {
	out.ID, out.OnPremisesIdentityProviders, out.InactiveRegions = a.ID, a.OnPremises, a.InactiveRegions
	if a.JWTVendingEnabled != nil {
		out.JWTVendingEnabled, out.JWTVendingDecided = *a.JWTVendingEnabled, true
	}
	for _, p := range a.Policies {
		document, err := json.Marshal(p.Document)
		if err != nil {
			return out, &directory.ObjectError{Kind: "policy", Name: p.Name, Err: fmt.Errorf("policy_document: %w", err)}
		}
		out.Policies = append(out.Policies, directory.PolicyDefinition{Name: p.Name, Path: p.Path, Document: document, Description: p.Description, Tags: p.Tags})
	}
	for _, g := range a.Groups {
		policies, err := inlinePolicies(g.Policies)
		if err != nil {
			return out, &directory.ObjectError{Kind: "group", Name: g.Name, Err: err}
		}
		out.Groups = append(out.Groups, directory.GroupDefinition{Name: g.Name, Path: g.Path, Policies: policies, ManagedPolicies: g.ManagedPolicies})
	}
	for _, u := range a.Users {
		user, err := u.definition()
		if err != nil {
			return out, &directory.ObjectError{Kind: "user", Name: u.Name, Err: err}
		}
		out.Users = append(out.Users, user)
	}
	for _, r := range a.Roles {
		role, err := r.definition()
		if err != nil {
			return out, &directory.ObjectError{Kind: "role", Name: r.Name, Err: err}
		}
		out.Roles = append(out.Roles, role)
	}
	for _, m := range a.VirtualMFADevices {
		out.VirtualMFADevices = append(out.VirtualMFADevices, directory.MFADeviceDefinition{Name: m.Name, Path: m.Path, User: m.User, Seed: secretOf(m.Seed)})
	}
	for _, p := range a.InstanceProfiles {
		out.InstanceProfiles = append(out.InstanceProfiles, directory.InstanceProfileDefinition(p))
	}
	for _, p := range a.OIDCProviders {
		out.OIDCProviders = append(out.OIDCProviders, directory.OIDCProviderDefinition(p))
	}
	for _, p := range a.SAMLProviders {
		provider, err := p.definition()
		if err != nil {
			return out, &directory.ObjectError{Kind: "SAML provider", Name: p.Name, Err: err}
		}
		out.SAMLProviders = append(out.SAMLProviders, provider)
	}
	for _, g := range a.Grants {
		out.Grants = append(out.Grants, directory.GrantDefinition(g))
	}
	return out, nil
}

func (u fileUser) definition() (directory.UserDefinition, error) {
	policies, err := inlinePolicies(u.Policies)
	user := directory.UserDefinition{
		Name: u.Name, Path: u.Path, Groups: u.Groups, Policies: policies, ManagedPolicies: u.ManagedPolicies,
		PermissionsBoundary: u.PermissionsBoundary, Tags: u.Tags,
	}
	for _, k := range u.AccessKeys {
		user.AccessKeys = append(user.AccessKeys, directory.AccessKeyDefinition{ID: k.ID, Secret: secretOf(k.Secret), Status: k.Status})
	}
	return user, err
}

func (r fileRole) definition() (role directory.RoleDefinition, err error) {
	if r.AssumeRolePolicyDocument == nil {
		return role, errors.New("assume_role_policy_document is missing: say who may assume it")
	}
	role = directory.RoleDefinition{
		Name: r.Name, Path: r.Path, MaxSessionDuration: time.Duration(r.MaxSessionDuration) * time.Second,
		ManagedPolicies: r.ManagedPolicies, PermissionsBoundary: r.PermissionsBoundary, Tags: r.Tags,
	}
	if role.AssumeRolePolicyDocument, err = json.Marshal(r.AssumeRolePolicyDocument); err != nil {
		return role, fmt.Errorf("assume_role_policy_document: %w", err)
	}
	role.Policies, err = inlinePolicies(r.Policies)
	return role, err
}

func inlinePolicies(policies map[string]any) (map[string][]byte, error) {
	texts := map[string][]byte{}
	for name, document := range policies {
		text, err := json.Marshal(document)
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", name, err)
		}
		texts[name] = text
	}
	return texts, nil
}

// secretOf is a secret that may be left out.
func secretOf(text string) rolestore.Secret {
	if text == "" {
		return rolestore.Secret{}
	}
	return rolestore.NewSecret(text)
}
