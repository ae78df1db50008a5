package tlsx

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// contents are the files of a folder with what they hold.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		name, err := filepath.Rel(dir, p)
		if err != nil || d.IsDir() {
			files[name] = "folder"
			return err
		}
		text, err := os.ReadFile(p)
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestMake(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "certs")
	first, err := Make(dir, node("a"), Request{Name: "client"})
	if err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	if names := slices.Sorted(maps.Keys(before)); !slices.Equal(names, []string{"a.key", "a.pem", "ca.key", "ca.pem", "client.key", "client.pem"}) {
		t.Fatalf("files %v", names)
	}
	for _, f := range first {
		if info, err := os.Stat(f.Key); err != nil || info.Mode().Perm() != 0o600 || !f.Made {
			t.Errorf("%s: %v, %v, made %v", f.Key, info.Mode(), err, f.Made)
		}
		if left := time.Until(f.Leaf.NotAfter); left < Validity-time.Hour {
			t.Errorf("%s is valid for %v", f.Name, left)
		}
	}
	// A second node comes later; all that was there stays as it was.
	second, err := Make(dir, node("a"), node("b"), Request{Name: "client"})
	if err != nil {
		t.Fatal(err)
	}
	after := contents(t, dir)
	for name, text := range before {
		if after[name] != text {
			t.Errorf("%s was replaced", name)
		}
	}
	for _, f := range second {
		if f.Made != (f.Name == "b") {
			t.Errorf("%s: made %v", f.Name, f.Made)
		}
	}
	a, b := second[1], second[2]
	serverErr, clientErr := shake(t, Server{Cert: a.Cert, Key: a.Key, ClientCA: first[0].Cert}, Client{CA: first[0].Cert, Cert: b.Cert, Key: b.Key})
	if serverErr != nil || clientErr != nil {
		t.Errorf("a and b do not get on: %v, %v", serverErr, clientErr)
	}
}

// TestMakeRefuses wants one line, and everything as it was.
func TestMakeRefuses(t *testing.T) {
	here := func(t *testing.T) string {
		dir := t.TempDir()
		if _, err := Make(dir, node("a")); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	remove := func(t *testing.T, dir string, names ...string) string {
		for _, n := range names {
			if err := os.Remove(filepath.Join(dir, n)); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	for _, tc := range []struct {
		name string
		dir  func(t *testing.T) string
		want string
		ask  []Request
	}{
		{"other hosts", here, "a.pem is there for other hosts (127.0.0.1, localhost)", []Request{{Name: "b"}, {Name: "a", Hosts: []string{"elsewhere"}}}},
		{"another kind", here, "a.pem is there for other hosts (127.0.0.1, localhost)", []Request{{Name: "a"}}},
		{"another authority", func(t *testing.T) string {
			dir, other := here(t), here(t)
			for _, f := range []string{"ca.pem", "ca.key"} {
				if err := os.Rename(filepath.Join(other, f), filepath.Join(dir, f)); err != nil {
					t.Fatal(err)
				}
			}
			return dir
		}, "a.pem is of another authority", []Request{node("b"), node("a")}},
		{"no key of the authority", func(t *testing.T) string { return remove(t, here(t), "ca.key") }, "ca.pem is there without", []Request{node("b")}},
		{"no certificate", func(t *testing.T) string { return remove(t, here(t), "a.pem") }, "a.key is there without", []Request{node("b"), node("a")}},
		{"authority in ruins", func(t *testing.T) string {
			dir := here(t)
			if err := os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("junk"), 0o600); err != nil {
				t.Fatal(err)
			}
			return dir
		}, "ca.key: tls: failed to find any PEM data", []Request{node("b")}},
		{"no authority", func(t *testing.T) string {
			dir := t.TempDir()
			cert, key := newWorld(t).issue(t, node("x"))
			for from, to := range map[string]string{cert: "ca.pem", key: "ca.key"} {
				if err := os.Rename(from, filepath.Join(dir, to)); err != nil {
					t.Fatal(err)
				}
			}
			return dir
		}, "ca.pem is the certificate of no authority", []Request{node("b")}},
		{"the authority's name", here, `name "ca" is taken`, []Request{node("b"), {Name: "ca"}}},
		{"twice", here, `name "b" is taken`, []Request{node("b"), node("b")}},
		{"a way out", here, `name "../b": permitted are`, []Request{{Name: "../b"}}},
		{"a file in the way", func(t *testing.T) string {
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return file
		}, "not a directory", []Request{node("b")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := tc.dir(t)
			before := contents(t, filepath.Dir(dir))
			_, err := Make(dir, tc.ask...)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			if after := contents(t, filepath.Dir(dir)); !maps.Equal(before, after) {
				t.Errorf("left %v", slices.Sorted(maps.Keys(after)))
			}
		})
	}
}

// TestMakeUndoes puts a file in the way of the last one that is placed, as if
// somebody had made it in that moment.
func TestMakeUndoes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	f := &folder{dir: dir}
	if err := f.authority(); err != nil {
		t.Fatal(err)
	}
	if err := f.certificate(node("a")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.pem"), []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.place(); err == nil {
		t.Fatal("somebody's file was replaced")
	}
	f.undo()
	if left := contents(t, dir); !maps.Equal(left, map[string]string{"a.pem": "theirs"}) {
		t.Errorf("left %v", left)
	}
}

func TestHostNames(t *testing.T) {
	for host, ok := range map[string]bool{
		"node0": true, "a.b-c.example": true, "node_0": true, "*.example": true, "10.0.0.1": true, "::1": true, "1a": true,
		"": false, "a:7700": false, "a b": false, "-a": false, "a-": false, "a..b": false, ".a": false, "a.": false, "a-.b": false,
		"*": false, "*.": false, "a*": false, "ä": false, "https://a": false, "a\n": false,
		strings.Repeat("a", 64): false, strings.Repeat("a.", 127) + "a": false,
	} {
		r := Request{Name: "n", Hosts: []string{host}}
		if err := r.Validate(); (err == nil) != ok {
			t.Errorf("%q: %v", host, err)
		}
	}
	if r := (Request{Name: "n", Hosts: []string{"a", "a"}}); r.Validate() == nil {
		t.Error("a host may be named twice")
	}
}

// No certificate outlives its authority, and an authority that has expired
// signs nothing.
func TestAuthorityEnds(t *testing.T) {
	a, err := NewAuthority("short", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := a.Issue(node("a"))
	if err != nil || pair.Leaf.NotAfter.After(time.Now().Add(time.Hour)) {
		t.Errorf("valid until %v, %v", pair.Leaf.NotAfter, err)
	}
	old, err := NewAuthority("old", -time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := old.pair.Write(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(dir, node("a")); err == nil || !strings.Contains(err.Error(), "ca.pem has expired on") {
		t.Errorf("got %v", err)
	}
}

func TestDescribe(t *testing.T) {
	w := newWorld(t)
	cert, key := w.issue(t, node("a"))
	d, err := Describe(cert)
	if err != nil || d.Subject != "CN=a" || d.Issuer != "CN=test" || !slices.Equal(d.Hosts, []string{"localhost", "127.0.0.1"}) ||
		!d.Server || !d.Client || d.Authority || d.Now != nil {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := Describe(w.file); err != nil || !d.Authority || d.Server {
		t.Errorf("%+v, %v", d, err)
	}
	expired, _ := w.issue(t, Request{Name: "b", NotAfter: time.Now().Add(-time.Minute)})
	if d, err := Describe(expired); err != nil || d.Now == nil {
		t.Errorf("%+v, %v", d, err)
	}
	for _, f := range []string{key, "/nowhere"} {
		if _, err := Describe(f); err == nil {
			t.Errorf("%s was described", f)
		}
	}
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("PRIVATE")) {
		t.Error("the certificate's file holds a key")
	}
}
