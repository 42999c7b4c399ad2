package iam

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/saml/samltest"
)

const samlPre = "arn:aws:iam::" + account + ":saml-provider/"

// newIDP makes metadata and a private key of ours.
func newIDP(t testing.TB) (metadata, key string) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	return samltest.Metadata(samltest.Certificate(t, private)), string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))
}

func TestASAMLProviderIsWhatItWasMadeAs(t *testing.T) {
	metadata, key := newIDP(t)
	definitions := standard(may("reads", `"Effect":"Allow","Action":"iam:GetSAMLProvider","Resource":"`+samlPre+`adfs"`))
	definitions.Accounts[0].SAMLProviders = []directory.SAMLProviderDefinition{{Name: "kept", MetadataDocument: metadata}}
	w := newWorld(t, definitions)
	admin, arn := w.role(t, "admin"), str(samlPre+"adfs")
	create := func(in awsiam.CreateSAMLProviderInput) error {
		_, err := admin.CreateSAMLProvider(t.Context(), &in)
		return err
	}
	must(t, create(awsiam.CreateSAMLProviderInput{Name: str("adfs"), SAMLMetadataDocument: &metadata, AssertionEncryptionMode: "Required", AddPrivateKey: &key, Tags: []types.Tag{{Key: str("team"), Value: str("a")}}}))
	refused(t, create(awsiam.CreateSAMLProviderInput{Name: str("ADFS"), SAMLMetadataDocument: &metadata}), "EntityAlreadyExists", "ADFS")
	refused(t, create(awsiam.CreateSAMLProviderInput{Name: str("b"), SAMLMetadataDocument: str(strings.Repeat("x", 1000))}), "InvalidInput", "saml_metadata_document")
	refused(t, create(awsiam.CreateSAMLProviderInput{Name: str("b"), SAMLMetadataDocument: str("x")}), "ValidationError", "greater than or equal to 1000")
	refused(t, create(awsiam.CreateSAMLProviderInput{Name: str("b"), SAMLMetadataDocument: &metadata, AssertionEncryptionMode: "Required"}), "InvalidInput", "private_key")
	err := create(awsiam.CreateSAMLProviderInput{Name: str("b"), SAMLMetadataDocument: &metadata, AddPrivateKey: str("sesame€")})
	refused(t, err, "ValidationError", "'***'")
	got, err := w.role(t, "reads").GetSAMLProvider(t.Context(), &awsiam.GetSAMLProviderInput{SAMLProviderArn: arn})
	must(t, err)
	if *got.SAMLMetadataDocument != metadata || got.AssertionEncryptionMode != "Required" || len(got.PrivateKeyList) != 1 || len(got.Tags) != 1 || !got.CreateDate.Equal(w.clock()) || got.SAMLProviderUUID == nil {
		t.Errorf("it is %+v", got)
	}
	next, second := newIDP(t)
	_, err = admin.UpdateSAMLProvider(t.Context(), &awsiam.UpdateSAMLProviderInput{SAMLProviderArn: arn, SAMLMetadataDocument: &next, AssertionEncryptionMode: "Allowed", AddPrivateKey: &second})
	must(t, err)
	_, err = admin.UpdateSAMLProvider(t.Context(), &awsiam.UpdateSAMLProviderInput{SAMLProviderArn: arn, RemovePrivateKey: got.PrivateKeyList[0].KeyId})
	must(t, err)
	_, err = admin.UpdateSAMLProvider(t.Context(), &awsiam.UpdateSAMLProviderInput{SAMLProviderArn: arn, RemovePrivateKey: got.PrivateKeyList[0].KeyId})
	refused(t, err, "NoSuchEntity", "Private key")
	p := w.directory.Snapshot().SAMLProvider(*arn)
	if p.MetadataDocument != next || p.AssertionEncryptionMode != "Allowed" || len(p.PrivateKeys) != 1 || p.PrivateKeys[0].Reveal() != second || p.UniqueID != *got.SAMLProviderUUID {
		t.Errorf("STS finds %+v", p)
	}
	_, err = admin.TagSAMLProvider(t.Context(), &awsiam.TagSAMLProviderInput{SAMLProviderArn: arn, Tags: []types.Tag{{Key: str("x"), Value: str("y")}}})
	must(t, err)
	_, err = admin.UntagSAMLProvider(t.Context(), &awsiam.UntagSAMLProviderInput{SAMLProviderArn: arn, TagKeys: []string{"team"}})
	must(t, err)
	tags, err := admin.ListSAMLProviderTags(t.Context(), &awsiam.ListSAMLProviderTagsInput{SAMLProviderArn: arn})
	must(t, err)
	list, err := admin.ListSAMLProviders(t.Context(), &awsiam.ListSAMLProvidersInput{})
	must(t, err)
	if len(tags.Tags) != 1 || *tags.Tags[0].Key != "x" || len(list.SAMLProviderList) != 2 || *list.SAMLProviderList[0].Arn != *arn {
		t.Errorf("tags %v, list %v", tags.Tags, list.SAMLProviderList)
	}
	_, err = w.role(t, "reads").DeleteSAMLProvider(t.Context(), &awsiam.DeleteSAMLProviderInput{SAMLProviderArn: arn})
	refused(t, err, "AccessDenied", "iam:DeleteSAMLProvider on resource: "+*arn)
	_, err = admin.DeleteSAMLProvider(t.Context(), &awsiam.DeleteSAMLProviderInput{SAMLProviderArn: str(samlPre + "kept")})
	refused(t, err, "UnmodifiableEntity", file)
	_, err = admin.DeleteSAMLProvider(t.Context(), &awsiam.DeleteSAMLProviderInput{SAMLProviderArn: arn})
	must(t, err)
	_, err = admin.GetSAMLProvider(t.Context(), &awsiam.GetSAMLProviderInput{SAMLProviderArn: arn})
	refused(t, err, "NoSuchEntity", *arn)
	if text := w.log.String(); strings.Contains(text, "PRIVATE") || strings.Contains(text, "sesame") {
		t.Error("the log has a private key")
	}
}
