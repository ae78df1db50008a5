package kad

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDead = errors.New("nobody there")

// world is nodes with tables, and what has been asked of them.
type world struct {
	all    []Contact
	tables map[string]*Table
	dead   map[string]bool

	mu    sync.Mutex
	asked map[string]int
}

// newWorld makes n nodes, each of which joins as section 2.3 says: through one
// that is there already, by looking up its own ID and then its buckets.
func newWorld(n int, rng *rand.Rand) *world {
	w := &world{tables: map[string]*Table{}, dead: map[string]bool{}, asked: map[string]int{}}
	for i := range n {
		c := Contact{Random(rng), fmt.Sprint("node:", i)}
		t := New(c.ID)
		w.tables[c.Addr] = t
		if i > 0 {
			w.join(c, t, w.all[rng.IntN(i)], rng)
		}
		w.all = append(w.all, c)
	}
	clear(w.asked)
	return w
}

func (w *world) join(c Contact, t *Table, seed Contact, rng *rand.Rand) {
	ask := func(ctx context.Context, to Contact, target ID) ([]Contact, error) {
		found, err := w.ask(ctx, to, target)
		w.mu.Lock()
		defer w.mu.Unlock()
		if err == nil {
			t.Add(to)
			w.tables[to.Addr].Add(c)
		}
		return found, err
	}
	Lookup(context.Background(), c.ID, c.ID, []Contact{seed}, ask)
	for _, target := range t.Refresh(time.Unix(1, 0), 0, 256, rng) {
		Lookup(context.Background(), c.ID, target, t.Closest(target, K), ask)
	}
}

func (w *world) ask(_ context.Context, c Contact, target ID) ([]Contact, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[c.Addr]++
	if w.tables[c.Addr] == nil || w.dead[c.Addr] {
		return nil, errDead
	}
	return w.tables[c.Addr].Closest(target, K), nil
}

// nearest sorts all who live.
func (w *world) nearest(target ID, self Contact) []Contact {
	live := []Contact{}
	for _, c := range w.all {
		if !w.dead[c.Addr] && c != self {
			live = append(live, c)
		}
	}
	slices.SortFunc(live, func(a, b Contact) int {
		return twinDistance(a.ID, target).Cmp(twinDistance(b.ID, target))
	})
	return live[:min(16, len(live))]
}

// TestLookupAgainstTwin looks up in networks where everybody knows all who
// live: whoever is asked first, dead ones among them, the nearest that live are
// found, and nobody is asked twice.
func TestLookupAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		w := &world{asked: map[string]int{}, dead: map[string]bool{}}
		for i := range rapid.IntRange(1, 120).Draw(t, "nodes") {
			w.all = append(w.all, Contact{Random(rng), fmt.Sprint("node:", i)})
			w.dead[w.all[i].Addr] = i > 0 && rng.IntN(5) == 0
		}
		start := w.all[:rapid.IntRange(1, len(w.all)).Draw(t, "start")] // the first lives
		target := Random(rng)
		ask := func(_ context.Context, c Contact, target ID) ([]Contact, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.asked[c.Addr]++
			if w.dead[c.Addr] {
				return nil, errDead
			}
			return append(w.nearest(target, Contact{}), w.all...), nil // more than was asked for
		}
		got := Lookup(context.Background(), Random(rng), target, start, ask)
		if d := cmp.Diff(w.nearest(target, Contact{}), got); d != "" {
			t.Fatalf("(-want +got):\n%s", d)
		}
		for addr, times := range w.asked {
			if times > 1 {
				t.Fatalf("%s was asked %d times", addr, times)
			}
		}
	})
}

// TestLookupInNetwork looks up in a network of nodes that know what joining has
// taught them: always the nearest and nearly all of the K nearest are found.
// Where a third has just died, what the others say is partly of the dead, and
// the nearest is found still.
func TestLookupInNetwork(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	w := newWorld(120, rng)
	for dead, least := range map[int]int{0: 98, 40: 70} {
		clear(w.dead)
		for _, i := range rng.Perm(len(w.all))[:dead] {
			w.dead[w.all[i].Addr] = true
		}
		found, wanted, asks := 0, 0, 0
		const lookups = 100
		for range lookups {
			self := w.all[rng.IntN(len(w.all))]
			target := Random(rng)
			clear(w.asked)
			got := Lookup(context.Background(), self.ID, target, w.tables[self.Addr].Closest(target, K), w.ask)
			want := w.nearest(target, self)
			if got[0] != want[0] {
				t.Errorf("the nearest to %x is not found", target[:2])
			}
			for _, c := range want {
				wanted++
				if slices.Contains(got, c) {
					found++
				}
			}
			asks += len(w.asked)
		}
		t.Logf("%d of 120 dead: found %d of %d, %d asked per lookup", dead, found, wanted, asks/lookups)
		if found*100 < wanted*least {
			t.Errorf("with %d dead: found %d of %d", dead, found, wanted)
		}
	}
}

// TestLookupBounds has a liar who invents ever nearer contacts without end:
// the lookup asks a bounded number, Alpha at a time, and ends.
func TestLookupBounds(t *testing.T) {
	for name, alive := range map[string]bool{"answering": true, "dead": false} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 3))
			self, target := Random(rng), Random(rng)
			var mu sync.Mutex
			asks, flying, most := 0, 0, 0
			liar := Contact{Random(rng), "liar:1"}
			got := Lookup(context.Background(), self, target, []Contact{liar}, func(_ context.Context, c Contact, target ID) ([]Contact, error) {
				mu.Lock()
				defer mu.Unlock()
				asks++
				flying++
				most = max(most, flying)
				mu.Unlock()
				mu.Lock()
				flying--
				if !alive && c != liar {
					return nil, errDead
				}
				var lies []Contact
				for i := range 200 {
					lies = append(lies, Contact{randomAt(target, min(asks+i%16, 255), rng), fmt.Sprint("lie:", asks, i)})
				}
				return lies, nil
			})
			if asks > AsksMax || most > Alpha || len(got) > K {
				t.Errorf("asked %d, %d at a time, returned %d", asks, most, len(got))
			}
			if !alive && (asks != 1+K || len(got) != 1) {
				t.Errorf("asked %d and found %d; the liar and %d lies were to be asked", asks, len(got), K)
			}
		})
	}
}

// TestLookupLies: the asker itself, unusable and wrong addresses are in the
// answers. The right address of a node is found behind a wrong one.
func TestLookupLies(t *testing.T) {
	self, victim, liar := ID{1}, Contact{ID{2}, "victim:1"}, Contact{ID{3}, "liar:1"}
	honest := Contact{ID{9}, "honest:1"}
	asked, tried := map[Contact]int{}, make(chan struct{})
	var mu sync.Mutex
	ask := func(_ context.Context, c Contact, _ ID) ([]Contact, error) {
		if c == honest {
			<-tried // the wrong address comes first
		}
		mu.Lock()
		defer mu.Unlock()
		asked[c]++
		switch c {
		case Contact{victim.ID, "wrong:1"}:
			close(tried)
		case liar:
			return []Contact{
				{self, "other:1"}, {victim.ID, "wrong:1"}, {victim.ID, ""}, {liar.ID, "liar:2"},
				{ID{4}, string(make([]byte, AddrMax+1))}, {victim.ID, "wrong:1"},
			}, nil
		case honest:
			return []Contact{victim}, nil
		case victim:
			return nil, nil
		}
		return nil, errDead
	}
	got := Lookup(context.Background(), self, ID{}, []Contact{liar, honest}, ask)
	if d := cmp.Diff([]Contact{victim, liar, honest}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	want := map[Contact]int{liar: 1, honest: 1, victim: 1, {victim.ID, "wrong:1"}: 1}
	if d := cmp.Diff(want, asked); d != "" {
		t.Errorf("asked (-want +got):\n%s", d)
	}
}

// TestLookupAddresses: an ID that is said to be everywhere is tried at a few
// places only.
func TestLookupAddresses(t *testing.T) {
	var start []Contact
	for i := range 50 {
		start = append(start, Contact{ID{2}, fmt.Sprint("a:", i)})
	}
	asks := 0
	Lookup(context.Background(), ID{1}, ID{}, start, func(context.Context, Contact, ID) ([]Contact, error) {
		asks++ // one at a time: they are one node
		return nil, errDead
	})
	if asks != addressesMax {
		t.Errorf("tried %d addresses, want %d", asks, addressesMax)
	}
}

// TestLookupSilence: peers that never answer are passed over after AskTime, and
// the end of ctx ends everything, with what was found by then.
func TestLookupSilence(t *testing.T) {
	silent := func(ctx context.Context, c Contact, _ ID) ([]Contact, error) {
		if c.Addr == "good:1" {
			return nil, nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	good := Contact{ID{99}, "good:1"}
	start := []Contact{good}
	for i := range byte(6) {
		start = append(start, Contact{ID{2 + i}, fmt.Sprint("silent:", i)})
	}
	for name, c := range map[string]struct{ limit, want time.Duration }{
		"passed over": {time.Hour, 2 * AskTime},
		"deadline":    {AskTime + time.Second, AskTime + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.limit)
				defer cancel()
				began := time.Now()
				got := Lookup(ctx, ID{1}, ID{}, start, silent)
				if took := time.Since(began); took != c.want {
					t.Errorf("took %s, want %s", took, c.want)
				}
				if name == "passed over" && !slices.Equal(got, []Contact{good}) {
					t.Errorf("found %v", got)
				}
			})
		})
	}
}

func BenchmarkClosest(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	t := New(Random(rng))
	for i := range 100_000 {
		t.Add(Contact{Random(rng), fmt.Sprint("n:", i)})
	}
	for b.Loop() {
		t.Closest(ID{}, K)
	}
}
