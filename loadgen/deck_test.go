package loadgen

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// cardLane builds payloads of varying length that name lane and number.
type cardLane struct {
	name    int
	next    uint64
	settled []driver.Settlement
}

func (l *cardLane) Next(dst []byte) (driver.Tx, error) {
	n := l.next
	l.next++
	payload := append(dst, bytes.Repeat([]byte{byte(l.name), byte(n)}, 1+int(n)%7)...)
	return driver.Tx{ID: driver.ID{byte(l.name), byte(n)}, Seq: n, Kind: uint8(n % 2), Payload: payload}, nil
}

func (l *cardLane) Settle(_ driver.Tx, s driver.Settlement) { l.settled = append(l.settled, s) }

func testDeck(t *testing.T, lanes, txs int) *deck {
	t.Helper()
	group := make([]driver.Lane, lanes)
	for i := range group {
		group[i] = &cardLane{name: i}
	}
	signed := 0
	decks, err := buildDecks(context.Background(), t.TempDir(), [][]driver.Lane{group}, uint64(txs), func(n int) { signed += n })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeDecks(decks) })
	if signed < txs {
		t.Fatalf("%d signed of %d", signed, txs)
	}
	return decks[0]
}

// TestDeckDealsWhatWasSigned reads cards in turn, ahead, and far behind the
// rows that are in memory.
func TestDeckDealsWhatWasSigned(t *testing.T) {
	const lanes, rows = 5, 3 * deckRows
	d := testDeck(t, lanes, lanes*rows)
	check := func(lane, r int) {
		t.Helper()
		tx, ok, err := d.read(lane, r)
		if err != nil || !ok {
			t.Fatalf("lane %d row %d: ok %v, error %v", lane, r, ok, err)
		}
		want, _ := (&cardLane{name: lane, next: uint64(r)}).Next(nil)
		if tx.ID != want.ID || tx.Kind != want.Kind || !bytes.Equal(tx.Payload, want.Payload) {
			t.Errorf("lane %d row %d: got %v %d %x, want %v %d %x", lane, r, tx.ID, tx.Kind, tx.Payload, want.ID, want.Kind, want.Payload)
		}
	}
	for r := range rows {
		for lane := range lanes - 1 { // the last lane lags behind
			check(lane, r)
		}
	}
	for r := range rows {
		check(lanes-1, r)
	}
	if _, ok, err := d.read(0, rows); ok || err != nil {
		t.Errorf("past the end: ok %v, error %v", ok, err)
	}
}

func TestDeckLaneLeavesAVoidDeck(t *testing.T) {
	kinds := []driver.Kind{{Name: "transfer"}, {Name: "invalid", Expect: driver.RejectSignature}}
	tests := []struct {
		name string
		tx   driver.Tx
		what driver.Settlement
		live bool
	}{
		{"accepted", driver.Tx{}, driver.Accepted, false},
		{"refused as expected", driver.Tx{Kind: 1}, driver.Refused, false},
		{"refused", driver.Tx{}, driver.Refused, true},
		{"lost", driver.Tx{}, driver.Lost, true},
		{"failed", driver.Tx{}, driver.Failed, true},
		{"in a block", driver.Tx{}, driver.InBlock, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := testDeck(t, 1, 10)
			inner := &cardLane{next: 10}
			l := &deckLane{inner: inner, deck: d, kinds: kinds, id: 7, fresh: new(atomic.Uint64)}
			if _, err := l.Next(nil); err != nil {
				t.Fatal(err)
			}
			l.Settle(tt.tx, tt.what)
			tx, err := l.Next(nil)
			if err != nil {
				t.Fatal(err)
			}
			want := uint64(1)
			if tt.live {
				want = 10
			}
			if tx.Seq != want {
				t.Errorf("next has number %d, want %d", tx.Seq, want)
			}
			if fmt.Sprint(inner.settled) != fmt.Sprint([]driver.Settlement{tt.what}) {
				t.Errorf("the lane was told %v", inner.settled)
			}
		})
	}
}

func TestDeckEndsInLiveSigning(t *testing.T) {
	d := testDeck(t, 1, 3)
	l := &deckLane{inner: &cardLane{next: 3}, deck: d, kinds: []driver.Kind{{}}, fresh: new(atomic.Uint64)}
	for want := range uint64(6) {
		tx, err := l.Next(nil)
		if err != nil || tx.Seq != want {
			t.Fatalf("number %d, error %v; want %d", tx.Seq, err, want)
		}
	}
}

func TestDecksLeaveNothingWhenInterrupted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := buildDecks(ctx, dir, [][]driver.Lane{{&cardLane{}}}, 100, func(int) {})
	if err == nil {
		t.Fatal("an interrupted deck was built")
	}
	left, _ := os.ReadDir(dir)
	if len(left) > 0 {
		t.Errorf("%d files are left", len(left))
	}
}
