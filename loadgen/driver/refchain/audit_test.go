package refchain

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/pow"
)

// mined returns a chain of headers with real, if little, work.
func mined(t *testing.T, n int) []ledger.Header {
	t.Helper()
	headers := []ledger.Header{ledger.TestParams().Genesis().Header}
	for len(headers) < n {
		h := ledger.Header{Version: 1, Prev: headers[len(headers)-1].Hash(), Bits: 0x2000ffff} // 1 hash in 256
		for number(h.Hash()).Cmp(target(h.Bits)) > 0 {
			h.Nonce++
		}
		headers = append(headers, h)
	}
	return headers
}

func TestHeaderCheck(t *testing.T) {
	good := mined(t, 5)
	fresh := func() *headerCheck {
		return &headerCheck{genesis: good[0].Hash(), bits: 0x207fffff}
	}
	for name, tc := range map[string]struct {
		change func(*headerCheck, []ledger.Header)
		want   string
	}{
		"good":         {func(*headerCheck, []ledger.Header) {}, ""},
		"genesis":      {func(c *headerCheck, _ []ledger.Header) { c.genesis[0]++ }, "at height 0"},
		"link":         {func(_ *headerCheck, h []ledger.Header) { h[3].Prev[0]++ }, "at height 3: does not follow"},
		"rewritten":    {func(_ *headerCheck, h []ledger.Header) { h[2].Time++; remine(&h[2]) }, "at height 3: does not follow"},
		"no work":      {func(_ *headerCheck, h []ledger.Header) { unmine(&h[4]) }, "at height 4: the hash is over the target"},
		"too easy":     {func(c *headerCheck, _ []ledger.Header) { c.bits = 0x1f00ffff }, "at height 1: bits 0x2000ffff are easier"},
		"other target": {func(c *headerCheck, _ []ledger.Header) { c.fixed = true }, "at height 1: bits are 0x2000ffff"},
		"zero target":  {func(_ *headerCheck, h []ledger.Header) { h[1].Bits = 0 }, "at height 1: bits 0x00000000"},
		"negative":     {func(_ *headerCheck, h []ledger.Header) { h[1].Bits = 0x20800001 }, "at height 1: bits 0x20800001"},
	} {
		c, headers := fresh(), append([]ledger.Header(nil), good...)
		tc.change(c, headers)
		var err error
		for i, h := range headers {
			if err = c.add(uint32(i), h); err != nil {
				break
			}
		}
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

func remine(h *ledger.Header) {
	for number(h.Hash()).Cmp(target(h.Bits)) > 0 {
		h.Nonce++
	}
}

// unmine finds a nonce without enough work.
func unmine(h *ledger.Header) {
	for number(h.Hash()).Cmp(target(h.Bits)) <= 0 {
		h.Nonce++
	}
}

// TestTarget compares the two implementations of the compact form.
func TestTarget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := uint32(rapid.IntRange(0, 32).Draw(t, "exponent"))<<24 | rapid.Uint32Range(0, 0x7fffff).Draw(t, "mantissa")
		h := ledger.Header{Bits: bits, Nonce: rapid.Uint32().Draw(t, "nonce")}
		ours := target(bits).Sign() > 0 && number(h.Hash()).Cmp(target(bits)) <= 0 && target(bits).Cmp(target(0x207fffff)) <= 0
		if theirs := pow.CheckWork(&h, 0x207fffff); ours != theirs {
			t.Fatalf("bits %#08x: %v here, %v there", bits, ours, theirs)
		}
	})
	if got, want := target(0x1b0404cb), new(big.Int).Lsh(big.NewInt(0x0404cb), 8*24); got.Cmp(want) != 0 {
		t.Errorf("Bitcoin's own example: %x", got)
	}
}
