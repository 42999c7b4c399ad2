package verify

import (
	"context"
	"net/http"
	"strings"
)

// Bearer lets through to next whose request has a token (RFC 6750 section 2.1) that
// verify accepts, such as [Identity.Verify] or [WebIdentity.Verify]; see [Caller].
func Bearer(next http.Handler, verify func(context.Context, string) (*Principal, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		values := r.Header.Values("Authorization")
		scheme, token, _ := strings.Cut(strings.Join(values, ","), " ")
		if len(values) != 1 || !strings.EqualFold(scheme, "Bearer") {
			w.Header().Set("WWW-Authenticate", "Bearer")
			Reply(w, &Error{Code: "MissingAuthenticationToken", Message: "The request has no bearer token.", Status: http.StatusUnauthorized})
			return
		}
		who, err := verify(r.Context(), strings.TrimSpace(token))
		if err != nil {
			Reply(w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who)))
	})
}
