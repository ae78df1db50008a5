package store

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// machine drives a store and its twin with the same random blocks, branches,
// switches, flushes, restarts and crashes.
type machine struct {
	fs    *vfs.MemFS
	cfg   Config
	store *Store
	twin  *twin
	// history has the twin after each record; a crash may take us back to any
	// that is not before durable.
	history []*twin
	durable int
	all     map[ledger.Hash]*Record
	steps   int
}

// did notes that a record was appended, durably or not.
func (m *machine) did(durable bool) {
	m.history = append(m.history, m.twin.clone())
	if durable {
		m.durable = len(m.history) - 1
	}
}

func (m *machine) append(r *rapid.T) {
	parent, _ := m.twin.tip()
	m.appendTo(r, parent.Hash, true)
}

func (m *machine) side(r *rapid.T) {
	if len(m.twin.blocks) == 0 {
		return
	}
	m.appendTo(r, m.any(r), false)
}

func (m *machine) appendTo(r *rapid.T, parent ledger.Hash, extend bool) {
	rec := m.twin.record(parent, rapid.IntRange(0, 7).Draw(r, "txs"), rapid.IntRange(0, 900).Draw(r, "padding"))
	if rec.Extend = extend; extend {
		rec.Undo = m.twin.undo()
	}
	durable, err := m.store.Append(rec)
	if err != nil {
		r.Fatal(err)
	}
	m.twin.append(rec)
	m.all[hashOf(rec)] = rec
	m.did(durable)
}

// any draws a block that is known.
func (m *machine) any(r *rapid.T) ledger.Hash {
	hashes := slices.SortedFunc(maps.Keys(m.twin.blocks), func(a, b ledger.Hash) int { return slices.Compare(a[:], b[:]) })
	return rapid.SampledFrom(hashes).Draw(r, "block")
}

func (m *machine) setBest(r *rapid.T) {
	if len(m.twin.blocks) == 0 {
		return
	}
	revert, apply := m.twin.way(m.any(r))
	for _, hash := range apply {
		if rec := m.twin.blocks[hash]; rec.Undo == nil {
			if _, err := m.store.SetBest(revert, apply); !errors.Is(err, ErrOrder) {
				r.Fatalf("a block without undo data was applied: %v", err)
			}
			undo := m.twin.undo()
			if err := m.store.AddUndo(hash, undo); err != nil {
				r.Fatal(err)
			}
			rec.Undo = undo
			m.did(m.cfg.Sync != SyncNone)
		}
	}
	durable, err := m.store.SetBest(revert, apply)
	if err != nil {
		r.Fatal(err)
	}
	m.twin.setBest(revert, apply)
	m.did(durable)
}

func (m *machine) sync(r *rapid.T) {
	if err := m.store.Sync(); err != nil {
		r.Fatal(err)
	}
	m.durable = len(m.history) - 1
	tip, _ := m.twin.tip()
	if got, _ := m.store.Durable(); got != tip {
		r.Fatalf("after a sync %v is durable, not %v", got, tip)
	}
}

func (m *machine) flush(r *rapid.T) {
	if err := m.store.Flush(); err != nil {
		r.Fatal(err)
	}
	m.durable = len(m.history) - 1
}

func (m *machine) restart(r *rapid.T) {
	if err := m.store.Close(); err != nil {
		r.Fatal(err)
	}
	m.open(r)
	if got := m.store.Recovered(); got != (Recovered{}) {
		r.Fatalf("after a clean stop something had to be recovered: %+v", got)
	}
	m.durable = len(m.history) - 1
}

// crash loses what was not synced, all of it or some.
func (m *machine) crash(r *rapid.T) {
	old := m.store
	m.fs = m.fs.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: rapid.SampledFrom([]int{0, 20, 60, 95, 100}).Draw(r, "kept"),
		RNG:                 rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 0)),
	})
	_ = old.Close()
	m.open(r)
	var differences []error
	for n := len(m.history) - 1; n >= m.durable; n-- {
		err := m.history[n].differs(m.store, m.all)
		if err == nil {
			serial := m.twin.serial // so that new blocks are new
			m.twin = m.history[n].clone()
			m.twin.serial = serial
			m.history, m.durable = m.history[:n+1], n
			return
		}
		differences = append(differences, err)
	}
	r.Fatalf("after a crash the store is in no state that it was in: %v", errors.Join(differences...))
}

func (m *machine) open(r *rapid.T) {
	m.cfg.FS = m.fs
	s, err := Open(m.cfg)
	if err != nil {
		r.Fatal(err)
	}
	m.store = s
}

// check looks at the tip after each step, and at everything now and then.
func (m *machine) check(r *rapid.T) {
	tip, _ := m.twin.tip()
	if got, _ := m.store.Best(); got != tip {
		r.Fatalf("best is %v, want %v", got, tip)
	}
	if m.steps++; m.steps%8 != 0 {
		return
	}
	if err := m.twin.differs(m.store, m.all); err != nil {
		r.Fatal(err)
	}
}

// TestAgainstTwin is the property: whatever happens, the store is the twin; and
// after a crash it is the twin of some moment not before the last durable one.
func TestAgainstTwin(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := &machine{fs: vfs.NewCrashableMem(), twin: newTwin(), all: make(map[ledger.Hash]*Record)}
		m.history = []*twin{m.twin.clone()}
		m.cfg = testConfig(nil)
		m.cfg.Sync = rapid.SampledFrom([]SyncPolicy{SyncBlock, SyncAlways, SyncNone}).Draw(r, "policy")
		m.cfg.IndexTxs = rapid.SampledFrom([]int{1, 10, 1000}).Draw(r, "index txs")
		m.cfg.RecentBytes = rapid.SampledFrom([]int64{0, 300, 1 << 20}).Draw(r, "recent bytes")
		m.cfg.VerifyLog = rapid.Bool().Draw(r, "verify")
		m.open(r)
		defer func() { _ = m.store.Close() }()
		r.Repeat(map[string]func(*rapid.T){
			"":        m.check,
			"append":  m.append,
			"append2": m.append,
			"side":    m.side,
			"best":    m.setBest,
			"sync":    m.sync,
			"flush":   m.flush,
			"restart": m.restart,
			"crash":   m.crash,
		})
	})
}
