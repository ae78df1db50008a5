package scenario

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// redacted stands for a secret wherever text goes out.
const redacted = "***"

// Secrets are the values that the scenario's environment variables and files
// hold. They live in memory only.
type Secrets struct {
	Token    string
	User     string
	Password string
}

// Secrets reads what the target wants; an absent one is an error that names
// the variable and never the value.
func (s *Scenario) Secrets() (Secrets, error) {
	var out Secrets
	t := s.Target
	for _, v := range []struct {
		key, name string
		into      *string
	}{
		{"target.token_env", t.TokenEnv, &out.Token},
		{"target.auth.user_env", t.Auth.UserEnv, &out.User},
		{"target.auth.password_env", t.Auth.PasswordEnv, &out.Password},
	} {
		if v.name == "" {
			continue
		}
		if *v.into = os.Getenv(v.name); *v.into == "" {
			return Secrets{}, s.ErrorAt(v.key, "environment variable %s is not set", v.name)
		}
	}
	if t.Auth.PasswordFile != "" {
		b, err := os.ReadFile(t.Auth.PasswordFile)
		if err != nil {
			return Secrets{}, s.ErrorAt("target.auth.password_file", "%v", err)
		}
		out.Password = strings.TrimRight(string(b), "\r\n")
	}
	return out, nil
}

// String keeps secrets out of logs.
func (Secrets) String() string { return redacted }

// GoString keeps secrets out of logs.
func (Secrets) GoString() string { return redacted }

// Format keeps secrets out of logs, whatever the verb.
func (Secrets) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// MarshalText keeps secrets out of files.
func (Secrets) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Redact returns text with every secret in it replaced. The user's name is
// none.
func (c Secrets) Redact(text string) string {
	for _, secret := range []string{c.Token, c.Password} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, redacted)
		}
	}
	return text
}

// RedactArgv returns a copy of a command line without the secrets, and without
// the user part of any URL.
func (c Secrets) RedactArgv(argv []string) []string {
	out := slices.Clone(argv)
	for i, a := range out {
		out[i] = redactURL(c.Redact(a))
	}
	return out
}

// redactURL replaces what stands before @ in a URL's authority.
func redactURL(s string) string {
	start := strings.Index(s, "://")
	if start < 0 {
		return s
	}
	start += 3
	end := start + strings.IndexAny(s[start:]+"/", "/?# ,]")
	if at := strings.LastIndexByte(s[start:end], '@'); at >= 0 {
		return s[:start] + redacted + s[start+at:]
	}
	return s
}
