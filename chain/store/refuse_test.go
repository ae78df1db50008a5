package store

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestOpenRefuses(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, testConfig(fs))
	if _, err := Open(testConfig(fs)); !errors.Is(err, ErrLocked) {
		t.Fatalf("second open: %v", err)
	}
	must(t, s.Close())
	other := testConfig(fs)
	other.Params[0]++
	if _, err := Open(other); !errors.Is(err, ErrOtherNetwork) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("other parameters: %v", err)
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Dir = "" },
		func(c *Config) { c.Sync = 9 },
		func(c *Config) { c.Sync, c.SyncInterval = SyncInterval, 0 },
		func(c *Config) { c.SegmentBytes = 1 },
		func(c *Config) { c.SegmentBytes = 1 << 40 },
		func(c *Config) { c.IndexTxs = 0 },
		func(c *Config) { c.RecentBlocks = 0 },
		func(c *Config) { c.RecentBytes = -1 },
	} {
		c := testConfig(fs)
		change(&c)
		if _, err := Open(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	c := DefaultConfig()
	c.Dir = "x"
	must(t, c.Validate())
}

// TestAppendRefuses leaves the store as it is.
func TestAppendRefuses(t *testing.T) {
	s, w := mustOpen(t, testConfig(vfs.NewMem())), newTwin()
	defer s.Close()
	orphan := w.record(ledger.Hash{9}, 1, 0)
	orphan.Height = 5
	if _, err := s.Append(orphan); !errors.Is(err, ErrOrder) {
		t.Errorf("block without a parent: %v", err)
	}
	if _, err := s.SetBest(nil, nil); !errors.Is(err, ErrOrder) {
		t.Errorf("switch in an empty store: %v", err)
	}
	first := extend(t, s, w, 1)
	second := extend(t, s, w, 1)
	for _, c := range []struct {
		name string
		err  error
		make func(r *Record)
	}{
		{"wrong height", ErrOrder, func(r *Record) { r.Height++ }},
		{"not on the tip", ErrOrder, func(r *Record) { *r = *w.record(hashOf(first), 0, 0); r.Extend = true }},
		{"side of wrong height", ErrOrder, func(r *Record) { r.Extend = false; r.Height = 0 }},
		{"no header", ledger.RejectMalformed, func(r *Record) { r.Body = r.Body[:79] }},
		{"too large", ErrTooLarge, func(r *Record) { r.Body = make([]byte, ledger.MaxBlockBytes+1) }},
		{"too many transactions", ErrTooLarge, func(r *Record) { r.IDs = make([]ledger.Hash, ledger.MaxBlockTxs+1) }},
		{"too much metadata", ErrTooLarge, func(r *Record) { r.Meta.Stages = []Stage{{Histogram: make([]byte, MaxMetaBytes)}} }},
		{"too long a name", ErrTooLarge, func(r *Record) { r.Meta.Stages = []Stage{{Name: strings.Repeat("x", 256)}} }},
		{"too many stages", ErrTooLarge, func(r *Record) { r.Meta.Stages = make([]Stage, MaxStages+1) }},
	} {
		r := w.record(hashOf(second), 1, 0)
		r.Extend = true
		c.make(r)
		if _, err := s.Append(r); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := s.Append(second); !errors.Is(err, ErrOrder) {
		t.Errorf("the tip once more: %v", err)
	}
	again := *first
	again.Extend = false
	if durable, err := s.Append(&again); err != nil || !durable {
		t.Errorf("a known block: %v, %v", durable, err)
	}
	same(t, s, w)
}

func TestSetBestRefuses(t *testing.T) {
	s, w := mustOpen(t, testConfig(vfs.NewMem())), newTwin()
	defer s.Close()
	for range 3 {
		extend(t, s, w, 1)
	}
	b := w.best
	side := w.record(b[1], 1, 0)
	_, err := s.Append(side)
	must(t, err)
	w.append(side)
	for _, c := range []struct {
		name          string
		revert, apply []ledger.Hash
		err           error
	}{
		{"unknown block", []ledger.Hash{{1}}, nil, ErrNotFound},
		{"not from the tip", []ledger.Hash{b[1]}, nil, ErrOrder},
		{"the first block", []ledger.Hash{b[2], b[1], b[0]}, nil, ErrOrder},
		{"not on top", nil, []ledger.Hash{hashOf(side)}, ErrOrder},
		{"no undo data", []ledger.Hash{b[2]}, []ledger.Hash{hashOf(side)}, ErrOrder},
		{"too many", make([]ledger.Hash, bestHashesMax+1), nil, ErrTooLarge},
	} {
		if _, err := s.SetBest(c.revert, c.apply); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := s.AddUndo(ledger.Hash{1}, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("undo data of an unknown block: %v", err)
	}
	same(t, s, w)
}

func TestNotFound(t *testing.T) {
	cfg := testConfig(vfs.NewMem())
	cfg.TxIndex = false
	s, w := mustOpen(t, cfg), newTwin()
	defer s.Close()
	extend(t, s, w, 1)
	var none ledger.Hash
	_, err1 := s.Info(none)
	_, err2 := s.Body(none)
	_, err3 := s.IDs(none)
	_, err4 := s.Undo(none)
	_, err5 := s.Meta(none)
	_, err6 := s.OpenBody(none)
	_, err7 := s.After(&Ref{0, none}, 1)
	_, err8 := s.After(&Ref{7, w.best[0]}, 1)
	_, err9 := s.Block(none)
	for i, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8, err9} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("reader %d: %v", i+1, err)
		}
	}
	if _, _, _, err := s.FindTx(none); !errors.Is(err, ErrNoTxIndex) {
		t.Errorf("transaction without index: %v", err)
	}
}

// TestBodyReader reads a large body in parts, across segments that are smaller.
func TestBodyReader(t *testing.T) {
	s, w := mustOpen(t, testConfig(vfs.NewMem())), newTwin()
	defer s.Close()
	rec := w.record(ledger.Hash{}, 2, 700_000)
	for i := range rec.Body[80:] {
		rec.Body[80+i] = byte(i * 7)
	}
	rec.Extend = true
	_, err := s.Append(rec)
	must(t, err)
	r, err := s.OpenBody(hashOf(rec))
	must(t, err)
	defer r.Close()
	if r.Size() != int64(len(rec.Body)) {
		t.Fatalf("%d bytes, want %d", r.Size(), len(rec.Body))
	}
	part := make([]byte, 1000)
	if _, err := r.ReadAt(part, 123_456); err != nil || string(part) != string(rec.Body[123_456:124_456]) {
		t.Fatalf("part: %v", err)
	}
	if whole, err := io.ReadAll(r); err != nil || string(whole) != string(rec.Body) {
		t.Fatalf("whole: %d bytes, %v", len(whole), err)
	}
}

// TestBlock decodes a real block.
func TestBlock(t *testing.T) {
	p := ledger.TestParams()
	g := p.Genesis()
	s := mustOpen(t, testConfig(vfs.NewMem()))
	defer s.Close()
	_, err := s.Append(&Record{Body: g.Append(nil), IDs: g.IDs(), Extend: true})
	must(t, err)
	b, err := s.Block(p.GenesisHash())
	if err != nil || b.Header != g.Header || len(b.Txs) != len(g.Txs) || b.Txs[0].ID() != g.Txs[0].ID() {
		t.Fatalf("the genesis came back as %+v, %v", b.Header, err)
	}
}
