package directory

import (
	"crypto/sha256"
	"encoding/base32"
	"sync"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// RootTaskPath is the path of the policies that AssumeRoot takes.
const RootTaskPath = "/root-task/"

// awsManaged are the managed policies of AWS's own account that this core knows: that
// of an administrator, one that denies all, and those of the tasks that AssumeRoot
// is for, which allow what
// https://docs.aws.amazon.com/IAM/latest/UserGuide/security-iam-awsmanpol.html
// says that they do.
var awsManaged = sync.OnceValue(func() map[string]*ManagedPolicy {
	all := map[string]*ManagedPolicy{}
	for _, p := range []struct{ path, name, text string }{
		{"/", "AdministratorAccess", allowAll},
		{"/", "AWSDenyAll", denyAll},
		{RootTaskPath, "IAMAuditRootUserCredentials", allow(`"iam:GetUser","iam:GetLoginProfile","iam:GetAccessKeyLastUsed","iam:GetAccountSummary",` +
			`"iam:ListAccessKeys","iam:ListSigningCertificates","iam:ListMFADevices"`)},
		{RootTaskPath, "IAMCreateRootUserPassword", allow(`"iam:CreateLoginProfile","iam:GetLoginProfile"`)},
		{RootTaskPath, "IAMDeleteRootUserCredentials", allow(`"iam:DeleteAccessKey","iam:DeleteLoginProfile","iam:DeleteSigningCertificate","iam:DeactivateMFADevice",` +
			`"iam:DeleteVirtualMFADevice","iam:GetLoginProfile","iam:ListAccessKeys","iam:ListSigningCertificates","iam:ListMFADevices"`)},
		{RootTaskPath, "S3UnlockBucketPolicy", allow(`"s3:DeleteBucketPolicy","s3:GetBucketPolicy","s3:PutBucketPolicy","s3:ListAllMyBuckets"`)},
		{RootTaskPath, "SQSUnlockQueuePolicy", allow(`"sqs:GetQueueAttributes","sqs:GetQueueUrl","sqs:ListQueues","sqs:SetQueueAttributes"`)},
	} {
		m := &ManagedPolicy{Account: "aws", Path: p.path, Name: p.name, Document: ours(policy.Identity, p.text), DefaultVersion: "v1",
			Versions: []PolicyVersion{{ID: "v1", Document: []byte(p.text)}}, ManagedBy: ManagedByCore}
		sum := sha256.Sum256([]byte(m.ARN())) // the same in all cores
		m.UniqueID = "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17]
		all[m.ARN()] = m
	}
	return all
})

// allow is a document that allows the actions everywhere.
func allow(actions string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + actions + `],"Resource":"*"}]}`
}

// ours is one of the package's own documents, which parse.
func ours(kind policy.Kind, text string) *policy.Document {
	document, err := policy.Parse(kind, []byte(text))
	if err != nil {
		panic(err)
	}
	return document
}
