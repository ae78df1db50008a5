package chain

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/state"
	"github.com/chaindyno/chaindyno/chain/store"
)

// namedRefusals are the errors with which a node may refuse a damaged folder.
var namedRefusals = []error{
	ErrMismatch, store.ErrDamaged, store.ErrForeign, store.ErrNewerFormat, store.ErrOtherNetwork,
	state.ErrDamaged, state.ErrForeign, state.ErrNewerFormat, state.ErrOtherNetwork,
}

// One bit of any file is flipped, or a file is cut anywhere, after a clean stop
// and after a loss of power: the node goes on from a block that there was, with
// the set of a fresh node at that block, or refuses with a named error of one
// line. It never has a wrong set.
func TestReliability02DamagedFiles(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	cfg := crashConfig("/data")
	fs := vfs.NewCrashableMem()
	r := open(t, cfg, Options{FS: fs})
	g, blocks := script(t, r.params)
	for _, b := range blocks {
		r.accept(b, ledger.RejectNone)
	}
	lost := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rng})
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	j := &jury{t: t, g: g, cfg: cfg, digests: map[ledger.Hash]state.Digest{}}
	each := 6
	if testing.Short() {
		each = 2
	}
	for _, disk := range []*vfs.MemFS{fs, lost} {
		for _, path := range filesUnder(t, disk, "/data") {
			whole := readAll(t, disk, path)
			for range each {
				if len(whole) == 0 {
					continue
				}
				flipped := append([]byte(nil), whole...)
				flipped[rng.IntN(len(flipped))] ^= 1 << rng.IntN(8)
				j.judge(disk, path, flipped)
				j.judge(disk, path, whole[:rng.IntN(len(whole))])
			}
		}
	}
	t.Logf("%d damages: %d refused, %d recovered, %d noticed later", j.refused+j.recovered+j.noticed, j.refused, j.recovered, j.noticed)
	if j.refused == 0 || j.recovered == 0 {
		t.Error("all were refused, or none")
	}
}

// jury opens damaged folders.
type jury struct {
	t                           *testing.T
	g                           *grower
	cfg                         Config
	digests                     map[ledger.Hash]state.Digest // of fresh nodes
	refused, recovered, noticed int
}

// judge opens a copy of the disk in which one file has other content.
func (j *jury) judge(disk *vfs.MemFS, path string, content []byte) {
	j.t.Helper()
	broken := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
	writeAll(j.t, broken, path, content)
	n, err := Open(j.cfg, Options{FS: broken})
	if err != nil {
		j.refused++
		j.mustBeNamed(path, err)
		return
	}
	r := drive(j.t, n)
	tip := r.tip()
	got, err := r.Digest(j.t.Context())
	if err != nil {
		j.noticed++
		j.mustBeNamed(path, err)
	} else {
		j.recovered++
		if want, known := j.fresh(tip.Hash, n); !known || got != want {
			j.t.Errorf("%s damaged: a wrong set at %v", path, tip)
		}
	}
	if err := r.stop(); err != nil {
		j.mustBeNamed(path, err)
	}
}

func (j *jury) mustBeNamed(path string, err error) {
	j.t.Helper()
	for _, named := range namedRefusals {
		if errors.Is(err, named) && !strings.Contains(err.Error(), "\n") {
			return
		}
	}
	j.t.Errorf("%s damaged: refused with %q, which is none of the named errors in one line", path, err)
}

// fresh is the set of a node that saw only the branch of a block.
func (j *jury) fresh(tip ledger.Hash, n *Node) (d state.Digest, known bool) {
	if d, known = j.digests[tip]; known {
		return d, true
	}
	if _, known = j.g.after[tip]; !known {
		return d, false
	}
	d = freshDigest(j.t, n.params, j.g.path(tip))
	j.digests[tip] = d
	return d, true
}

// filesUnder lists the files of a folder and those below it.
func filesUnder(t *testing.T, fs vfs.FS, dir string) (paths []string) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		switch {
		case err != nil:
			t.Fatal(err)
		case info.IsDir():
			paths = append(paths, filesUnder(t, fs, path)...)
		default:
			paths = append(paths, path)
		}
	}
	return paths
}

func readAll(t *testing.T, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeAll(t *testing.T, fs vfs.FS, path string, content []byte) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write(append([]byte(nil), content...))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}
