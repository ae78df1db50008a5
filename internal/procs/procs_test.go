package procs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The test binary plays the child too: roleEnv says which.
const roleEnv = "CHAINDYNO_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "":
		goleak.VerifyTestMain(m)
	case "obedient": // ends when its standard input closes
		ctx, cancel := Watch(context.Background(), os.Stdin)
		defer cancel()
		fmt.Println("ready")
		<-ctx.Done()
	case "stubborn": // ends by force only
		ignoreStop()
		fmt.Println("ready")
		select {}
	case "chatty": // more lines than anybody reads
		for i := range 1000 {
			fmt.Println(i)
		}
		os.Exit(7)
	case "parent": // starts a stubborn child and is killed
		spec := child("stubborn")
		spec.Stderr = os.Stderr
		c, err := Start(spec)
		if err != nil {
			os.Exit(1)
		}
		if _, err := c.Line(context.Background()); err != nil {
			os.Exit(1)
		}
		fmt.Println("ready")
		select {}
	}
}

func child(role string) Spec {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return Spec{Path: self, Env: append(os.Environ(), roleEnv+"="+role)}
}

func start(t *testing.T, role string) *Child {
	t.Helper()
	c, err := Start(child(role))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	if role == "chatty" {
		return c
	}
	if line, err := c.Line(t.Context()); err != nil || line != "ready" {
		t.Fatalf("got %q, %v", line, err)
	}
	return c
}

func TestStopObedient(t *testing.T) {
	c := start(t, "obedient")
	if c.Stop(time.Minute) {
		t.Error("had to be killed")
	}
	if err := c.Signal(os.Interrupt); err != nil {
		t.Errorf("signal after the end: %v", err)
	}
}

func TestStopStubborn(t *testing.T) {
	c := start(t, "stubborn")
	if !c.Stop(time.Millisecond) {
		t.Error("stopped by itself")
	}
	var exit *exec.ExitError
	if err := c.Err(); !errors.As(err, &exit) {
		t.Errorf("got %v, want an exit error", err)
	}
}

func TestUnreadOutputDoesNotBlock(t *testing.T) {
	c := start(t, "chatty")
	var exit *exec.ExitError
	if err := c.Err(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("got %v, want exit code 7", err)
	}
	first, err := c.Line(t.Context())
	if first != "0" || err != nil {
		t.Errorf("first line %q, %v", first, err)
	}
	for err == nil {
		_, err = c.Line(t.Context())
	}
	if err != io.EOF {
		t.Errorf("got %v, want EOF", err)
	}
}

func TestLineHonoursContext(t *testing.T) {
	c := start(t, "obedient")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Line(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestStartMissingBinary(t *testing.T) {
	if _, err := Start(Spec{Path: t.TempDir() + "/none"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestChildDiesWithKilledParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the kernel kills orphans on Linux only")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	spec := child("parent")
	spec.Stderr = w // the grandchild holds it too: it ends when both have
	p, err := Start(spec)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if line, err := p.Line(t.Context()); err != nil || line != "ready" {
		t.Fatalf("got %q, %v", line, err)
	}
	p.Kill()
	if err := r.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err != nil {
		t.Errorf("the grandchild outlived its parent: %v", err)
	}
}

func TestSelf(t *testing.T) {
	before := Self()
	waste := make([]byte, 64<<20)
	for i := range waste {
		waste[i] = byte(i)
	}
	after := Self()
	if size := uint64(len(waste)); after.RSSBytes < size || after.HeapBytes < size {
		t.Errorf("64 MiB in use are not seen: %+v", after)
	}
	if after.CPUSeconds <= before.CPUSeconds || after.GCSeconds < before.GCSeconds {
		t.Errorf("counters do not grow: %+v, %+v", before, after)
	}
	_ = waste[len(waste)-1]
}

func TestResident(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want uint64
		ok   bool
	}{
		{"100 25 3 1 0 9 0\n", 25 * 4096, true}, {"", 0, false}, {"100", 0, false}, {"1 x", 0, false},
	} {
		if got, ok := resident([]byte(tc.in), 4096); got != tc.want || ok != tc.ok {
			t.Errorf("resident(%q) = %d, %v", tc.in, got, ok)
		}
	}
}

func TestSum(t *testing.T) {
	h := &metrics.Float64Histogram{Counts: []uint64{5, 2, 0, 4}, Buckets: []float64{-1, 0.5, 1, 2, 4}}
	if got := sum(h); got != 9 {
		t.Errorf("got %v, want 9", got)
	}
}
