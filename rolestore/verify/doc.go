// Package verify is for services that rely on the core's credentials: who signed this
// request, and may he do that? A service that has credentials of its own, as from the
// metadata server, is protected like this, whatever its router:
//
//	credentials, err := config.LoadDefaultConfig(ctx) // of aws-sdk-go-v2
//	guard, err := verify.New(verify.Config{
//		Core: "https://sts.example.com", Credentials: credentials.Credentials, Now: time.Now,
//		Service: "reports", Region: "eu-central-1", Hosts: []string{"reports.example.com"},
//	})
//	http.ListenAndServeTLS(":443", cert, key, guard.Protect(router, func(r *http.Request) *verify.Matter {
//		return &verify.Matter{Action: "reports:GetReport", Resource: "arn:aws:reports:::" + r.URL.Path}
//	}))
//
// and its handlers ask [Caller] who it is. There are three ways to know a caller:
//
//	Guard          a request signed by SigV4 for the service; the core says whose it is and
//	               decides by his policies          guard.go, ask.go, protect.go, once.go
//	Identity       a presigned GetCallerIdentity as a token, as aws-iam-authenticator makes
//	               them; the STS says whose it is   identity.go, presigned.go
//	WebIdentity    a token of GetWebIdentityToken; the issuer's key set verifies it, and
//	               nobody is asked                  webidentity.go, keyset.go
//
// A service that gives out bearer tokens of its own asks, as AWS's do, for the action
// sts:GetServiceBearerToken on *, with the keys sts:AWSServiceName and sts:DurationSeconds.
//
// What does not verify is an [*Error] with AWS's code and an HTTP status. When the core
// cannot be asked nobody is let in.
//
// The package must not import anything of the core's but [wire], and so neither gin nor a
// database nor netlink: it is for other people's programs.
package verify
