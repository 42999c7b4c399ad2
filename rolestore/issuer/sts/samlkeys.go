package sts

import (
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/saml"
)

// samlKeys are the condition keys of what providers say of a person, by the names of
// their attributes: those of eduPerson and eduOrg, of Active Directory, of X.500
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html#saml-attribute-mapping).
// All are lists.
var samlKeys = map[string][]string{
	eduPerson + "1":  {"saml:edupersonaffiliation"},
	eduPerson + "2":  {"saml:edupersonnickname"},
	eduPerson + "3":  {"saml:edupersonorgdn"},
	eduPerson + "4":  {"saml:edupersonorgunitdn"},
	eduPerson + "5":  {"saml:edupersonprimaryaffiliation"},
	eduPerson + "6":  {"saml:edupersonprincipalname"},
	eduPerson + "7":  {"saml:edupersonentitlement"},
	eduPerson + "8":  {"saml:edupersonprimaryorgunitdn"},
	eduPerson + "9":  {"saml:edupersonscopedaffiliation"},
	eduPerson + "10": {"saml:edupersontargetedid"},
	eduPerson + "11": {"saml:edupersonassurance"},
	eduOrg + "2":     {"saml:eduorghomepageuri"},
	eduOrg + "3":     {"saml:eduorgidentityauthnpolicyuri"},
	eduOrg + "4":     {"saml:eduorglegalname"},
	eduOrg + "5":     {"saml:eduorgsuperioruri"},
	eduOrg + "6":     {"saml:eduorgwhitepagesuri"},

	adClaims + "name":                              {"saml:name"},
	adClaims + "givenname":                         {"saml:givenName"},
	adClaims + "surname":                           {"saml:surname"},
	adClaims + "emailaddress":                      {"saml:mail"},
	"http://schemas.xmlsoap.org/claims/CommonName": {"saml:commonName"},
	"http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid": {"saml:uid", "saml:primaryGroupSID"},

	"2.5.4.3":                    {"saml:cn", "saml:commonName"},
	"2.5.4.4":                    {"saml:surname"},
	"2.5.4.42":                   {"saml:givenName"},
	"2.5.4.45":                   {"saml:x500UniqueIdentifier"},
	"0.9.2342.19200300.100.1.1":  {"saml:uid"},
	"0.9.2342.19200300.100.1.3":  {"saml:mail"},
	"0.9.2342.19200300.100.1.45": {"saml:organizationStatus"},
}

const (
	eduPerson = "1.3.6.1.4.1.5923.1.1.1."
	eduOrg    = "1.3.6.1.4.1.5923.1.2.1."
	adClaims  = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
)

// samlPersonal are the values of these keys.
func samlPersonal(a *saml.Assertion) map[string][]string {
	values := map[string][]string{}
	for _, attribute := range a.Attributes {
		for _, key := range samlKeys[strings.TrimPrefix(attribute.Name, "urn:oid:")] {
			values[key] = append(values[key], attribute.Values...)
		}
	}
	return values
}
