// Package bearer checks bearer tokens (RFC 6750).
package bearer

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// Valid says whether an Authorization header presents the token. It takes the
// same time wherever the tokens differ, and whatever their lengths. The empty
// token stands for none: every header is valid.
func Valid(header, token string) bool {
	if token == "" {
		return true
	}
	scheme, given, _ := strings.Cut(header, " ")
	x, y := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1 && strings.EqualFold(scheme, "bearer")
}

// Require passes on the requests that present the token, and answers 401 to
// all others, after it has called denied.
func Require(token string, denied func(), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !Valid(r.Header.Get("Authorization"), token) {
			denied()
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "the token is missing or wrong", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Fit says whether a header can carry the token: printable ASCII without
// spaces.
func Fit(token string) bool {
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return false
		}
	}
	return true
}
