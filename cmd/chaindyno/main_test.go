package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// call runs one command line in this process.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = execute(t.Context(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestExitCode(t *testing.T) {
	plain := errors.New("plain")
	for _, tc := range []struct {
		err     error
		started bool
		want    int
	}{
		{nil, true, exitPass},
		{plain, false, exitUsage},
		{plain, true, exitInternal},
		{usagef("no"), true, exitUsage},
		{fmt.Errorf("wrapped: %w", &exitError{exitInvalid, plain}), true, exitInvalid},
		{&exitError{code: exitInterrupted}, true, exitInterrupted},
	} {
		if got := exitCode(tc.err, tc.started); got != tc.want {
			t.Errorf("exitCode(%v, %v) = %d, want %d", tc.err, tc.started, got, tc.want)
		}
	}
}

func TestWrongCommandLine(t *testing.T) {
	for _, args := range [][]string{{"nonsense"}, {"version", "extra"}, {"version", "--nope"}} {
		code, stdout, stderr := call(t, args...)
		if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: code %d, stdout %q, stderr %q; want code 2 and one line", args, code, stdout, stderr)
		}
	}
}

func TestVersion(t *testing.T) {
	if code, out, _ := call(t, "version"); code != exitPass || !strings.HasPrefix(out, "chaindyno ") {
		t.Errorf("code %d, %q", code, out)
	}
	if code, out, _ := call(t, "version", "--json"); code != exitPass || !strings.Contains(out, `"go":"go`) {
		t.Errorf("code %d, %q", code, out)
	}
}
