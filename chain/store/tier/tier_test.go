package tier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// Every kind of content comes from the store first and from L1 afterwards.
func TestL1AnswersTheSecondTime(t *testing.T) {
	w := newWorld()
	w.block(t, 1, 3)
	b := w.block(t, 2, 5)
	tiers := start(t, w, DefaultConfig())
	id := b.Txs[3].ID()
	want := Location{Height: 1, Block: b.Header.Hash(), Header: b.Header, Index: 3, Txs: 5}
	for range 3 {
		if got, err := tiers.body(t.Context(), b); err != nil || !bytes.Equal(got, b.Append(nil)) {
			t.Fatalf("a block of %d bytes, %v", len(got), err)
		}
		at, tx, err := tiers.Tx(t.Context(), id)
		if err != nil || at != want || !bytes.Equal(tx, b.Txs[3].Bytes()) {
			t.Fatalf("transaction %x at %+v, %v", tx, at, err)
		}
		at, p, err := tiers.Proof(t.Context(), id)
		if err != nil || at != want || !p.Verify(id, b.Header.Merkle) {
			t.Fatalf("proof %+v at %+v, %v", p, at, err)
		}
	}
	if n := [3]int64{w.bodies.Load(), w.txs.Load(), w.proofs.Load()}; n != [3]int64{1, 1, 1} {
		t.Errorf("%v reads of the store, want one of each kind", n)
	}
	s := tiers.Stats()
	if s.Tiers[L1].Hits != 6 || s.Tiers[L1].Misses != 3 || s.Tiers[L3].Hits != 3 {
		t.Errorf("%+v", s)
	}
	await(t, "L1 to have been weighed", func() bool { return tiers.Stats().L1Bytes > uint64(b.Size()) })
}

func TestErrorsOfTheStore(t *testing.T) {
	w := newWorld()
	b := w.block(t, 1, 1)
	tiers := start(t, w, DefaultConfig())
	_, _, err1 := tiers.Tx(t.Context(), ledger.Hash{9})
	_, _, err2 := tiers.Proof(t.Context(), ledger.Hash{9})
	_, ok, err3 := tiers.Block(t.Context(), ledger.Hash{9}, 100)
	if !errors.Is(err1, errNone) || !errors.Is(err2, errNone) || !ok || !errors.Is(err3, errNone) {
		t.Errorf("%v, %v, %v, %v", err1, err2, ok, err3)
	}
	if n := tiers.lent.Load(); n != 0 {
		t.Errorf("%d bytes are lent to nobody", n)
	}
	if _, err := tiers.body(t.Context(), b); err != nil {
		t.Error(err)
	}
}

// A reorganisation is seen at once, whatever is in L1.
func TestReorganisation(t *testing.T) {
	w := newWorld()
	w.block(t, 1, 1)
	b := w.block(t, 2, 4)
	tiers := start(t, w, DefaultConfig())
	id := b.Txs[2].ID()
	check := func(block *ledger.Block, height uint32, index int) {
		t.Helper()
		at, tx, err := tiers.Tx(t.Context(), id)
		if err != nil || at.Block != block.Header.Hash() || at.Height != height || at.Index != index || !bytes.Equal(tx, block.Txs[index].Bytes()) {
			t.Fatalf("%+v, %v", at, err)
		}
		at, p, err := tiers.Proof(t.Context(), id)
		if err != nil || at.Block != block.Header.Hash() || !p.Verify(id, block.Header.Merkle) || int(p.Index) != index {
			t.Fatalf("%+v, %+v, %v", p, at, err)
		}
	}
	check(b, 1, 2)
	w.abandon()
	if _, _, err := tiers.Tx(t.Context(), id); !errors.Is(err, errNone) {
		t.Fatalf("found in an abandoned block: %v", err)
	}
	if _, _, err := tiers.Proof(t.Context(), id); !errors.Is(err, errNone) {
		t.Fatalf("proved to be in an abandoned block: %v", err)
	}
	w.block(t, 3, 1)
	other := &ledger.Block{Txs: []ledger.Tx{b.Txs[0], b.Txs[2]}}
	w.extend(other)
	check(other, 2, 1)
	check(other, 2, 1)
}

// Those who want the same missing thing wait for one read; one who gives up
// does not take it away from the others.
func TestOneFlight(t *testing.T) {
	w := newWorld()
	b := w.block(t, 1, 8)
	id := b.Txs[5].ID()
	reads := map[string]func(*Tiers, context.Context) error{
		"block": func(tiers *Tiers, ctx context.Context) error { _, err := tiers.body(ctx, b); return err },
		"tx":    func(tiers *Tiers, ctx context.Context) error { _, _, err := tiers.Tx(ctx, id); return err },
		"proof": func(tiers *Tiers, ctx context.Context) error { _, _, err := tiers.Proof(ctx, id); return err },
	}
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			w.gate = make(chan struct{})
			tiers := start(t, w, DefaultConfig())
			before := w.bodies.Load() + w.txs.Load() + w.proofs.Load()
			impatient, leave := context.WithCancel(t.Context())
			left := make(chan error, 1)
			go func() { left <- read(tiers, impatient) }()
			await(t, "the first to be on its way", func() bool { return tiers.flights.waiting() == 1 })
			const others = 20
			var all sync.WaitGroup
			errs := make([]error, others)
			for i := range others {
				all.Go(func() { errs[i] = read(tiers, t.Context()) })
			}
			await(t, "the others to wait", func() bool { return tiers.flights.waiting() == 1+others })
			leave()
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Errorf("the one who left got %v", err)
			}
			close(w.gate)
			all.Wait()
			if err := errors.Join(errs...); err != nil {
				t.Error(err)
			}
			if n := w.bodies.Load() + w.txs.Load() + w.proofs.Load() - before; n != 1 {
				t.Errorf("%d reads of the store", n)
			}
		})
	}
}

// waiting counts those who wait for all flights.
func (f *flights) waiting() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fl := range f.byKey {
		n += fl.waiters
	}
	return n
}

// When the last who waits has left, a load that has not begun is given up, and
// the next who comes gets a new one.
func TestLastToLeave(t *testing.T) {
	w := newWorld()
	b := w.block(t, 1, 1)
	tiers := start(t, w, DefaultConfig())
	for range cap(tiers.heavy) {
		tiers.heavy <- struct{}{}
	}
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := tiers.body(ctx, b)
		left <- err
	}()
	await(t, "one to wait", func() bool { return tiers.flights.waiting() == 1 })
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) || w.bodies.Load() != 0 {
		t.Errorf("%v after %d reads", err, w.bodies.Load())
	}
	for range cap(tiers.heavy) {
		<-tiers.heavy
	}
	if _, err := tiers.body(t.Context(), b); err != nil {
		t.Error(err)
	}
}

// L1 and what readers hold stay within their bounds.
func TestBounds(t *testing.T) {
	w := newWorld()
	cfg := Config{L1Bytes: 256 << 10}
	tiers := start(t, w, cfg)
	tiers.lendMax = 100 << 10
	var readers []*Reader
	for i := range 100 {
		b := w.block(t, i, 200) // some 9 KB
		r, ok, err := tiers.Block(t.Context(), b.Header.Hash(), b.Size())
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		readers = append(readers, r)
	}
	size := w.blocks[w.best[0]].Size()
	if want := int(tiers.lendMax) / size; len(readers) != want-1 && len(readers) != want {
		t.Errorf("%d readers of %d bytes each", len(readers), size)
	}
	for _, r := range slices.Concat(readers, readers) { // closing twice counts once
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := tiers.lent.Load(); n != 0 {
		t.Errorf("%d bytes are lent still", n)
	}
	for i := range 200 {
		if _, err := tiers.body(t.Context(), w.block(t, 1000+i, 200)); err != nil {
			t.Fatal(err)
		}
	}
	tiers.l1.CleanUp()
	if n := tiers.Stats().L1Bytes; n > uint64(cfg.L1Bytes) || n == 0 {
		t.Errorf("%d bytes in L1, the bound is %d", n, cfg.L1Bytes)
	}
}

// What is no longer than half of L1 alone is not kept there.
func TestTooLargeForL1(t *testing.T) {
	w := newWorld()
	b := w.block(t, 1, 2000)
	tiers := start(t, w, Config{L1Bytes: 100 << 10})
	for range 2 {
		if got, err := tiers.body(t.Context(), b); err != nil || !bytes.Equal(got, b.Append(nil)) {
			t.Fatal(err)
		}
	}
	if w.bodies.Load() != 2 {
		t.Errorf("%d reads of the store, want 2", w.bodies.Load())
	}
}

func TestNoTiers(t *testing.T) {
	w := newWorld()
	b := w.block(t, 1, 3)
	tiers := start(t, w, Config{})
	if _, ok, err := tiers.Block(t.Context(), b.Header.Hash(), b.Size()); ok || err != nil {
		t.Errorf("%v, %v: a block should be read by parts", ok, err)
	}
	for range 2 {
		if _, tx, err := tiers.Tx(t.Context(), b.Txs[1].ID()); err != nil || !bytes.Equal(tx, b.Txs[1].Bytes()) {
			t.Errorf("%x, %v", tx, err)
		}
	}
	want := map[Level]Count{L3: {Hits: 2}}
	got := tiers.Stats().Tiers
	for l, c := range got {
		c.Took = 0
		got[l] = c
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestValidate(t *testing.T) {
	ok := []string{"", "localhost:6379", "[::1]:6379", "redis://:secret@host:6379/2", "rediss://host", "unix:///tmp/redis.sock"}
	for _, url := range ok {
		c := DefaultConfig()
		if c.Redis = url; c.Validate() != nil {
			t.Errorf("%q is refused: %v", url, c.Validate())
		}
	}
	for _, url := range []string{"host", "http://secret@host", "redis://:secret@host:x y/", "redis://:secret@host/notanumber"} {
		c := DefaultConfig()
		c.Redis = url
		if err := c.Validate(); err == nil || bytes.Contains([]byte(err.Error()), []byte("secret")) {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, c := range []Config{{L1Bytes: -1}, {Redis: "host:1"}} {
		if c.Validate() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

// Nothing but the one encoding passes.
func TestChecks(t *testing.T) {
	w := newWorld()
	b, other := w.block(t, 1, 5), w.block(t, 2, 5)
	body, hash := b.Append(nil), b.Header.Hash()
	if !checkBlock(hash, body) {
		t.Fatal("the block itself is refused")
	}
	longer := &ledger.Block{Header: b.Header, Txs: append(slices.Clone(b.Txs), b.Txs[4])} // the same Merkle root
	swapped := &ledger.Block{Header: b.Header, Txs: other.Txs}
	for name, bad := range map[string][]byte{
		"empty": nil, "another block": other.Append(nil), "truncated": body[:len(body)-1], "header alone": body[:ledger.HeaderSize],
		"something behind": append(slices.Clone(body), 0), "mutated": longer.Append(nil), "other transactions": swapped.Append(nil),
		"garbage": bytes.Repeat([]byte{0xa5}, len(body)),
	} {
		if checkBlock(hash, bad) {
			t.Errorf("block: %s passes", name)
		}
	}
	id := b.Txs[2].ID()
	if raw := b.Txs[2].Bytes(); !checkTx(id, raw) || checkTx(id, raw[:len(raw)-1]) || checkTx(id, append(slices.Clone(raw), 0)) ||
		checkTx(id, other.Txs[2].Bytes()) || checkTx(id, nil) {
		t.Error("transaction")
	}
	at, err := w.Find(id, Location{})
	if err != nil {
		t.Fatal(err)
	}
	good := ledger.MerkleProof(b.IDs(), 2)
	if p, ok := checkProof(id, at, good.Append(nil)); !ok || !cmp.Equal(p, good) {
		t.Fatal("the proof itself is refused")
	}
	more := good
	more.Count = 6 // verifies just as well: neither tree has a lone node on this path
	if !more.Verify(id, b.Header.Merkle) {
		t.Fatal("the forged proof should verify by itself")
	}
	for name, bad := range map[string][]byte{
		"of another count": more.Append(nil), "of another transaction": ledger.MerkleProof(b.IDs(), 3).Append(nil),
		"of another block": ledger.MerkleProof(other.IDs(), 2).Append(nil), "truncated": good.Append(nil)[:20], "empty": nil,
	} {
		if _, ok := checkProof(id, at, bad); ok {
			t.Errorf("proof: %s passes", name)
		}
	}
}

func ExampleLevel() {
	fmt.Println(Levels(), KindBlock, KindTx, KindProof)
	// Output: [l1 l2 l3] block transaction proof
}
