package main

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chaindyno/chaindyno/chain"
)

func TestHealth(t *testing.T) {
	n := startNode(t, small(t.TempDir(), "--threads", "0"))
	_, port, err := net.SplitHostPort(n.ready.Admin)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(chain.EnvPrefix+"ADMIN", "0.0.0.0:"+port) // as in a container
	for _, args := range [][]string{{"health"}, {"health", n.ready.Admin}, {"health", ":" + port}} {
		if code, stdout, stderr := call(t, args...); code != exitPass || stdout != "ok\n" {
			t.Errorf("%v: exit code %d, %q %q", args, code, stdout, stderr)
		}
	}
	n.stop()
	<-n.done
	code, stdout, stderr := call(t, "health")
	if code != exitFail || stdout != "" || strings.Count(stderr, "\n") != 1 {
		t.Errorf("of a node that is gone: exit code %d, %q %q", code, stdout, stderr)
	}
	if code, _, stderr := call(t, "health", "nonsense"); code != exitUsage || !strings.Contains(stderr, "host:port") {
		t.Errorf("no address: exit code %d, %q", code, stderr)
	}
}

// A port that is served with TLS is asked over it.
func TestHealthOverTLS(t *testing.T) {
	secured := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }))
	secured.Config.ErrorLog = log.New(io.Discard, "", 0)
	secured.StartTLS()
	defer secured.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secured.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	addr := secured.Listener.Addr().String()
	for _, tc := range []struct {
		args []string
		code int
	}{
		{[]string{"--tls-ca", ca}, exitPass}, {[]string{"--tls-ca", ca, "--tls-name", "example.com"}, exitPass},
		{[]string{"--tls-ca", ca, "--tls-name", "elsewhere"}, exitFail}, {nil, exitFail}, {[]string{"--tls-ca", "/nowhere"}, exitUsage},
	} {
		if code, stdout, stderr := call(t, append([]string{"health", addr}, tc.args...)...); code != tc.code || strings.Count(stderr, "\n") > 1 {
			t.Errorf("%v: exit code %d, %q %q", tc.args, code, stdout, stderr)
		}
	}
}

// A node that is there and not ready says why.
func TestHealthTellsWhy(t *testing.T) {
	troubled := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "writing blocks has failed for 3s: no room\n")
	}))
	defer troubled.Close()
	code, stdout, stderr := call(t, "health", troubled.Listener.Addr().String())
	if code != exitFail || stdout != "" || !strings.Contains(stderr, "writing blocks has failed for 3s: no room") {
		t.Errorf("exit code %d, %q %q", code, stdout, stderr)
	}
}
