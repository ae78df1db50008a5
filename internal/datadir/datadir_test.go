package datadir

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

var ours = Format{Kind: "test", Version: 2, Network: "dev", Params: [32]byte{1}}

func open(t *testing.T, fs vfs.FS) *Dir {
	t.Helper()
	d, err := Open(fs, "/a/b", ours, 0)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRefuses(t *testing.T) {
	with := func(change func(*Format)) Format {
		f := ours
		change(&f)
		return f
	}
	for _, c := range []struct {
		name string
		want Format
		err  error
		says string
	}{
		{"the same", ours, nil, ""},
		{"older program", with(func(f *Format) { f.Version = 1 }), ErrNewerFormat, "version 2, this program knows up to 1"},
		{"newer program", with(func(f *Format) { f.Version = 3 }), nil, ""},
		{"other network", with(func(f *Format) { f.Params[0]++; f.Network = "main" }), ErrOtherNetwork, `"dev" with parameters 01000000, asked for is "main"`},
		{"other kind", with(func(f *Format) { f.Kind = "x" }), ErrForeign, `kind "test" instead of "x"`},
	} {
		fs := vfs.NewMem()
		if err := open(t, fs).Close(); err != nil {
			t.Fatal(err)
		}
		d, err := Open(fs, "/a/b", c.want, 0)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if err == nil {
			_ = d.Close()
		} else if !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q", c.name, err)
		}
	}
}

func TestLocked(t *testing.T) {
	fs := vfs.NewMem()
	d := open(t, fs)
	if _, err := Open(fs, "/a/b", ours, 0); !errors.Is(err, ErrLocked) {
		t.Fatalf("second open: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	_ = open(t, fs).Close()
}

func TestForeign(t *testing.T) {
	fs := vfs.NewMem()
	_ = fs.MkdirAll("/a/b", 0o755)
	write(t, fs, "/a/b/letter.txt", "dear")
	if _, err := Open(fs, "/a/b", ours, 0); !errors.Is(err, ErrForeign) {
		t.Fatalf("not empty: %v", err)
	}
	fs = vfs.NewMem()
	_ = fs.MkdirAll("/a/b", 0o755)
	write(t, fs, "/a/b/FORMAT", "dear")
	if _, err := Open(fs, "/a/b", ours, 0); !errors.Is(err, ErrForeign) {
		t.Fatalf("junk: %v", err)
	}
}

func write(t *testing.T, fs vfs.FS, path, text string) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
}

func TestNotWritable(t *testing.T) {
	fs := vfs.NewMem()
	write(t, fs, "/a", "a file where a folder should be")
	if _, err := Open(fs, "/a/b", ours, 0); !errors.Is(err, ErrNotWritable) {
		t.Fatalf("below a file: %v", err)
	}
	for _, kind := range []errorfs.OpKind{errorfs.OpMkdirAll, errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpRename} {
		mem := vfs.NewMem()
		broken := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == kind {
				return errorfs.ErrInjected
			}
			return nil
		}))
		if _, err := Open(broken, "/a/b", ours, 0); !errors.Is(err, ErrNotWritable) {
			t.Fatalf("failing operation %d: %v", kind, err)
		}
		_ = open(t, mem).Close() // nothing half-written that would be refused
	}
}

func TestRoom(t *testing.T) {
	fs := vfs.NewMem()
	fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1000, TotalBytes: 1000})
	if _, err := Open(fs, "/a/b", ours, 1001); !errors.Is(err, ErrDiskFull) {
		t.Fatalf("too little: %v", err)
	}
	d, err := Open(fs, "/a/b", ours, 900)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.CheckRoom(100); err != nil {
		t.Fatal(err)
	}
	if err := d.CheckRoom(101); !errors.Is(err, ErrDiskFull) {
		t.Fatal(err)
	}
}

// TestSurvivesCrash checks that a folder is durable once Open has returned.
func TestSurvivesCrash(t *testing.T) {
	fs := vfs.NewCrashableMem()
	open(t, fs)
	after := fs.CrashClone(vfs.CrashCloneCfg{})
	if _, err := after.Stat("/a/b/" + formatFile); err != nil {
		t.Fatalf("the format file was lost: %v", err)
	}
	_ = open(t, after).Close()
}

func FuzzParseFormat(f *testing.F) {
	f.Add(ours.String())
	f.Add("kind \nversion 1\nnetwork \nparams zz\n")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseFormat(s)
		if err != nil {
			if !errors.Is(err, ErrForeign) {
				t.Fatalf("unnamed error %v", err)
			}
			return
		}
		again, err := parseFormat(got.String())
		if err != nil || again != got {
			t.Fatalf("%q became %+v, then %+v, %v", s, got, again, err)
		}
	})
}
