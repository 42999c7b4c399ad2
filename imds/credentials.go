package imds

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// member is a name and a value of a JSON document.
type member struct{ name, value string }

// jsonDocument renders members as EC2 does: in this order, indented by two, a
// space on both sides of the colon, no newline at the end. Clients exist that
// look for the text and not for JSON.
func jsonDocument(updated time.Time, members ...member) document {
	var b bytes.Buffer
	b.WriteString("{")
	for i, m := range members {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "\n  %s : %s", quote(m.name), quote(m.value))
	}
	b.WriteString("\n}")
	return metadata(b.Bytes(), httpDate(updated))
}

// quote renders a JSON string and, unlike json.Marshal, leaves &, < and > alone.
func quote(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// credentialsDocument is iam/security-credentials/<role>
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html).
func credentialsDocument(c rolestore.Credentials, more ...member) document {
	return jsonDocument(c.LastUpdated, append([]member{
		{"Code", "Success"},
		{"LastUpdated", timestamp(c.LastUpdated)},
		{"Type", "AWS-HMAC"},
		{"AccessKeyId", c.AccessKeyID},
		{"SecretAccessKey", c.SecretAccessKey.Reveal()},
		{"Token", c.SessionToken.Reveal()},
		{"Expiration", timestamp(c.Expiration)},
	}, more...)...)
}

// extended is the role's document in iam/security-credentials-extended/, by which an SDK
// learns the account. It is rendered when somebody asks: few SDKs do, every few hours.
func (r roleDocument) extended(of rolestore.InstanceProfile) document {
	if r.issued == (rolestore.Credentials{}) {
		return r.document // a refusal, or none yet
	}
	return credentialsDocument(r.issued, member{"AccountId", of.AccountID()})
}

// refusedDocument takes the place of the credentials of a role that may not be
// assumed. EC2 sends it with status 200.
func refusedDocument(r rolestore.Role, now time.Time) document {
	return jsonDocument(now,
		member{"Code", "AssumeRoleUnauthorizedAccess"},
		member{"Message", "EC2 cannot assume the role " + r.Name() + ".  Please see documentation at " +
			"http://docs.amazonwebservices.com/IAM/latest/UserGuide/RolesTroubleshooting.html."},
		member{"LastUpdated", timestamp(now)})
}

// infoDocument is iam/info.
func infoDocument(p rolestore.InstanceProfile, updated time.Time) document {
	return jsonDocument(updated,
		member{"Code", "Success"},
		member{"LastUpdated", timestamp(updated)},
		member{"InstanceProfileArn", p.ARN},
		member{"InstanceProfileId", p.ID})
}

// timestamp has whole seconds: botocore does not extend the life of credentials
// whose time has a fraction.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
