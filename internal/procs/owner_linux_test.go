package procs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// ownerEnv makes the test binary a child that becomes the owner of a folder
// and writes a file.
const ownerEnv = "PROCS_TEST_OWNER_OF"

func TestBecomeOwnerChild(t *testing.T) {
	folder := os.Getenv(ownerEnv)
	if folder == "" {
		t.Skip("the child of TestBecomeOwnerOf")
	}
	out := filepath.Join(folder, "out")
	if err := BecomeOwnerOf(folder, out); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil { // in root's folder nothing is given
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, "report"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 && syscall.Setuid(0) == nil {
		t.Error("root can be had again")
	}
	groups, err := os.Getgroups()
	fmt.Printf("is %d %d %v %v\n", os.Getuid(), os.Getgid(), groups, err)
}

// asOwner runs the child and returns what it says.
func asOwner(t *testing.T, folder string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestBecomeOwnerChild$", "-test.v")
	cmd.Env = append(os.Environ(), ownerEnv+"="+folder)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestBecomeOwnerOf(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root; TestBecomeOwnerAsUser is for others")
	}
	folder, err := os.MkdirTemp("/tmp", "owner-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	// Root's folder: nothing changes.
	if said := asOwner(t, folder); !strings.Contains(said, "is 0 0 ") {
		t.Errorf("in root's folder: %s", said)
	}
	const uid, gid = 4711, 4712
	if err := os.Chown(folder, uid, gid); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, "out", "report")); err != nil {
		t.Fatal(err)
	}
	// What root has left there before is handed over too.
	if said := asOwner(t, folder); !strings.Contains(said, fmt.Sprintf("is %d %d [%d] <nil>", uid, gid, gid)) {
		t.Errorf("in a user's folder: %s", said)
	}
	for _, path := range []string{"out", "out/report"} {
		if u, g, err := ownerOf(filepath.Join(folder, path)); u != uid || g != gid || err != nil {
			t.Errorf("%s belongs to %d:%d (%v)", path, u, g, err)
		}
	}
}

func TestBecomeOwnerAsUser(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("needs an ordinary user")
	}
	if err := BecomeOwnerOf("/", ""); err != nil {
		t.Error(err)
	}
}

func TestBecomeOwnerOfNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if err := BecomeOwnerOf("/nowhere", ""); err == nil {
		t.Error("no error")
	}
}
