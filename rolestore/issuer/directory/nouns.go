package directory

import (
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// Partition is the first part of every ARN that this core makes.
const Partition = "aws"

const (
	// ManagedByFile marks what core.yaml owns.
	ManagedByFile = "file"

	// ManagedByAPI marks what was made, or changed, by IAM's API.
	ManagedByAPI = "api"

	// ManagedByCore marks what the core itself made and keeps.
	ManagedByCore = "rolecall"
)

// AdministratorRole is the name of the role, present in every account, whose
// sessions the core hands to those who may open its admin socket. No trust policy
// lets anybody assume it.
const AdministratorRole = "rolecall-administrator"

// Role is an IAM role.
type Role struct {
	Principal
	// Trust says who may assume the role (AssumeRolePolicyDocument), with unique ids
	// in the place of users and roles.
	Trust *policy.Document
	// MaxSessionDuration is between one and twelve hours.
	MaxSessionDuration time.Duration
	// Created is zero of a role of before it was noted.
	Created  time.Time
	LastUsed LastUse
	// Definition is what the role was defined as, for those who ask for its documents. It
	// must not be changed.
	Definition *RoleDefinition

	frozen []byte // the trust policy's text
}

// LastUse is when and for which region something was last used; zero for never.
type LastUse struct {
	At     time.Time `json:"at"`
	Region string    `json:"region"`
}

// TrustText is the trust policy as people read it: whom it names by his ARN, or by his
// unique id if he is gone.
func (s *Snapshot) TrustText(r *Role) string {
	text, err := policy.Thaw(r.frozen, s)
	if err != nil {
		return string(r.frozen)
	}
	return string(text)
}

// ARN is arn:aws:iam::<account>:role<path><name>.
func (r *Role) ARN() string { return arn(r.Account, "role", r.Path, r.Name) }

// SessionARN is the ARN of one of the role's sessions; as at AWS, without the path.
func (r *Role) SessionARN(session string) string {
	return "arn:" + Partition + ":sts::" + r.Account + ":assumed-role/" + r.Name + "/" + session
}

// InstanceProfile is an IAM instance profile: what an instance is launched with,
// and the one role in it, if there is one.
type InstanceProfile struct {
	// UniqueID begins with AIPA.
	UniqueID string
	Account  string
	Path     string
	Name     string
	// Role is the name of the role, of the same account; empty for none.
	Role      string
	Tags      map[string]string
	ManagedBy string
	// Created is zero of a profile of before it was noted.
	Created time.Time
}

// ARN is arn:aws:iam::<account>:instance-profile<path><name>.
func (p *InstanceProfile) ARN() string { return arn(p.Account, "instance-profile", p.Path, p.Name) }

// arn joins its parts as they are: "." and ".." are names like others to IAM.
func arn(account, kind, path, name string) string {
	return "arn:" + Partition + ":iam::" + account + ":" + kind + path + name
}

// RootARN is that of an account's root user.
func RootARN(account string) string { return "arn:" + Partition + ":iam::" + account + ":root" }

// FederatedUserARN is that of somebody whom a user of the account vouches for.
func FederatedUserARN(account, name string) string {
	return "arn:" + Partition + ":sts::" + account + ":federated-user/" + name
}
