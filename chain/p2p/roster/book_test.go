package roster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var start = time.Unix(1_800_000_000, 0)

func seeded(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, 1)) }

func id(n int) ID { return ID{byte(n >> 8), byte(n)} }

// TestBookBounded fills a book from one source and then from many: one source
// gets its share, those who answered stay, and there are never too many.
func TestBookBounded(t *testing.T) {
	cfg := DefaultBookConfig()
	cfg.Addresses, cfg.PerSource = 100, 10
	b := NewBook(cfg)
	for i := range 50 {
		b.Answered(fmt.Sprintf("good%d:1", i), id(i), 0, start)
	}
	for i := range 1_000 {
		if got, want := b.Heard(fmt.Sprintf("bad%d:1", i), "liar", start), i < 10; got != want {
			t.Fatalf("Heard %d = %v", i, got)
		}
	}
	if b.Len() != 60 {
		t.Errorf("%d addresses, want 60", b.Len())
	}
	for i := range 1_000 {
		b.Heard(fmt.Sprintf("more%d:1", i), fmt.Sprint("source", i), start.Add(time.Second))
	}
	if b.Len() != 100 || len(b.Alive(start)) != 50 {
		t.Errorf("%d addresses, %d have answered", b.Len(), len(b.Alive(start)))
	}
	for i := 50; i < 200; i++ {
		if !b.Answered(fmt.Sprintf("good%d:1", i), id(i), 0, start.Add(time.Duration(i)*time.Second)) {
			t.Fatalf("no room for one who answered")
		}
	}
	alive := b.Alive(start.Add(time.Minute))
	if b.Len() != 100 || len(alive) != 100 || len(b.hearsay) != 0 {
		t.Errorf("%d addresses, %d have answered, sources %v", b.Len(), len(alive), b.hearsay)
	}
	if b.Heard("late:1", "somebody", start) {
		t.Error("hearsay drove out one who answered")
	}
}

// TestBookKeepsCount compares the count of each source with what is there.
func TestBookKeepsCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := DefaultBookConfig()
		cfg.Addresses, cfg.PerSource, cfg.Forget = 8, 3, 2
		b, now, rng := NewBook(cfg), start, seeded(1)
		addr := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("n%d:1", rapid.IntRange(0, 12).Draw(t, "n")) })
		t.Repeat(map[string]func(*rapid.T){
			"heard": func(t *rapid.T) {
				b.Heard(addr.Draw(t, "addr"), rapid.SampledFrom([]string{"a", "b"}).Draw(t, "source"), now)
			},
			"answered": func(t *rapid.T) { b.Answered(addr.Draw(t, "addr"), id(rapid.IntRange(0, 3).Draw(t, "id")), 1, now) },
			"failed":   func(t *rapid.T) { b.Failed(addr.Draw(t, "addr"), now, rng) },
			"forget":   func(t *rapid.T) { b.Forget(addr.Draw(t, "addr")) },
			"wait":     func(t *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "s")) * time.Second) },
			"": func(t *rapid.T) {
				want := map[string]int{}
				for _, e := range b.entries {
					if e.answered.IsZero() {
						want[e.source]++
					}
				}
				if d := cmp.Diff(want, b.hearsay); d != "" || b.Len() > 8 || want["a"] > 3 || want["b"] > 3 {
					t.Fatalf("%d addresses; sources (-want +got):\n%s", b.Len(), d)
				}
				seen := map[ID]bool{}
				for _, k := range b.Alive(now) {
					e := b.entries[k.Addr]
					if seen[k.ID] || e.failures > 0 || e.answered.IsZero() || now.Sub(e.answered) >= cfg.Fresh {
						t.Fatalf("%v is alive", k)
					}
					seen[k.ID] = true
				}
				for _, a := range b.Ready(99, now, rng) {
					if e := b.entries[a]; now.Before(e.next) || now.Sub(e.answered) < cfg.Fresh/4 {
						t.Fatalf("%s is ready too early", a)
					}
				}
			},
		})
	})
}

// TestBookBackoff lets one address fail again and again: the waits double, up
// to the longest, and never overflow.
func TestBookBackoff(t *testing.T) {
	b, now, rng := NewBook(DefaultBookConfig()), start, seeded(1)
	b.Answered("a:1", id(1), time.Millisecond, now)
	if now = now.Add(15 * time.Minute); len(b.Ready(1, now.Add(-1), rng)) != 0 || len(b.Ready(1, now, rng)) != 1 {
		t.Error("tried too early, or not again")
	}
	for i := range 100 {
		b.Failed("a:1", now, rng)
		want := 5 * time.Minute
		if i < 8 {
			want = time.Second << i
		}
		early, late := now.Add(want*3/4-1), now.Add(want*5/4+1)
		if len(b.Ready(1, early, rng)) != 0 || len(b.Ready(1, late, rng)) != 1 {
			t.Errorf("failure %d: next try at %s, want %s", i+1, b.entries["a:1"].next.Sub(now), want)
		}
		now = late
	}
	b.Answered("a:1", id(1), 0, now)
	if now = now.Add(15 * time.Minute); len(b.Ready(1, now, rng)) != 1 {
		t.Error("an answer is no fresh start")
	}
	b.Heard("b:1", "x", now)
	for range DefaultBookConfig().Forget {
		b.Failed("b:1", now, rng)
	}
	if b.Len() != 1 {
		t.Error("an address that never answered is kept")
	}
}

// TestBookNode: a node with two addresses is one, an address with a new node is
// that node, and its round-trip time is not the old one's.
func TestBookNode(t *testing.T) {
	b := NewBook(DefaultBookConfig())
	b.Answered("old:1", id(1), 80*time.Millisecond, start)
	b.Answered("new:1", id(1), 40*time.Millisecond, start.Add(time.Second))
	b.Answered("new:1", id(1), 80*time.Millisecond, start.Add(time.Second))
	want := []Known{{id(1), "new:1", 45 * time.Millisecond}}
	if d := cmp.Diff(want, b.Alive(start.Add(time.Minute))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	b.Answered("new:1", id(2), 0, start.Add(2*time.Second))
	want = []Known{{id(2), "new:1", 0}, {id(1), "old:1", 80 * time.Millisecond}}
	if d := cmp.Diff(want, b.Alive(start.Add(time.Minute))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := b.Alive(start.Add(2 * time.Hour)); len(got) != 0 {
		t.Errorf("alive after two hours: %v", got)
	}
}

// TestBookDeterministic: the same book and seed give the same draw.
func TestBookDeterministic(t *testing.T) {
	draws := func() (all []string) {
		b, rng := NewBook(DefaultBookConfig()), seeded(9)
		for i := range 50 {
			b.Heard(fmt.Sprintf("n%d:1", i), "s", start)
		}
		for range 10 {
			all = append(all, b.Ready(5, start, rng)...)
		}
		return all
	}
	if a, b := draws(), draws(); !slices.Equal(a, b) {
		t.Errorf("%v\n%v", a, b)
	}
}

// TestAddresses lists what may be dialled, and which source it belongs to.
func TestAddresses(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:7702": "127.0.0.1:7702", "[::1]:7702": "[::1]:7702",
		"10.1.2.3:7702": "10.1.0.0/16", "10.1.9.9:1": "10.1.0.0/16", "[2001:db8::1]:1": "2001:db8::/32",
		"[::ffff:10.1.2.3]:1": "10.1.0.0/16", "node-1.test:65535": "node-1.test",
	} {
		if err := CheckAddr(addr); err != nil {
			t.Error(err)
		}
		if got := Source(addr); got != want {
			t.Errorf("Source(%q) = %q, want %q", addr, got, want)
		}
	}
	for _, addr := range []string{
		"", "a", ":1", "a:", "a:0", "a:65536", "a:http", "0.0.0.0:1", "[::]:1", "224.0.0.1:1", "a b:1", "a\n:1", "::1:1",
		strings.Repeat("a", AddrMax) + ":1",
	} {
		if CheckAddr(addr) == nil || NewBook(DefaultBookConfig()).Heard(addr, "s", start) {
			t.Errorf("%q may be dialled", addr)
		}
	}
}

// TestConfigs refuses what is out of range.
func TestConfigs(t *testing.T) {
	type config interface{ Validate() error }
	for _, c := range []config{DefaultBookConfig(), DefaultScoreConfig(), DefaultActiveConfig()} {
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
	book := func(change func(*BookConfig)) config { c := DefaultBookConfig(); change(&c); return c }
	score := func(change func(*ScoreConfig)) config { c := DefaultScoreConfig(); change(&c); return c }
	active := func(change func(*ActiveConfig)) config { c := DefaultActiveConfig(); change(&c); return c }
	for i, c := range []config{
		book(func(c *BookConfig) { c.Addresses = 0 }), book(func(c *BookConfig) { c.PerSource = c.Addresses + 1 }),
		book(func(c *BookConfig) { c.RetryMost = 0 }), book(func(c *BookConfig) { c.Forget = 0 }), book(func(c *BookConfig) { c.Fresh = 0 }),
		score(func(c *ScoreConfig) { c.Limit = 0 }), score(func(c *ScoreConfig) { c.BanMost = 0 }), score(func(c *ScoreConfig) { c.Entries = 0 }),
		active(func(c *ActiveConfig) { c.Peers = 0 }), active(func(c *ActiveConfig) { c.Random = 9 }), active(func(c *ActiveConfig) { c.Gain = 1 }),
		active(func(c *ActiveConfig) { c.Hold = -1 }), active(func(c *ActiveConfig) { c.Missed = 0 }),
	} {
		if c.Validate() == nil {
			t.Errorf("case %d is permitted", i)
		}
	}
}
