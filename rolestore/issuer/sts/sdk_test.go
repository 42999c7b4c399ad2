package sts

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
)

// serve serves w on loopback.
func serve(t testing.TB, w *world) string {
	t.Helper()
	s := httptest.NewServer(w)
	t.Cleanup(s.Close)
	return s.URL
}

// client is the SDK's, with nothing changed but where it finds the service.
func client(endpoint string, c aws.Credentials) *awssts.Client {
	return awssts.New(awssts.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(endpoint), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil }),
	})
}

func TestTheSDKAssumesARoleAndUsesTheSession(t *testing.T) {
	w := newWorld(t, standard())
	endpoint := serve(t, w)
	assumed, err := client(endpoint, sdkCredentials(w.session(t, account, "web"))).AssumeRole(t.Context(), &awssts.AssumeRoleInput{
		RoleArn: aws.String(roleARN(account, "team/a/deep")), RoleSessionName: aws.String("alice@example.com"), DurationSeconds: aws.Int32(900),
	})
	if err != nil {
		t.Fatal(err)
	}
	const arn = "arn:aws:sts::" + account + ":assumed-role/deep/alice@example.com" // without the path
	if got := *assumed.AssumedRoleUser.Arn; got != arn {
		t.Errorf("Arn is %s", got)
	}
	got := assumed.Credentials
	if want := w.clock().Add(15 * time.Minute); !got.Expiration.Equal(want) {
		t.Errorf("Expiration is %s, want %s", got.Expiration, want)
	}
	identity, err := client(endpoint, aws.Credentials{
		AccessKeyID: *got.AccessKeyId, SecretAccessKey: *got.SecretAccessKey, SessionToken: *got.SessionToken,
	}).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *identity.Arn != arn || *identity.Account != account || *identity.UserId != *assumed.AssumedRoleUser.AssumedRoleId {
		t.Errorf("the session is %s of %s, %s", *identity.Arn, *identity.Account, *identity.UserId)
	}
	id := w.directory.Snapshot().RoleByName(account, "deep").UniqueID
	if *identity.UserId != id+":alice@example.com" {
		t.Errorf("UserId is %s", *identity.UserId)
	}
}

func TestTheSDKRedeemsAHostToken(t *testing.T) {
	w := newWorld(t, standard())
	endpoint := serve(t, w)
	got, err := client(endpoint, aws.Credentials{}).AssumeRoleWithWebIdentity(t.Context(), &awssts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(roleARN(account, "web")), RoleSessionName: aws.String(callerID),
		WebIdentityToken: aws.String(w.hostToken(t, w.claims())),
	})
	if err != nil {
		t.Fatal(err)
	}
	if *got.SubjectFromWebIdentityToken != callerID || *got.Provider != hostID || *got.Audience != w.directory.Snapshot().CoreID() {
		t.Errorf("the token is said to be of %s, by %s, for %s", *got.SubjectFromWebIdentityToken, *got.Provider, *got.Audience)
	}
	identity, err := client(endpoint, aws.Credentials{
		AccessKeyID: *got.Credentials.AccessKeyId, SecretAccessKey: *got.Credentials.SecretAccessKey, SessionToken: *got.Credentials.SessionToken,
	}).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *identity.Arn != "arn:aws:sts::"+account+":assumed-role/web/"+callerID {
		t.Errorf("the session is %s", *identity.Arn)
	}
}

func TestTheSDKUnderstandsRefusals(t *testing.T) {
	w := newWorld(t, standard())
	endpoint := serve(t, w)
	_, err := client(endpoint, sdkCredentials(w.session(t, account, "web"))).AssumeRole(t.Context(), &awssts.AssumeRoleInput{
		RoleArn: aws.String(roleARN(account, "nowhere")), RoleSessionName: aws.String("alice"),
	})
	var refusal smithy.APIError
	if !errors.As(err, &refusal) || refusal.ErrorCode() != "AccessDenied" {
		t.Fatalf("the SDK reads %v", err)
	}
	var response interface {
		HTTPStatusCode() int
		ServiceRequestID() string
	}
	if !errors.As(err, &response) || response.HTTPStatusCode() != http.StatusForbidden || response.ServiceRequestID() == "" {
		t.Errorf("the SDK reads %v", err)
	}
}

func TestThePresignedIdentityOfTheSDKIsAccepted(t *testing.T) {
	w := newWorld(t, standard())
	endpoint := serve(t, w)
	presigner := awssts.NewPresignClient(client(endpoint, sdkCredentials(w.session(t, account, "plain"))))
	url, err := presigner.PresignGetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), url.Method, url.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the presigned %s got %s", url.Method, response.Status)
	}
}

// What Debian's botocore is too old for.
func TestTheSDKKnowsTheLatestActions(t *testing.T) {
	w := newWorld(t, withPeople())
	user := client(serve(t, w), sdkCredentials(alice))
	root, err := user.AssumeRoot(t.Context(), &awssts.AssumeRootInput{
		TargetPrincipal: aws.String(other), TaskPolicyArn: &types.PolicyDescriptorType{Arn: aws.String(rootTask)}, DurationSeconds: aws.Int32(60),
	})
	if err != nil || !root.Credentials.Expiration.Equal(w.clock().Add(time.Minute)) {
		t.Errorf("AssumeRoot: %v", err)
	}
	token, err := user.GetWebIdentityToken(t.Context(), &awssts.GetWebIdentityTokenInput{
		Audience: []string{"a", "b"}, SigningAlgorithm: aws.String("RS256"), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("")}},
	})
	if err != nil || strings.Count(*token.WebIdentityToken, ".") != 2 || !token.Expiration.Equal(w.clock().Add(5*time.Minute)) {
		t.Errorf("GetWebIdentityToken: %v", err)
	}
	_, err = user.GetDelegatedAccessToken(t.Context(), &awssts.GetDelegatedAccessTokenInput{TradeInToken: aws.String("token")})
	var old *types.ExpiredTradeInTokenException
	if !errors.As(err, &old) {
		t.Errorf("GetDelegatedAccessToken: %v", err)
	}
	_, err = user.DecodeAuthorizationMessage(t.Context(), &awssts.DecodeAuthorizationMessageInput{EncodedMessage: aws.String("x")})
	var invalid *types.InvalidAuthorizationMessageException
	if !errors.As(err, &invalid) {
		t.Errorf("DecodeAuthorizationMessage: %v", err)
	}
	_, err = user.GetFederationToken(t.Context(), &awssts.GetFederationTokenInput{Name: aws.String("bob"), Policy: aws.String("{}")})
	var malformed *types.MalformedPolicyDocumentException
	if !errors.As(err, &malformed) {
		t.Errorf("GetFederationToken: %v", err)
	}
	_, err = user.AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: aws.String(roleARN(account, "target")), RoleSessionName: aws.String("alice"),
		Policy: aws.String(statement(`"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::` + noise(4000) + `"`))})
	var large *types.PackedPolicyTooLargeException
	if !errors.As(err, &large) {
		t.Errorf("AssumeRole: %v", err)
	}
	other := client(serve(t, w), sdkCredentials(w.session(t, other, "web")))
	_, err = other.GetWebIdentityToken(t.Context(), &awssts.GetWebIdentityTokenInput{Audience: []string{"a"}, SigningAlgorithm: aws.String("RS256")})
	var disabled *types.OutboundWebIdentityFederationDisabledException
	if !errors.As(err, &disabled) {
		t.Errorf("GetWebIdentityToken of an account without it: %v", err)
	}
}
