package p2p

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// nobody is the address of strangers that serve nothing.
const nobody = "127.0.0.1:1"

// counted is what Coverage has said of one kind.
type counted struct{ have, of int }

// Peers that have a block count, one that keeps silent about it does not; nor do
// transactions count that came after their block.
func TestCoverage(t *testing.T) {
	var mu sync.Mutex
	said := map[string][]counted{}
	o := options{mute: new(atomic.Bool), ev: Events{Coverage: func(what string, have, of int) {
		mu.Lock()
		defer mu.Unlock()
		said[what] = append(said[what], counted{have, of})
	}}}
	last := func(what string) counted {
		mu.Lock()
		defer mu.Unlock()
		if list := said[what]; len(list) > 0 {
			return list[len(list)-1]
		}
		return counted{}
	}
	calm := options{mute: o.mute, host: func(c *Config) { c.BeatEvery, c.SilentAfter = time.Hour, time.Hour }}
	o.host = calm.host
	a := startNode(t, o)
	b, c := startNode(t, calm, a.addr()), startNode(t, calm, a.addr())
	connected(t, a, 2)
	seal := func() { // and wait until those who say what they have have said it
		t.Helper()
		a.seal(1)
		converged(t, a, b, c)
		within(t, "the peers' tips", func() bool {
			return !slices.ContainsFunc(a.host.Peers(), func(p Info) bool { return p.Addr != nobody && p.Tip != a.host.node.Chain.Tip() })
		})
	}
	seal()
	seal()
	within(t, "the coverage of the first block", func() bool { return last("block") == counted{2, 2} })

	s := newStranger(t, a)
	if got := s.enter(s.hello()); got != "" {
		t.Fatalf("refused %q", got)
	}
	connected(t, a, 3)
	seal()
	seal()
	within(t, "a silent one", func() bool { return last("block") == counted{2, 3} })

	w := newWallet(b.Params())
	b.mustSubmit(w.rounds(1, 10))
	pooled(t, 10, a)
	o.mute.Store(true)
	b.mustSubmit(w.rounds(1, 7))
	b.seal(1)
	within(t, "transactions that came with their block", func() bool { return last("transaction") == counted{10, 17} })
}
