package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// otherBuild writes a program that says it is another version, and otherwise is
// this one.
func otherBuild(t *testing.T, path, version string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\ncase $1 in\nversion) echo '{\"version\":\"" + version + "\",\"go\":\"go1\"}';;\n" +
		"*) " + asBinary + "=1 exec '" + self + "' \"$@\";;\nesac\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestOtherBuild starts nodes of another build, and wants the run to tell which.
func TestOtherBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a chain")
	}
	dir := t.TempDir()
	path, out := filepath.Join(dir, "other"), filepath.Join(dir, "out")
	otherBuild(t, path, "v9.9.9")
	code, _, stderr := call(t, "run", "--out", out, "--calibrate", "off", "--set", "chain.up.binary="+path, "--set", "chain.node.miner.pace=50ms",
		"--set", "load.schedule={constant: {rate: 200/s, for: 1s}}", "--set", "load.warmup=200ms", "--set", "load.lanes=500", "--set", "slo=[]")
	dirs, _ := filepath.Glob(filepath.Join(out, "transfer-*"))
	if len(dirs) != 1 {
		t.Fatalf("code %d, folders %v\n%s", code, dirs, stderr)
	}
	s := summary(t, dirs[0])
	digest, err := digestOf(path)
	if err != nil {
		t.Fatal(err)
	}
	sut := s.Environment.SUT
	if sut["binary"] != path || sut["version"] != "v9.9.9" || sut["sha256"] != digest || !strings.Contains(sut["system"], path) || s.Counts.Fates["succeeded"] == 0 {
		t.Errorf("%v, %v", sut, s.Counts.Fates)
	}
}

// TestOwnBuild wants a run to tell the version of its own nodes too, so that
// it can be compared with one that has nodes of another build.
func TestOwnBuild(t *testing.T) {
	s, err := parse(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := buildOf(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	sut := map[string]string{}
	b.tell(sut)
	if _, named := sut["binary"]; named || sut["version"] == "" || len(sut["sha256"]) != 64 {
		t.Errorf("%v", sut)
	}
}
