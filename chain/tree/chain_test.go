package tree

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/pow"
)

// walk shows a Chain the headers and returns it with the first error.
func walk(p *ledger.Params, genesis ledger.Hash, headers []ledger.Header, now uint32) (*Chain, error) {
	c := NewChain(p, genesis)
	for i := range headers {
		if _, err := c.Add(&headers[i], now); err != nil {
			return c, err
		}
	}
	return c, nil
}

// search finds a nonce for a header as it is.
func search(t interface{ Fatal(...any) }, h ledger.Header) ledger.Header {
	r, err := pow.Search(neverDone, h, pow.SearchConfig{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r.Header
}

func TestChainRejects(t *testing.T) {
	p := params()
	tr := New(p)
	var good []ledger.Header
	for _, n := range append([]*Node{tr.Best()}, grow(t, tr, tr.Best(), 14, 0)...) {
		good = append(good, n.Header)
	}
	last := len(good) - 1
	for name, tc := range map[string]struct {
		change func(h []ledger.Header)
		now    uint32
		want   string // "": accepted
	}{
		"honest":           {func([]ledger.Header) {}, anytime, ""},
		"other genesis":    {func(h []ledger.Header) { h[0].Time++ }, anytime, "at height 0 is not the genesis"},
		"changed":          {func(h []ledger.Header) { h[5].Merkle[0]++; h[5] = search(t, h[5]) }, anytime, "at height 6 does not follow the one before it"},
		"left out":         {func(h []ledger.Header) { copy(h[3:], h[4:]) }, anytime, "at height 3 does not follow"},
		"no work":          {func(h []ledger.Header) { h[last] = unmined(h[last], p.Bits) }, anytime, "at height 14 hashes to more than its target"},
		"easier target":    {func(h []ledger.Header) { h[last].Bits = 0x2100ffff; h[last] = search(t, h[last]) }, anytime, "at height 14 has another target"},
		"no target":        {func(h []ledger.Header) { h[last].Bits = 0 }, anytime, "at height 14 has another target"},
		"other version":    {func(h []ledger.Header) { h[last].Version = 2; h[last] = search(t, h[last]) }, anytime, "at height 14 has an unknown version"},
		"too old":          {func(h []ledger.Header) { h[last].Time = 1; h[last] = search(t, h[last]) }, anytime, "at height 14 is older than the median"},
		"ahead of a clock": {func(h []ledger.Header) { h[last].Time = 9000; h[last] = search(t, h[last]) }, 100, "at height 14 is ahead of the clock"},
	} {
		t.Run(name, func(t *testing.T) {
			headers := append([]ledger.Header(nil), good...)
			tc.change(headers)
			c, err := walk(p, p.GenesisHash(), headers, tc.now)
			if tc.want == "" {
				if height, tip := c.Tip(); err != nil || c.Len() != uint64(len(good)) || height != uint32(last) || tip != good[last].Hash() || c.Time() != good[last].Time {
					t.Errorf("%v; %d headers up to %d %v", err, c.Len(), height, tip)
				}
				return
			}
			var broken *HeaderError
			if !errors.As(err, &broken) || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if c.Len() != uint64(broken.Height) {
				t.Errorf("%d headers were kept", c.Len())
			}
		})
	}
}

// TestChainAgainstTree holds the two users of the rules to each other, with
// adjusted difficulty and times that go forth and back.
func TestChainAgainstTree(t *testing.T) {
	p := params()
	p.FixedDifficulty, p.Bits = false, 0x2007ffff
	rapid.Check(t, func(t *rapid.T) {
		tr := New(p)
		tip, c := tr.Best(), NewChain(p, p.GenesisHash())
		genesis := tip.Header
		if _, err := c.Add(&genesis, anytime); err != nil {
			t.Fatal(err)
		}
		for i := range rapid.IntRange(1, 40).Draw(t, "blocks") {
			time := tip.MedianTime() + rapid.Uint32Range(0, 3000).Draw(t, "step")
			h := mine(t, tr, tip, time, byte(i))
			switch rapid.IntRange(0, 9).Draw(t, "spoil") {
			case 0:
				h.Bits++
			case 1:
				h.Time = tip.MedianTime() - 1 // on the genesis: the end of time
				h = search(t, h)
			case 2:
				h.Nonce++
			}
			n, reject := tr.Add(h, anytime-1)
			_, err := c.Add(&h, anytime-1)
			if (reject == ledger.RejectNone) != (err == nil) || err != nil && !errors.Is(err, reject) {
				t.Fatalf("the tree says %v, the chain %v", reject, err)
			}
			if n == nil {
				continue
			}
			tip = n
			if work := c.Work(); work != n.Work || c.Len() != uint64(n.Height)+1 {
				t.Fatalf("work %v at %d, the tree has %v at %d", &work, c.Len(), &n.Work, n.Height)
			}
		}
	})
}
