package state

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// machine drives a state and its twin with the same random blocks,
// reorganisations, flushes, restarts and crashes.
type machine struct {
	t     *testing.T
	fs    *vfs.MemFS
	cfg   Config
	state *State
	twin  *twin
	last  ledger.Hash // the tip that a Flush confirmed
}

func (m *machine) apply(r *rapid.T) {
	all := points(m.twin.set())
	spend := make([]ledger.OutPoint, 0)
	if len(all) > 0 {
		spend = rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, min(6, len(all)), rapid.ID).Draw(r, "spend")
	}
	d := m.twin.block(spend, rapid.IntRange(1, 8).Draw(r, "create"))
	if err := m.state.Apply(d); err != nil {
		r.Fatal(err)
	}
	m.twin.apply(d)
}

func (m *machine) revert(r *rapid.T) {
	for range rapid.IntRange(1, 5).Draw(r, "depth") {
		d := m.twin.deltas[m.twin.tip]
		if d == nil || d.Height == 0 {
			return
		}
		if err := m.state.Revert(d); err != nil {
			r.Fatal(err)
		}
		m.twin.tip = d.Prev
	}
}

func (m *machine) flush(r *rapid.T) {
	if err := m.state.Flush(); err != nil {
		r.Fatal(err)
	}
	m.last = m.twin.tip
}

func (m *machine) digest(r *rapid.T) {
	got, err := m.state.Digest(r.Context())
	if want := m.twin.digest(m.twin.tip); err != nil || got != want {
		r.Fatalf("digest is %+v, %v; want %+v", got, err, want)
	}
	m.last = m.twin.tip
}

func (m *machine) restart(r *rapid.T) {
	if err := m.state.Close(); err != nil {
		r.Fatal(err)
	}
	m.open(r)
	if m.state.flushed.hash != m.twin.tip {
		r.Fatalf("after a clean stop the set stands at %s, not at %s", m.state.flushed.hash, m.twin.tip)
	}
	m.last = m.twin.tip
}

// crash loses what was not synced, all of it or some.
func (m *machine) crash(r *rapid.T) {
	before := m.state
	m.fs = m.fs.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: rapid.SampledFrom([]int{0, 0, 30, 80}).Draw(r, "kept"),
		RNG:                 newRand(rapid.Uint64().Draw(r, "seed")),
	})
	_ = before.Close()
	m.open(r)
	m.catchUp(r)
}

// catchUp does what the node does after a crash: from the flushed block, which
// must be one that existed, on the way that leads to the tip.
func (m *machine) catchUp(r *rapid.T) {
	_, at, ok := m.state.Flushed()
	if _, known := m.twin.sets[at]; !known || ok == (at == ledger.Hash{}) {
		r.Fatalf("the set on disk stands at an unknown block %s", at)
	}
	if got, err := m.state.Digest(r.Context()); err != nil || got != m.twin.digest(at) {
		r.Fatalf("the set on disk at %s is wrong: %+v, %v", at, got, err)
	}
	if m.last != (ledger.Hash{}) && at == (ledger.Hash{}) {
		r.Fatalf("the flushed block %s was lost", m.last)
	}
	for _, d := range m.pathTo(r, at, m.twin.tip) {
		if err := m.state.Apply(d); err != nil {
			r.Fatal(err)
		}
	}
}

// pathTo reverts to where the branches meet and returns what is to be applied.
func (m *machine) pathTo(r *rapid.T, from, to ledger.Hash) []*ledger.Delta {
	var up []*ledger.Delta
	for from != to {
		f, d := m.twin.deltas[from], m.twin.deltas[to]
		if f == nil || d != nil && d.Height >= f.Height {
			up, to = append(up, d), d.Prev
			continue
		}
		if err := m.state.Revert(f); err != nil {
			r.Fatal(err)
		}
		from = f.Prev
	}
	slices.Reverse(up)
	return up
}

func (m *machine) open(r *rapid.T) {
	m.cfg.FS = m.fs
	s, err := Open(m.cfg)
	if err != nil {
		r.Fatal(err)
	}
	m.state = s
}

// check compares every output that ever was.
func (m *machine) check(r *rapid.T) {
	if _, hash, _ := m.state.Tip(); hash != m.twin.tip {
		r.Fatalf("tip is %s, want %s", hash, m.twin.tip)
	}
	for _, d := range m.twin.deltas {
		for _, c := range d.Created {
			want, alive := m.twin.set()[c.Point]
			got, ok, err := m.state.Lookup(c.Point)
			if err != nil || ok != alive || alive && got != want {
				r.Fatalf("output %s:%d: %+v, %v, %v; want %+v, %v", c.Point.TxID, c.Point.Index, got, ok, err, want, alive)
			}
		}
	}
	m.checkKeys(r)
}

func (m *machine) checkKeys(r *rapid.T) {
	for k := range byte(3) {
		got, err := m.state.OutputsOf(ledger.KeyHash{k}, 1000)
		if !m.cfg.KeyIndex {
			if !errors.Is(err, ErrNoIndex) {
				r.Fatalf("outputs of a key without index: %v", err)
			}
			return
		}
		var ops []ledger.OutPoint
		for _, c := range got {
			if c.Entry != m.twin.set()[c.Point] {
				r.Fatalf("output of key %d is %+v, want %+v", k, c.Entry, m.twin.set()[c.Point])
			}
			ops = append(ops, c.Point)
		}
		slices.SortFunc(ops, comparePoints)
		if want := m.twin.outputsOf(ledger.KeyHash{k}); err != nil || !slices.Equal(ops, want) {
			r.Fatalf("outputs of key %d: %v, %v; want %v", k, ops, err, want)
		}
	}
}

// TestAgainstTwin is the property: whatever happens, the set is the twin's.
func TestAgainstTwin(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := &machine{t: t, fs: vfs.NewCrashableMem(), twin: newTwin()}
		m.cfg = testConfig(nil)
		m.cfg.FlushBlocks = rapid.IntRange(1, 7).Draw(r, "flush blocks")
		m.cfg.KeyIndex = rapid.Bool().Draw(r, "key index")
		m.cfg.CacheBytes = rapid.SampledFrom([]int64{0, 40 * slotBytes, 1 << 20}).Draw(r, "cache")
		m.open(r)
		defer func() { _ = m.state.Close() }()
		r.Repeat(map[string]func(*rapid.T){
			"":        m.check,
			"apply":   m.apply,
			"apply2":  m.apply,
			"revert":  m.revert,
			"flush":   m.flush,
			"digest":  m.digest,
			"restart": m.restart,
			"crash":   m.crash,
		})
	})
}

// TestBornAndSpentStaysInMemory counts what reaches the disk.
func TestBornAndSpentStaysInMemory(t *testing.T) {
	s := mustOpen(t, testConfig(vfs.NewMem()))
	defer s.Close()
	w := newTwin()
	for i := range 10 {
		var spend []ledger.OutPoint
		if i > 0 {
			spend = points(w.set())[:3]
		}
		d := w.block(spend, 4)
		must(t, s.Apply(d))
		w.apply(d)
	}
	if n := len(s.active.slots); n != len(w.set()) {
		t.Fatalf("%d changes wait for the disk, but %d outputs are alive", n, len(w.set()))
	}
	must(t, s.Flush())
	snap, err := s.disk.snapshot()
	must(t, err)
	defer snap.close()
	var alive, versions int
	must(t, snap.scan([]byte{tagOutput}, []byte{tagOutput + 1}, func(_, _ []byte) (bool, error) { alive++; return true, nil }))
	tables, err := s.disk.db.SSTables(pebble.WithProperties())
	must(t, err)
	for _, level := range tables {
		for _, table := range level {
			versions += int(table.Properties.NumEntries)
		}
	}
	if alive != len(w.set()) || versions != alive+1 { // and the tip
		t.Fatalf("%d outputs and %d pairs on disk, want %d and one more", alive, versions, len(w.set()))
	}
}

func TestOrder(t *testing.T) {
	s := mustOpen(t, testConfig(vfs.NewMem()))
	defer s.Close()
	w := newTwin()
	genesis := w.block(nil, 2)
	if err := s.Revert(genesis); !errors.Is(err, ErrOrder) {
		t.Fatalf("revert of nothing: %v", err)
	}
	must(t, s.Apply(genesis))
	w.apply(genesis)
	one := w.block(points(w.set())[:1], 1)
	for _, c := range []struct {
		name   string
		change func(d *ledger.Delta)
	}{
		{"wrong parent", func(d *ledger.Delta) { d.Prev[0]++ }},
		{"wrong height", func(d *ledger.Delta) { d.Height++ }},
		{"height 0 again", func(d *ledger.Delta) { d.Height = 0 }},
	} {
		d := *one
		c.change(&d)
		if err := s.Apply(&d); !errors.Is(err, ErrOrder) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := s.Revert(genesis); !errors.Is(err, ErrOrder) {
		t.Fatalf("revert of the first block: %v", err)
	}
	must(t, s.Apply(one))
	if err := s.Revert(genesis); !errors.Is(err, ErrOrder) {
		t.Fatalf("revert of another than the tip: %v", err)
	}
}

// TestAllOrNothing applies blocks that contradict the set in their last change.
func TestAllOrNothing(t *testing.T) {
	s := mustOpen(t, testConfig(vfs.NewMem()))
	defer s.Close()
	w := newTwin()
	for range 3 {
		d := w.block(points(w.set())[:min(1, len(w.set()))], 5)
		must(t, s.Apply(d))
		w.apply(d)
		must(t, s.Flush())
	}
	all := points(w.set())
	twice := w.block([]ledger.OutPoint{all[0], all[1], all[1]}, 2)
	again := w.block(all[2:4], 2)
	again.Created = append(again.Created, again.Created[0])
	for _, d := range []*ledger.Delta{twice, again} {
		if err := s.Apply(d); !errors.Is(err, ErrDamaged) {
			t.Fatalf("a contradiction was taken: %v", err)
		}
	}
	got, err := s.Digest(t.Context())
	if want := w.digest(w.tip); err != nil || got != want {
		t.Fatalf("after refusals the digest is %+v, %v; want %+v", got, err, want)
	}
}

// TestConcurrentReaders lets readers and digests run beside blocks; the race
// detector and the twin are the judges.
func TestConcurrentReaders(t *testing.T) {
	cfg := testConfig(vfs.NewMem())
	cfg.FlushBlocks, cfg.KeyIndex = 3, true
	s := mustOpen(t, cfg)
	w := newTwin()
	first := w.block(nil, 64)
	must(t, s.Apply(first))
	w.apply(first)
	digests := make(chan Digest, 1000)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			d, err := s.Digest(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			select {
			case digests <- d:
			default:
			}
		}
	})
	readers.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			c := first.Created[i%len(first.Created)]
			if e, ok, err := s.Lookup(c.Point); err != nil || ok && e != c.Entry {
				t.Errorf("lookup: %+v, %v", e, err)
			}
			if _, err := s.OutputsOf(c.Entry.Key, 10); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 60 {
		d := w.block(points(w.set())[:3], 3)
		must(t, s.Apply(d))
		w.apply(d)
		if i%7 == 6 {
			must(t, s.Revert(d))
			w.tip = d.Prev
		}
	}
	close(stop)
	readers.Wait()
	close(digests)
	n := 0
	for d := range digests {
		if n++; d != w.digest(d.Block) {
			t.Fatalf("digest of block %s is wrong", d.Block)
		}
	}
	if n == 0 {
		t.Fatal("no digest was taken")
	}
	must(t, s.Close())
	if _, _, err := s.Lookup(ledger.OutPoint{}); !errors.Is(err, ErrClosed) {
		t.Fatalf("lookup after close: %v", err)
	}
}

// TestStaleReadIsNotKept plays the race of a reader with a block: the disk was
// read, then the output is spent, then the reader comes to keep what it read.
func TestStaleReadIsNotKept(t *testing.T) {
	cfg := testConfig(vfs.NewMem())
	cfg.CacheBytes = 8 * slotBytes // room for reads, not for generations
	s := mustOpen(t, cfg)
	defer s.Close()
	w := newTwin()
	first := w.block(nil, 9)
	must(t, s.Apply(first), s.Flush())
	w.apply(first)
	read, epoch := first.Created[0], s.epoch
	spends := w.block([]ledger.OutPoint{read.Point}, 5)
	must(t, s.Apply(spends))
	s.remember(read.Point, read.Entry, epoch)
	must(t, s.Flush())
	if _, ok, err := s.Lookup(read.Point); ok || err != nil {
		t.Fatalf("a spent output came back: %v", err)
	}
}
