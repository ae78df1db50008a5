package chain

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/store"
)

// A real file system of 24 MB runs full under a node, by its own blocks and by
// somebody else's file: the block is held up, the cause is told, and it is
// committed when the file is gone. Mounting takes root; TestReliability03DiskFull
// needs none.
func TestReliability03SmallTmpfs(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() { // after the node's
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	cfg := testConfig(filepath.Join(dir, "data"))
	cfg.MinFreeMB = 4
	problems := make(chan error, 100)
	r := open(t, cfg, Options{Events: Events{Problem: func(_ string, err error) {
		select {
		case problems <- err:
		default:
		}
	}}})
	m := newMaker(t, r.params)
	at := r.params.Genesis().Header
	filler := filepath.Join(dir, "filler")
	fill(t, filler, 12<<20)
	held := 0
	for i := range 40 {
		tx, _ := m.spend([]coin{m.genesis(i)}, 3400) // 95 KB
		b := m.block(at, uint32(i+1), tx)
		at = b.Header
		outcome := make(chan error, 1)
		go func() { outcome <- r.Accept(t.Context(), b) }()
		select {
		case err := <-outcome:
			if err != nil {
				t.Fatal(err)
			}
			continue
		case err := <-problems:
			if held++; !errors.Is(err, store.ErrDiskFull) && !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("held up by %v, want a full disk", err)
			}
		}
		if trouble := r.Trouble(); trouble == nil || r.tip().Height != uint32(i) {
			t.Errorf("trouble %+v at %v while block %d is held up", trouble, r.tip(), i+1)
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		if err := <-outcome; err != nil {
			t.Fatal(err)
		}
		break
	}
	if held == 0 {
		t.Fatal("the disk never ran full")
	}
	tx, _ := m.spend([]coin{m.genesis(100)}, 1)
	r.accept(m.block(at, r.tip().Height+1, tx), ledger.RejectNone)
	if got, want := r.digest(), freshDigest(t, r.params, r.blocks(t)); got != want {
		t.Errorf("digest %+v, want %+v", got, want)
	}
}

// fill writes a file of so many bytes.
func fill(t *testing.T, path string, size int) {
	t.Helper()
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
}
