package main

// The accounts of core.yaml. Names are those of the parameters of IAM's Create calls,
// in snake case, and of what GetAccountAuthorizationDetails answers; policies are
// written as YAML of the same shape as their JSON.
type (
	fileAccount struct {
		ID                string        `yaml:"id"`
		JWTVendingEnabled *bool         `yaml:"jwt_vending_enabled"`
		InactiveRegions   []string      `yaml:"inactive_regions"`
		Policies          []filePolicy  `yaml:"policies"`
		Groups            []fileGroup   `yaml:"groups"`
		Users             []fileUser    `yaml:"users"`
		VirtualMFADevices []fileDevice  `yaml:"virtual_mfa_devices"`
		Roles             []fileRole    `yaml:"roles"`
		InstanceProfiles  []fileProfile `yaml:"instance_profiles"`
		OIDCProviders     []fileOIDC    `yaml:"oidc_providers"`
		SAMLProviders     []fileSAML    `yaml:"saml_providers"`
		OnPremises        []string      `yaml:"on_premises_identity_providers"`
		Grants            []fileGrant   `yaml:"grants"`
	}
	filePolicy struct {
		Name        string            `yaml:"policy_name"`
		Path        string            `yaml:"path"`
		Document    any               `yaml:"policy_document"`
		Description string            `yaml:"description"`
		Tags        map[string]string `yaml:"tags"`
	}
	fileGroup struct {
		Name            string         `yaml:"group_name"`
		Path            string         `yaml:"path"`
		Policies        map[string]any `yaml:"policies"`
		ManagedPolicies []string       `yaml:"attached_managed_policies"`
	}
	fileUser struct {
		Name                string            `yaml:"user_name"`
		Path                string            `yaml:"path"`
		Groups              []string          `yaml:"groups"`
		Policies            map[string]any    `yaml:"policies"`
		ManagedPolicies     []string          `yaml:"attached_managed_policies"`
		PermissionsBoundary string            `yaml:"permissions_boundary"`
		Tags                map[string]string `yaml:"tags"`
		AccessKeys          []fileAccessKey   `yaml:"access_keys"`
	}
	fileAccessKey struct {
		ID     string `yaml:"access_key_id"`
		Secret string `yaml:"secret_access_key"`
		Status string `yaml:"status"`
	}
	fileDevice struct {
		Name string `yaml:"virtual_mfa_device_name"`
		Path string `yaml:"path"`
		User string `yaml:"user_name"`
		Seed string `yaml:"base32_string_seed"`
	}
	fileRole struct {
		Name                     string            `yaml:"role_name"`
		Path                     string            `yaml:"path"`
		AssumeRolePolicyDocument any               `yaml:"assume_role_policy_document"`
		Policies                 map[string]any    `yaml:"policies"`
		ManagedPolicies          []string          `yaml:"attached_managed_policies"`
		PermissionsBoundary      string            `yaml:"permissions_boundary"`
		Tags                     map[string]string `yaml:"tags"`
		MaxSessionDuration       int               `yaml:"max_session_duration"` // seconds
	}
	fileProfile struct {
		Name string            `yaml:"instance_profile_name"`
		Path string            `yaml:"path"`
		Role string            `yaml:"role"`
		Tags map[string]string `yaml:"tags"`
	}
	fileOIDC struct {
		URL         string            `yaml:"url"`
		ClientIDs   []string          `yaml:"client_id_list"`
		Thumbprints []string          `yaml:"thumbprint_list"`
		Tags        map[string]string `yaml:"tags"`
		OnPremises  bool              `yaml:"on_premises"`
		CA          string            `yaml:"ca"`
	}
	fileGrant struct {
		Name             string            `yaml:"grant_name"`
		Host             string            `yaml:"host"`
		HostKey          string            `yaml:"host_key_sha256"`
		InstanceProfiles []string          `yaml:"instance_profiles"`
		InstanceIDs      []string          `yaml:"instance_ids"`
		Region           string            `yaml:"region"`
		Tags             map[string]string `yaml:"tags"`
		TagKeys          []string          `yaml:"tag_keys"`
	}
)
