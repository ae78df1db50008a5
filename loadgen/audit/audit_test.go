package audit

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/reports/result"
)

// scripted is a chain that says what a test wants it to say.
type scripted struct {
	driver.Driver
	blocks  []driver.Block
	have    uint64
	want    uint64
	nodes   []driver.NodeDigest
	later   []driver.NodeDigest // what the nodes say once they have been asked asked times
	asked   int
	noProof bool
	headers error
	reorgs  int // walks that a reorganisation ends
}

func (s *scripted) Follow(_ context.Context, from driver.Ref, emit func(driver.Update) error) error {
	if s.reorgs--; s.reorgs >= 0 {
		return emit(driver.Update{Revert: []driver.Ref{s.blocks[len(s.blocks)-1].Ref}})
	}
	for _, b := range s.blocks {
		if b.Height > from.Height {
			if err := emit(driver.Update{Apply: []driver.Block{b}}); err != nil {
				return err
			}
		}
	}
	return errors.New("the chain ends here")
}

func (s *scripted) Supply(context.Context) (driver.Ref, uint64, uint64, error) {
	return driver.Ref{}, s.have, s.want, nil
}

func (s *scripted) Digests(context.Context) ([]driver.NodeDigest, error) {
	if s.asked--; s.asked < 0 && s.later != nil {
		return s.later, nil
	}
	return s.nodes, nil
}

func (s *scripted) Headers(context.Context) (driver.Ref, error) {
	return s.blocks[len(s.blocks)-1].Ref, s.headers
}

func (s *scripted) Prove(context.Context, driver.ID, driver.Ref) error {
	if s.noProof {
		return errors.New("no such leaf")
	}
	return nil
}

func id(n byte) driver.ID { return driver.ID{n} }

func ref(height byte) driver.Ref { return driver.Ref{Height: uint64(height), ID: id(100 + height)} }

func block(height byte, ids ...byte) driver.Block {
	b := driver.Block{Ref: ref(height), Parent: id(99 + height)}
	for _, n := range ids {
		b.Txs = append(b.Txs, driver.Included{ID: id(n)})
	}
	return b
}

// fixture is a chain of three blocks, one foreign transaction among ours, and
// the claim that fits it.
func fixture(t *testing.T) (*scripted, *Claim, *Spool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spool")
	spool, err := NewSpool(path)
	if err != nil {
		t.Fatal(err)
	}
	chain := &scripted{
		blocks: []driver.Block{block(1, 1, 2), block(2, 3, 50), block(3)},
		have:   10, want: 10,
		nodes: []driver.NodeDigest{{Node: "a", Tip: ref(3), Digest: id(7)}, {Node: "b", Tip: ref(3), Digest: id(7)}},
	}
	return chain, &Claim{Level: LevelCounts, Want: 3, Tip: ref(3), Dir: filepath.Dir(path), Spool: spool, Durable: []driver.Ref{ref(1), ref(2)}}, spool
}

func TestAudit(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*scripted, *Claim)
		fails string // name of the check that must fail; "" = none
	}{
		{"all is well", func(*scripted, *Claim) {}, ""},
		{"a counted transaction is missing", func(s *scripted, _ *Claim) { s.blocks[1].Txs = s.blocks[1].Txs[1:] }, "transactions"},
		{"a counted transaction is there twice", func(s *scripted, _ *Claim) {
			s.blocks[0].Txs = append(s.blocks[0].Txs, driver.Included{ID: id(1)})
		}, "transactions"},
		{"a counted transaction is in another block too", func(s *scripted, _ *Claim) {
			s.blocks[2].Txs = append(s.blocks[2].Txs, driver.Included{ID: id(1)})
		}, "transactions"},
		{"the ledger of counts has more", func(_ *scripted, c *Claim) { c.Want++ }, "transactions"},
		{"a counted block was replaced", func(s *scripted, _ *Claim) { s.blocks[1].ID = id(66) }, "transactions"},
		{"the chain is shorter than it was", func(s *scripted, _ *Claim) { s.blocks = s.blocks[:2] }, "transactions"},
		{"a durable block is missing", func(_ *scripted, c *Claim) { c.Durable = append(c.Durable, ref(9)) }, "durable blocks"},
		{"money from nowhere", func(s *scripted, _ *Claim) { s.have++ }, "supply"},
		{"an inclusion can't be proved", func(s *scripted, _ *Claim) { s.noProof = true }, "proofs"},
		{"headers don't link", func(s *scripted, _ *Claim) { s.headers = errors.New("broken link") }, "headers"},
		{"nodes disagree", func(s *scripted, _ *Claim) { s.nodes[1].Digest = id(8) }, "nodes"},
		{"a reorganisation meanwhile", func(s *scripted, _ *Claim) { s.reorgs = walks - 1 }, ""},
		{"one reorganisation after another", func(s *scripted, _ *Claim) { s.reorgs = walks }, "transactions"},
		{"no node answers", func(s *scripted, _ *Claim) { s.nodes = nil }, "nodes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			chain, claim, spool := fixture(t)
			spool.Add(ref(1), []driver.ID{id(2), id(1)})
			spool.Add(ref(2), []driver.ID{id(3)})
			if err := spool.Close(); err != nil {
				t.Fatal(err)
			}
			tt.spoil(chain, claim)
			a := Run(t.Context(), chain, *claim)
			if a.OK != (tt.fails == "") {
				t.Fatalf("audit ok %v: %+v", a.OK, a.Checks)
			}
			for _, c := range a.Checks {
				if !c.OK && c.Name != tt.fails {
					t.Errorf("%s failed too: %s", c.Name, c.Detail)
				}
				if c.Name == tt.fails && c.OK {
					t.Errorf("%s did not fail", c.Name)
				}
			}
		})
	}
}

// TestNodesAgree waits for nodes that are still on their way to one tip, and
// not for ever.
func TestNodesAgree(t *testing.T) {
	same := []driver.NodeDigest{{Node: "a", Tip: ref(3), Digest: id(7)}, {Node: "b", Tip: ref(3), Digest: id(7)}}
	apart := []driver.NodeDigest{same[0], {Node: "b", Tip: ref(2), Digest: id(6)}}
	for name, tc := range map[string]struct {
		later []driver.NodeDigest
		waits bool // to the end
		want  string
	}{
		"in the end":  {same, false, ""},
		"never":       {apart, true, "a is at 3"},
		"differently": {[]driver.NodeDigest{same[0], {Node: "b", Tip: ref(3), Digest: id(8)}}, false, "the same block, and other outputs at height 3"},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			detail, err := digests(t.Context(), &scripted{nodes: apart, later: tc.later, asked: 5})
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: %q, %v", name, detail, err)
			}
			if waited := time.Since(begin); (waited >= agreeWithin) != tc.waits || waited < 5*agreeEvery {
				t.Errorf("%s: after %v", name, waited)
			}
		})
	}
}

func TestAuditFindsADoubleClaim(t *testing.T) {
	chain, claim, spool := fixture(t)
	spool.Add(ref(1), []driver.ID{id(1), id(1)})
	claim.Want = 2
	if err := spool.Close(); err != nil {
		t.Fatal(err)
	}
	if a := Run(t.Context(), chain, *claim); a.OK {
		t.Errorf("a transaction counted twice passed: %+v", a.Checks)
	}
}

func TestAuditOfADamagedSpool(t *testing.T) {
	chain, claim, spool := fixture(t)
	spool.Add(ref(1), []driver.ID{id(1), id(2)})
	claim.Want = 2
	if err := spool.w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := spool.f.Truncate(runHead + 40); err != nil {
		t.Fatal(err)
	}
	if err := spool.f.Close(); err != nil {
		t.Fatal(err)
	}
	a := Run(t.Context(), chain, *claim)
	if a.OK || !strings.Contains(find(a, "transactions").Detail, "damaged") {
		t.Errorf("got %+v", a.Checks)
	}
}

func find(a result.Audit, name string) result.AuditCheck {
	for _, c := range a.Checks {
		if c.Name == name {
			return c
		}
	}
	return result.AuditCheck{}
}

func TestLevels(t *testing.T) {
	chain, claim, spool := fixture(t)
	if err := spool.Close(); err != nil {
		t.Fatal(err)
	}
	claim.Want = 0
	for level, checks := range map[string]int{LevelOff: 0, LevelHeaders: 1, LevelCounts: 6, LevelFull: 6} {
		claim.Level = level
		if a := Run(t.Context(), chain, *claim); len(a.Checks) != checks || !a.OK {
			t.Errorf("%s: %d checks, ok %v, want %d", level, len(a.Checks), a.OK, checks)
		}
	}
}
