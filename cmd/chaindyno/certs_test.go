package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/internal/tlsx"
)

func TestCerts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	code, out, stderr := call(t, "certs", "--out", dir, "--host", "Node0, localhost,127.0.0.1", "--host", "::1")
	if code != exitPass {
		t.Fatal(code, stderr)
	}
	for _, want := range []string{"ca.pem", "node0.pem", "ip---1.pem", "client.pem"} {
		if !strings.Contains(out, filepath.Join(dir, want)+"  ") {
			t.Errorf("%s is not in\n%s", want, out)
		}
	}
	if !strings.Contains(out, "made  valid until 20") || !strings.Contains(out, "for node0, localhost, 127.0.0.1") || strings.Contains(out, "kept") {
		t.Errorf("printed\n%s", out)
	}
	if code, out, _ = call(t, "certs", "--out", dir, "--host", "node0,localhost,127.0.0.1", "--host", "node2", "--client", "grafana"); code != exitPass ||
		strings.Count(out, "kept") != 2 || strings.Count(out, "made") != 2 {
		t.Errorf("code %d\n%s", code, out)
	}
	code, out, stderr = call(t, "certs", "--check", filepath.Join(dir, "node0.pem"))
	if code != exitPass || !strings.Contains(out, "CN=node0") || !strings.Contains(out, "node0, localhost, 127.0.0.1") || !strings.Contains(out, "server, client") {
		t.Errorf("check: code %d, %s\n%s", code, stderr, out)
	}
}

func TestCertsMistakes(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "name at least one node: --host"},
		{[]string{"--host", "a,b:7700"}, `--host a,b:7700: host "b:7700": want a DNS name or an IP address, without a port`},
		{[]string{"--host", "a", "--host", ""}, `--host : name ""`},
		{[]string{"--host", "a", "--host", "a,b"}, `name "a" is taken`},
		{[]string{"--host", "ca"}, `name "ca" is taken`},
		{[]string{"--host", "a", "--client", "../x"}, `--client ../x: name "../x"`},
		{[]string{"--host", "a", "--out", "/proc/certs"}, "/proc/certs"},
		{[]string{"--check", "nowhere.pem"}, "nowhere.pem"},
		{[]string{"extra"}, "extra"},
	} {
		code, stdout, stderr := call(t, append([]string{"certs"}, c.args...)...)
		if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: %d %s%s, want %s", c.args, code, stdout, stderr, c.want)
		}
		if left := names(t); left != nil {
			t.Errorf("%v left %v", c.args, left)
		}
	}
}

func TestCheckOfAnExpiredCert(t *testing.T) {
	a, err := tlsx.NewAuthority("test", 0)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := a.Issue(tlsx.Request{Name: "old", NotAfter: time.Now().Add(-time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "old.pem")
	if err := pair.Write(file, file+".key"); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := call(t, "certs", "--check", file); code != exitFail || !strings.Contains(stderr, "has expired on") {
		t.Errorf("code %d, %s", code, stderr)
	}
	if info, err := os.Stat(file + ".key"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
