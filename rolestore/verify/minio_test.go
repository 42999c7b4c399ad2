package verify_test

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

var minioRole = regexp.MustCompile(`arn:minio:iam:::role/\S+`)

// minio is an S3 server of somebody else's that trusts an account's issuer, and no key of
// ours. It returns the endpoint, and the role that whoever has a token may assume there.
func (w *world) minio(t testing.TB) (endpoint, role string) {
	t.Helper()
	path := program(t, "minio")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	id, _ := w.Directory().Snapshot().TokenIssuer(account)
	dir := t.TempDir()
	log, err := os.Create(dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	server := exec.CommandContext(t.Context(), path, "server", "--address", address, dir+"/data")
	server.Env = []string{
		"HOME=" + dir, "MINIO_ROOT_USER=minioadmin", "MINIO_ROOT_PASSWORD=minioadmin", "MINIO_BROWSER=off", "MINIO_UPDATE=off",
		"MINIO_IDENTITY_OPENID_CONFIG_URL=" + w.URL + "/" + id + "/.well-known/openid-configuration",
		"MINIO_IDENTITY_OPENID_CLIENT_ID=minio", "MINIO_IDENTITY_OPENID_CLIENT_SECRET=secret", "MINIO_IDENTITY_OPENID_ROLE_POLICY=readwrite",
	}
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	t.Cleanup(func() {
		_ = server.Process.Kill()
		if err := <-ended; err != nil && server.ProcessState == nil {
			t.Error(err)
		}
	})
	endpoint = "http://" + address
	said := func() string {
		text, err := os.ReadFile(log.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.After(time.Minute); ; {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("minio ended: %v\n%s", err, said())
		case <-deadline:
			t.Fatalf("minio is not ready:\n%s", said())
		case <-ticker.C:
		}
		response, err := http.Get(endpoint + "/minio/health/ready")
		if err != nil {
			continue
		}
		_ = response.Body.Close()
		if role = minioRole.FindString(said()); response.StatusCode == http.StatusOK && role != "" {
			return endpoint, role
		}
	}
}

// TestAnS3ServerTakesOurTokens: a role's session buys, with a token of
// GetWebIdentityToken, a session at MinIO's own STS, and with that it writes and reads.
func TestAnS3ServerTakesOurTokens(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("needs the AWS CLI: .ci/deps installs it")
	}
	w := newWorld(t)
	endpoint, role := w.minio(t)
	bought, err := w.redeem(t, endpoint, role, w.webToken(t, w.session(t, account, "reader"), "minio"))
	if err != nil {
		t.Fatal(err)
	}
	if sub := *bought.SubjectFromWebIdentityToken; sub != "arn:aws:iam::"+account+":role/reader" {
		t.Errorf("MinIO knows %s", sub)
	}
	c := bought.Credentials
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID=" + *c.AccessKeyId, "AWS_SECRET_ACCESS_KEY=" + *c.SecretAccessKey, "AWS_SESSION_TOKEN=" + *c.SessionToken,
	}
	s3 := func(in string, args ...string) string {
		command := exec.CommandContext(t.Context(), "aws", append([]string{"--endpoint-url", endpoint, "s3"}, args...)...)
		command.Env, command.Stdin = env, strings.NewReader(in)
		var out, errs bytes.Buffer
		command.Stdout, command.Stderr = &out, &errs
		if err := command.Run(); err != nil {
			t.Fatalf("%v: %v %s", args, err, errs.String())
		}
		return out.String()
	}
	s3("", "mb", "s3://reports")
	s3("the report", "cp", "-", "s3://reports/7")
	if got := s3("", "cp", "s3://reports/7", "-"); got != "the report" {
		t.Errorf("it reads %q", got)
	}
	if _, err := w.redeem(t, endpoint, role, w.webToken(t, w.session(t, account, "reader"), "somebody-else")); err == nil {
		t.Error("MinIO takes a token for somebody else")
	}
}

// redeem buys a session at an STS with a token, as web identities do: unsigned.
func (w *world) redeem(t testing.TB, endpoint, role, token string) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	t.Helper()
	return sts.New(sts.Options{Region: "us-east-1", BaseEndpoint: aws.String(endpoint), RetryMaxAttempts: 1}).AssumeRoleWithWebIdentity(t.Context(),
		&sts.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: aws.String("reader"), WebIdentityToken: &token})
}
