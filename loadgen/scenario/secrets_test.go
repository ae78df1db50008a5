package scenario

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	token    = "tok-5f3c9e"
	password = "pass-77aa"
)

func secretive(t *testing.T) (*Scenario, Secrets) {
	t.Helper()
	t.Setenv("CD_TOKEN", token)
	t.Setenv("CD_USER", "alice")
	file := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustParse(t, "target: {driver: other, submit: [127.0.0.1:1], tls: {ca: ca.pem}, token_env: CD_TOKEN, auth: {user_env: CD_USER, password_file: "+file+"}}")
	c, err := s.Secrets()
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func TestSecretsAreReadAndKept(t *testing.T) {
	s, c := secretive(t)
	if c.Token != token || c.User != "alice" || c.Password != password {
		t.Error("not read")
	}
	argv := []string{"run", "--set", "x=" + token, "https://me:other@host:1/p?q=a@b", "http://host:1/a@b", password + token}
	asJSON, err := json.Marshal(map[string]any{"c": c})
	if err != nil {
		t.Fatal(err)
	}
	out := []string{
		string(asJSON),
		string(s.JSON()), fmt.Sprintf("%v %+v %#v %s %q", c, c, c, c, c), c.Redact("a " + token + " b " + password),
		strings.Join(c.RedactArgv(argv), " "),
	}
	for _, text := range out {
		for _, secret := range []string{token, password, "me:other"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q holds %q", text, secret)
			}
		}
	}
	want := []string{"run", "--set", "x=***", "https://***@host:1/p?q=a@b", "http://host:1/a@b", "******"}
	if got := c.RedactArgv(argv); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMissingSecretNamesTheVariable(t *testing.T) {
	s := mustParse(t, "target: {submit: [127.0.0.1:1], tls: {ca: ca.pem}, token_env: CD_NOT_SET}")
	_, err := s.Secrets()
	if want := "f.yaml:1:63: target.token_env: environment variable CD_NOT_SET is not set"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestNoSecretsWanted(t *testing.T) {
	c, err := Default().Secrets()
	if err != nil || c != (Secrets{}) || c.Redact("text") != "text" {
		t.Errorf("%v, %v", c, err)
	}
	if b, _ := json.Marshal(Default().Target); strings.Contains(string(b), "llow") {
		t.Errorf("a flag is in the file: %s", b)
	}
}
