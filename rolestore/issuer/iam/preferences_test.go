package iam

import (
	"slices"
	"testing"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

func TestTokensForPartiesOutsideAreSwitched(t *testing.T) {
	w := newWorld(t, standard(may("asks", `"Effect":"Allow","Action":"iam:GetOutboundWebIdentityFederationInfo","Resource":"*"`)))
	admin, asks := w.role(t, "admin"), w.role(t, "asks")
	_, err := admin.GetOutboundWebIdentityFederationInfo(t.Context(), &awsiam.GetOutboundWebIdentityFederationInfoInput{})
	refused(t, err, "FeatureDisabled", "not enabled")
	_, err = asks.EnableOutboundWebIdentityFederation(t.Context(), &awsiam.EnableOutboundWebIdentityFederationInput{})
	refused(t, err, "AccessDenied", "iam:EnableOutboundWebIdentityFederation on resource: *")
	_, err = admin.DisableOutboundWebIdentityFederation(t.Context(), &awsiam.DisableOutboundWebIdentityFederationInput{})
	refused(t, err, "FeatureDisabled", "not enabled")
	made, err := admin.EnableOutboundWebIdentityFederation(t.Context(), &awsiam.EnableOutboundWebIdentityFederationInput{})
	must(t, err)
	id, ok := w.directory.Snapshot().TokenIssuer(account)
	if !ok || *made.IssuerIdentifier != ownURL+"/"+id || len(w.directory.Snapshot().TokenKeys()) == 0 {
		t.Errorf("the issuer is %s, STS has %q and %d keys", *made.IssuerIdentifier, id, len(w.directory.Snapshot().TokenKeys()))
	}
	_, err = admin.EnableOutboundWebIdentityFederation(t.Context(), &awsiam.EnableOutboundWebIdentityFederationInput{})
	refused(t, err, "FeatureEnabled", "already enabled")
	info, err := asks.GetOutboundWebIdentityFederationInfo(t.Context(), &awsiam.GetOutboundWebIdentityFederationInfoInput{})
	must(t, err)
	if *info.IssuerIdentifier != *made.IssuerIdentifier || !info.JwtVendingEnabled {
		t.Errorf("it is %+v", info)
	}
	if _, ok := w.directory.Snapshot().TokenIssuer(other); ok {
		t.Error("another account has tokens too")
	}
	_, err = admin.DisableOutboundWebIdentityFederation(t.Context(), &awsiam.DisableOutboundWebIdentityFederationInput{})
	must(t, err)
	if _, ok := w.directory.Snapshot().TokenIssuer(account); ok {
		t.Error("STS goes on with tokens that were disabled")
	}
	again, err := admin.EnableOutboundWebIdentityFederation(t.Context(), &awsiam.EnableOutboundWebIdentityFederationInput{})
	must(t, err)
	if *again.IssuerIdentifier != *made.IssuerIdentifier {
		t.Errorf("enabled again it is another issuer, %s", *again.IssuerIdentifier)
	}
}

// TestTheFileDecidesWhatItNames is about jwt_vending_enabled.
func TestTheFileDecidesWhatItNames(t *testing.T) {
	definitions := standard()
	w := newWorld(t, definitions)
	admin := w.role(t, "admin")
	enable := func() error {
		_, err := admin.EnableOutboundWebIdentityFederation(t.Context(), &awsiam.EnableOutboundWebIdentityFederationInput{})
		return err
	}
	enabled := func() bool { _, ok := w.directory.Snapshot().TokenIssuer(account); return ok }
	reconcile := func(on, decided bool) []string {
		definitions.Accounts[0].JWTVendingEnabled, definitions.Accounts[0].JWTVendingDecided = on, decided
		done, err := w.directory.Reconcile(definitions, false)
		must(t, err)
		return done
	}
	must(t, enable())
	reconcile(false, false)
	if !enabled() {
		t.Error("a file that does not name it has undone what the API did")
	}
	if done := reconcile(false, true); enabled() || !slices.Contains(done, "account "+account+" updated: jwt_vending_enabled") {
		t.Errorf("a file that says no is not followed: %q", done)
	}
	refused(t, enable(), "UnmodifiableEntity", file)
	reconcile(true, true)
	refused(t, enable(), "FeatureEnabled", "already enabled")
	_, err := admin.DisableOutboundWebIdentityFederation(t.Context(), &awsiam.DisableOutboundWebIdentityFederationInput{})
	refused(t, err, "UnmodifiableEntity", file)
	if reconcile(false, false); enabled() {
		t.Error("what the file said holds though it says it no longer")
	}
	must(t, enable())
}

func TestTokenVersionIsNoted(t *testing.T) {
	w := newWorld(t, standard(may("nothing")))
	set := func(c *awsiam.Client, version types.GlobalEndpointTokenVersion) error {
		_, err := c.SetSecurityTokenServicePreferences(t.Context(), &awsiam.SetSecurityTokenServicePreferencesInput{GlobalEndpointTokenVersion: version})
		return err
	}
	version := func() int { return w.directory.Snapshot().GlobalEndpointTokenVersion(account) }
	refused(t, set(w.role(t, "nothing"), "v2Token"), "AccessDenied", "iam:SetSecurityTokenServicePreferences")
	refused(t, set(w.role(t, "admin"), "v3Token"), "ValidationError", "enum value set: [v1Token, v2Token]")
	before := version()
	must(t, set(w.role(t, "admin"), "v2Token"))
	second := version()
	_, err := w.directory.Reconcile(standard(), false)
	must(t, err)
	kept := version()
	must(t, set(w.role(t, "admin"), "v1Token"))
	if before != 1 || second != 2 || kept != 2 || version() != 1 || w.directory.Snapshot().GlobalEndpointTokenVersion(other) != 1 {
		t.Errorf("%d, then %d, after the file %d, at last %d", before, second, kept, version())
	}
}

func TestNoIssuerWithoutAURL(t *testing.T) {
	w := newWorldAt(t, standard(), "")
	_, err := w.role(t, "admin").EnableOutboundWebIdentityFederation(t.Context(), &awsiam.EnableOutboundWebIdentityFederationInput{})
	refused(t, err, "InvalidInput", "--issuer-url")
	if _, ok := w.directory.Snapshot().TokenIssuer(account); ok {
		t.Error("it is enabled all the same")
	}
}
