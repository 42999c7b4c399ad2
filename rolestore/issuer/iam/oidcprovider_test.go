package iam

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

const (
	issuer  = "https://login.example.com/tenant"
	onPrem  = "https://sso.example.internal:8443/realms/main"
	byFile  = "https://kept.example.com"
	print1  = "0123456789abcdef0123456789ABCDEF01234567"
	oidcPre = "arn:aws:iam::" + account + ":oidc-provider/"
)

// federated is a world whose account has a provider by the file, and lets others be at
// one host of its own network.
func federated(t testing.TB, roles ...directory.RoleDefinition) (*world, directory.Definitions) {
	t.Helper()
	definitions := standard(roles...)
	definitions.Accounts[0].OIDCProviders = []directory.OIDCProviderDefinition{{URL: byFile, ClientIDs: []string{"x"}, OnPremises: true}}
	definitions.Accounts[0].OnPremisesIdentityProviders = []string{"sso.example.internal:8443"}
	return newWorld(t, definitions), definitions
}

func createProvider(t testing.TB, c *awsiam.Client, url string, clients ...string) (*awsiam.CreateOpenIDConnectProviderOutput, error) {
	t.Helper()
	return c.CreateOpenIDConnectProvider(t.Context(), &awsiam.CreateOpenIDConnectProviderInput{Url: str(url), ClientIDList: clients})
}

func TestAProviderIsWhatItWasMadeAs(t *testing.T) {
	w, _ := federated(t)
	admin := w.role(t, "admin")
	made, err := admin.CreateOpenIDConnectProvider(t.Context(), &awsiam.CreateOpenIDConnectProviderInput{
		Url: str(issuer), ClientIDList: []string{"app", "cli", "app"}, ThumbprintList: []string{print1}, Tags: []types.Tag{{Key: str("team"), Value: str("a b")}}})
	must(t, err)
	arn := made.OpenIDConnectProviderArn
	if *arn != oidcPre+"login.example.com/tenant" || len(made.Tags) != 1 {
		t.Errorf("made: %s %v", *arn, made.Tags)
	}
	_, err = admin.AddClientIDToOpenIDConnectProvider(t.Context(), &awsiam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: str("web")})
	must(t, err)
	for range 2 { // AWS says that neither fails where there is nothing to do
		_, err = admin.AddClientIDToOpenIDConnectProvider(t.Context(), &awsiam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: str("web")})
		must(t, err)
		_, err = admin.RemoveClientIDFromOpenIDConnectProvider(t.Context(), &awsiam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: str("cli")})
		must(t, err)
	}
	_, err = admin.TagOpenIDConnectProvider(t.Context(), &awsiam.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, Tags: []types.Tag{{Key: str("TEAM"), Value: str("c")}, {Key: str("x"), Value: str("")}}})
	must(t, err)
	got, err := admin.GetOpenIDConnectProvider(t.Context(), &awsiam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	must(t, err)
	if *got.Url != "login.example.com/tenant" || !slices.Equal(got.ClientIDList, []string{"app", "web"}) || !slices.Equal(got.ThumbprintList, []string{print1}) ||
		!got.CreateDate.Equal(w.clock()) || len(got.Tags) != 2 || *got.Tags[0].Key != "TEAM" {
		t.Errorf("it is %+v", got)
	}
	_, err = admin.UpdateOpenIDConnectProviderThumbprint(t.Context(), &awsiam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: arn, ThumbprintList: []string{strings.Repeat("a", 40)}})
	must(t, err)
	_, err = admin.UntagOpenIDConnectProvider(t.Context(), &awsiam.UntagOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, TagKeys: []string{"Team"}})
	must(t, err)
	tags, err := admin.ListOpenIDConnectProviderTags(t.Context(), &awsiam.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: arn})
	must(t, err)
	list, err := admin.ListOpenIDConnectProviders(t.Context(), &awsiam.ListOpenIDConnectProvidersInput{})
	must(t, err)
	if len(tags.Tags) != 1 || *tags.Tags[0].Key != "x" || len(list.OpenIDConnectProviderList) != 2 || *list.OpenIDConnectProviderList[1].Arn != *arn {
		t.Errorf("tags %v, list %v", tags.Tags, list.OpenIDConnectProviderList)
	}
	if p := w.directory.Snapshot().OIDCProvider(account, issuer); p == nil || p.Thumbprints[0] != strings.Repeat("a", 40) || p.OnPremises {
		t.Errorf("STS finds %+v", p)
	}
	for range 2 {
		_, err = admin.DeleteOpenIDConnectProvider(t.Context(), &awsiam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
		must(t, err)
	}
	_, err = admin.GetOpenIDConnectProvider(t.Context(), &awsiam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	refused(t, err, "NoSuchEntity", "OpenIDConnect Provider not found for arn "+*arn)
	if w.directory.Snapshot().OIDCProvider(account, issuer) != nil {
		t.Error("STS finds what was deleted")
	}
}

// TestOnlyTheFilePutsAProviderOnPremises is about whom the core can be made to ask.
func TestOnlyTheFilePutsAProviderOnPremises(t *testing.T) {
	w, definitions := federated(t)
	admin, snapshot := w.role(t, "admin"), w.directory.Snapshot
	_, err := createProvider(t, admin, onPrem, "app")
	must(t, err)
	_, err = createProvider(t, admin, "https://sso.example.internal", "app") // without the port it is another
	must(t, err)
	if p := snapshot().OIDCProvider(account, onPrem); p == nil || !p.OnPremises {
		t.Errorf("what the file allows: %+v", p)
	}
	if p := snapshot().OIDCProvider(account, "https://sso.example.internal"); p == nil || p.OnPremises {
		t.Errorf("what it does not: %+v", p)
	}
	_, err = createProvider(t, admin, "https://db.example.internal:5432", "app")
	refused(t, err, "InvalidInput", `on_premises_identity_providers: ["db.example.internal:5432"] of the account in core.yaml`)
	_, err = createProvider(t, w.as(w.session(t, other, "admin")), onPrem, "app")
	refused(t, err, "InvalidInput", "core.yaml") // it is for one account
	if p := snapshot().OIDCProvider(account, byFile); p == nil || !p.OnPremises {
		t.Errorf("the file's own: %+v", p)
	}
	definitions.Accounts[0].OnPremisesIdentityProviders = nil
	done, err := w.directory.Reconcile(definitions, false)
	must(t, err)
	if p := snapshot().OIDCProvider(account, onPrem); p == nil || p.OnPremises {
		t.Errorf("what the file allows no longer: %+v", p)
	}
	if !slices.Contains(done, "account "+account+" updated: on_premises_identity_providers") {
		t.Errorf("said: %q", done)
	}
	for _, bad := range []string{"", "https://sso", "a/b", "*.example.com", "sso:port"} {
		definitions.Accounts[0].OnPremisesIdentityProviders = []string{bad}
		if definitions.Validate() == nil {
			t.Errorf("%q is a host", bad)
		}
	}
}

func TestWhatIsNoProvider(t *testing.T) {
	w, _ := federated(t)
	admin := w.role(t, "admin")
	_, err := createProvider(t, admin, issuer)
	must(t, err)
	_, err = createProvider(t, admin, issuer, "other")
	refused(t, err, "EntityAlreadyExists", "Provider with url "+issuer+" already exists.")
	for _, url := range []string{"http://a.example.com", "login.example.com", "https://a.example.com?x=1", "https://a.example.com#x", "https://u@a.example.com", "https://"} {
		_, err = createProvider(t, admin, url)
		refused(t, err, "InvalidInput", "https://")
	}
	_, err = createProvider(t, admin, "https://"+strings.Repeat("a", 250))
	refused(t, err, "ValidationError", "'url' failed to satisfy constraint: Member must have length less than or equal to 255")
	_, err = createProvider(t, admin, "https://a.example.com", "")
	refused(t, err, "ValidationError", "'clientIDList.1.member'")
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprint("app", i)
	}
	_, err = createProvider(t, admin, "https://a.example.com", many...)
	refused(t, err, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100")
	made, err := createProvider(t, admin, "https://a.example.com", many[1:]...)
	must(t, err)
	_, err = admin.AddClientIDToOpenIDConnectProvider(t.Context(), &awsiam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: made.OpenIDConnectProviderArn, ClientID: str("one more")})
	refused(t, err, "LimitExceeded", "ClientIdsPerOpenIdConnectProvider")
	for part, prints := range map[string][]string{"thumbprint_list: at most 5": slices.Repeat([]string{print1}, 6), "40 hexadecimal digits": {strings.Repeat("z", 40)}} {
		_, err = admin.UpdateOpenIDConnectProviderThumbprint(t.Context(), &awsiam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: made.OpenIDConnectProviderArn, ThumbprintList: prints})
		refused(t, err, "InvalidInput", part)
	}
	_, err = admin.UpdateOpenIDConnectProviderThumbprint(t.Context(), &awsiam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: made.OpenIDConnectProviderArn, ThumbprintList: []string{"ab"}})
	refused(t, err, "ValidationError", "'thumbprintList.1.member'")
	for i := 3; i < 100; i++ { // one is the file's
		must(t, w.directory.CreateOIDCProvider(account, directory.OIDCProviderDefinition{URL: fmt.Sprintf("https://%d.example.com", i)}, w.clock()))
	}
	_, err = createProvider(t, admin, "https://last.example.com")
	refused(t, err, "LimitExceeded", "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100")
}

func TestWhoMayChangeAProvider(t *testing.T) {
	w, _ := federated(t, may("own", `"Effect":"Allow","Action":["iam:*OpenIDConnectProvider*"],"Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"own"}}`),
		may("maker", `"Effect":"Allow","Action":"iam:CreateOpenIDConnectProvider","Resource":"`+oidcPre+`login.example.com/*"`))
	admin := w.role(t, "admin")
	_, err := createProvider(t, w.role(t, "maker"), "https://elsewhere.example.com")
	refused(t, err, "AccessDenied", "iam:CreateOpenIDConnectProvider on resource: "+oidcPre+"elsewhere.example.com")
	_, err = w.role(t, "maker").CreateOpenIDConnectProvider(t.Context(), &awsiam.CreateOpenIDConnectProviderInput{Url: str(issuer), Tags: []types.Tag{{Key: str("team"), Value: str("own")}}})
	refused(t, err, "AccessDenied", "iam:TagOpenIDConnectProvider")
	made, err := createProvider(t, w.role(t, "maker"), issuer)
	must(t, err)
	get := &awsiam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: made.OpenIDConnectProviderArn}
	_, err = w.role(t, "own").GetOpenIDConnectProvider(t.Context(), get)
	refused(t, err, "AccessDenied", "iam:GetOpenIDConnectProvider")
	_, err = admin.TagOpenIDConnectProvider(t.Context(), &awsiam.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: made.OpenIDConnectProviderArn, Tags: []types.Tag{{Key: str("team"), Value: str("own")}}})
	must(t, err)
	_, err = w.role(t, "own").GetOpenIDConnectProvider(t.Context(), get)
	must(t, err)
	_, err = w.as(w.session(t, other, "admin")).GetOpenIDConnectProvider(t.Context(), get)
	refused(t, err, "NoSuchEntity", "not found")
	kept := str(oidcPre + "kept.example.com")
	_, err = admin.AddClientIDToOpenIDConnectProvider(t.Context(), &awsiam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: kept, ClientID: str("y")})
	refused(t, err, "UnmodifiableEntity", file)
	_, err = admin.DeleteOpenIDConnectProvider(t.Context(), &awsiam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: kept})
	refused(t, err, "UnmodifiableEntity", file)
}

func TestAProviderThatWasMadeAnewIsAnother(t *testing.T) {
	w, _ := federated(t)
	definition := directory.OIDCProviderDefinition{URL: issuer}
	must(t, w.directory.CreateOIDCProvider(account, definition, w.clock()))
	seen := w.directory.Snapshot().OIDCProvider(account, issuer)
	must(t, w.directory.DeleteOIDCProvider(seen))
	edit := func(*directory.OIDCProviderDefinition) error { return nil }
	refused(t, sdkError(theOIDC.refusal(issuer, w.directory.ChangeOIDCProvider(seen, edit))), "NoSuchEntity", issuer)
	must(t, w.directory.CreateOIDCProvider(account, definition, w.clock()))
	refused(t, sdkError(theOIDC.refusal(issuer, w.directory.DeleteOIDCProvider(seen))), "ConcurrentModification", issuer)
}
