package roster

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// settle lets a set choose until it has nothing more to change.
func settle(t *testing.T, a *Active, known []Known, now time.Time, seed uint64) time.Time {
	t.Helper()
	rng := seeded(seed)
	for range 1_000 {
		if add, drop := a.Choose(known, now, rng); len(add)+len(drop) == 0 {
			return now
		}
		now = now.Add(2 * time.Minute)
	}
	t.Fatal("the set never comes to rest")
	return now
}

func line(n int) []Known {
	var all []Known
	for i := range n {
		all = append(all, Known{id(i), fmt.Sprintf("n%d:1", i), time.Duration(i+1) * 10 * time.Millisecond})
	}
	return all
}

// TestActiveNearest: of forty at rising distances, the nearest are chosen, even
// if the far were known first, and two at random, which differ by the seed.
func TestActiveNearest(t *testing.T) {
	cfg := DefaultActiveConfig()
	cfg.Rotate = 0
	known := line(40)
	var draws []string
	for seed := range uint64(8) {
		a := NewActive(cfg)
		now := settle(t, a, known[20:], start, seed)
		settle(t, a, known, now, seed)
		near, far := 0, ""
		for _, m := range a.Members() {
			if m.Random {
				far += m.Addr + " "
			} else if slices.IndexFunc(known, func(k Known) bool { return k.ID == m.ID }) < 9 {
				near++ // within the gain of the sixth
			}
		}
		if a.Len() != 8 || near != 6 {
			t.Errorf("seed %d: %d members, %d near: %v", seed, a.Len(), near, a.Members())
		}
		draws = append(draws, far)
	}
	slices.Sort(draws)
	if len(slices.Compact(draws)) < 4 {
		t.Errorf("random places: %q", draws)
	}
}

// TestActiveSteady jitters round-trip times by a fifth for a day: nobody is
// replaced, for no peer is really nearer.
func TestActiveSteady(t *testing.T) {
	cfg := DefaultActiveConfig()
	cfg.Rotate = 0
	a, rng, now := NewActive(cfg), seeded(3), start
	known := line(30)
	for i := range known {
		known[i].RTT = 50 * time.Millisecond
	}
	changes := 0
	for i := range 24 * 60 {
		jittered := slices.Clone(known)
		for k := range jittered {
			jittered[k].RTT += time.Duration(rng.Int64N(int64(20*time.Millisecond))) - 10*time.Millisecond
			jittered[k].RTT = Smooth(known[k].RTT, jittered[k].RTT)
		}
		add, drop := a.Choose(jittered, now, rng)
		if i > 0 {
			changes += len(add) + len(drop)
		}
		now = now.Add(time.Minute)
	}
	if changes != 0 || a.Len() != 8 {
		t.Errorf("%d changes, %d members", changes, a.Len())
	}
}

// TestActiveImproves: one swap at a time, not before Hold, and only for a real
// gain.
func TestActiveImproves(t *testing.T) {
	cfg := ActiveConfig{Peers: 2, Gain: 0.3, GainLeast: 2 * time.Millisecond, Hold: time.Minute, Missed: 3}
	far := []Known{{id(1), "a:1", 100 * time.Millisecond}, {id(2), "b:1", 90 * time.Millisecond}}
	a, rng := NewActive(cfg), seeded(1)
	a.Choose(far, start, rng)
	near := append(slices.Clone(far), Known{id(3), "c:1", 10 * time.Millisecond}, Known{id(4), "d:1", 11 * time.Millisecond})
	if add, drop := a.Choose(near, start.Add(time.Minute-1), rng); len(add)+len(drop) != 0 {
		t.Errorf("swapped too early: %v %v", add, drop)
	}
	now := start.Add(time.Minute)
	if add, drop := a.Choose(near, now, rng); len(add) != 1 || add[0].ID != id(3) || !slices.Equal(drop, []ID{id(1)}) {
		t.Errorf("first swap: %v %v", add, drop)
	}
	if add, drop := a.Choose(near, now, rng); len(add)+len(drop) != 0 {
		t.Errorf("two swaps at once: %v %v", add, drop)
	}
	if add, drop := a.Choose(near, now.Add(time.Minute), rng); len(add) != 1 || add[0].ID != id(4) || !slices.Equal(drop, []ID{id(2)}) {
		t.Errorf("second swap: %v %v", add, drop)
	}
	little := append(slices.Clone(near), Known{id(5), "e:1", 9 * time.Millisecond})
	if add, drop := a.Choose(little, now.Add(time.Hour), rng); len(add)+len(drop) != 0 {
		t.Errorf("swapped for little: %v %v", add, drop)
	}
}

// TestActiveDead: one missed sign of life is forgiven, three in a row are not;
// the place is filled, a random one with a random peer; who came back is not
// taken again while the others live.
func TestActiveDead(t *testing.T) {
	a, rng, now := NewActive(DefaultActiveConfig()), seeded(5), start
	known := line(12)
	a.Choose(known, now, rng)
	for _, m := range a.Members() {
		for range 10 {
			for range 2 {
				if a.Missed(m.ID) {
					t.Fatal("dead too early")
				}
			}
			a.Alive(m.ID, 0)
		}
	}
	random := func() (ids []ID) {
		for _, m := range a.Members() {
			if m.Random {
				ids = append(ids, m.ID)
			}
		}
		return ids
	}
	dead := random()[0]
	a.Missed(dead)
	a.Missed(dead)
	if !a.Missed(dead) || !a.Has(dead) {
		t.Fatal("three missed signs of life are no death")
	}
	if add, drop := a.Choose(known[:0], now, rng); len(add)+len(drop) != 0 || !a.Has(dead) {
		t.Fatal("a dead peer was given up for nobody")
	}
	rest := slices.DeleteFunc(slices.Clone(known), func(k Known) bool { return k.ID == dead })
	add, drop := a.Choose(rest, now, rng)
	if len(add) != 1 || !slices.Equal(drop, []ID{dead}) || len(random()) != 2 || !slices.Contains(random(), add[0].ID) {
		t.Errorf("added %v, dropped %v, random %v", add, drop, random())
	}
	if add, drop := a.Choose(known, now.Add(time.Second), rng); len(add)+len(drop) != 0 {
		t.Errorf("flapping: %v %v", add, drop)
	}
}

// TestActiveAllDead cuts a node off: its peers stay, and when it hears of fewer
// others than have died, as many go. A removed one frees its place.
func TestActiveAllDead(t *testing.T) {
	a, rng, now := NewActive(DefaultActiveConfig()), seeded(5), start
	known := line(14)
	a.Choose(known[:8], now, rng)
	for _, m := range a.Members() {
		for range 3 {
			a.Missed(m.ID)
		}
	}
	if add, drop := a.Choose(known[8:11], now, rng); len(add) != 3 || len(drop) != 3 || a.Len() != 8 || a.count(true) != 2 {
		t.Errorf("added %v, dropped %v, %d random", add, drop, a.count(true))
	}
	alive := 0
	for _, m := range a.Members() {
		if !m.Dead {
			alive++
		}
	}
	if alive != 3 {
		t.Errorf("%d alive", alive)
	}
	a.Remove(known[8].ID)
	a.Remove(known[8].ID)
	if add, _ := a.Choose(known[11:12], now, rng); len(add) != 1 || a.Len() != 8 {
		t.Errorf("added %v; %d members", add, a.Len())
	}
}

// TestActiveRotates: random places are drawn anew, one at a time, and the set
// stays full.
func TestActiveRotates(t *testing.T) {
	a, rng, now := NewActive(DefaultActiveConfig()), seeded(5), start
	known, met := line(40), map[ID]bool{}
	for range 600 {
		add, drop := a.Choose(known, now, rng)
		if now != start && (len(add) > 1 || len(add) != len(drop)) {
			t.Fatalf("added %v, dropped %v", add, drop)
		}
		for _, m := range a.Members() {
			if m.Random {
				met[m.ID] = true
			}
		}
		if a.Len() != 8 || a.count(true) != 2 {
			t.Fatalf("%d members, %d random", a.Len(), a.count(true))
		}
		now = now.Add(time.Minute)
	}
	if len(met) < 20 {
		t.Errorf("%d peers had a random place in ten hours", len(met))
	}
}

// clusters has two clusters of nodes that know each other all, a millisecond
// apart within and eighty between. It returns whom each node has chosen.
func clusters(t *testing.T, each, random int, seed uint64) []*Active {
	cfg := DefaultActiveConfig()
	cfg.Random = random
	sets := make([]*Active, 2*each)
	for i := range sets {
		var known []Known
		for k := range sets {
			if k != i {
				rtt := time.Millisecond + time.Duration((i*7+k*13)%10)*100*time.Microsecond
				if k/each != i/each {
					rtt += 80 * time.Millisecond
				}
				known = append(known, Known{id(k), fmt.Sprintf("n%d:1", k), rtt})
			}
		}
		sets[i] = NewActive(cfg)
		rng, now := seeded(seed<<16|uint64(i)), start
		for range 60 { // an hour, rotations included
			sets[i].Choose(known, now, rng)
			now = now.Add(time.Minute)
		}
	}
	return sets
}

// reached returns how many nodes a message from one of them gets to, if peers
// pass it on in both directions and the nodes in gone do not.
func reached(sets []*Active, gone map[int]bool) int {
	links := make([][]int, len(sets))
	for i, s := range sets {
		for _, m := range s.Members() {
			k := int(m.ID[0])<<8 | int(m.ID[1])
			links[i], links[k] = append(links[i], k), append(links[k], i)
		}
	}
	from := slices.IndexFunc(sets, func(*Active) bool { return true })
	for gone[from] {
		from++
	}
	met, queue := map[int]bool{from: true}, []int{from}
	for len(queue) > 0 {
		for _, k := range links[queue[0]] {
			if !met[k] && !gone[k] {
				met[k] = true
				queue = append(queue, k)
			}
		}
		queue = queue[1:]
	}
	return len(met)
}

// TestClustersStayJoined: without random places two clusters of near nodes fall
// apart; with two per node they are one graph, also when any fifth of the nodes
// has gone.
func TestClustersStayJoined(t *testing.T) {
	const each = 25
	for seed := range uint64(5) {
		if n := reached(clusters(t, each, 0, seed), nil); n != each {
			t.Errorf("seed %d: without random places %d are reached; the test wants %d", seed, n, each)
		}
		sets := clusters(t, each, 2, seed)
		if n := reached(sets, nil); n != 2*each {
			t.Errorf("seed %d: %d of %d are reached", seed, n, 2*each)
		}
		rng := seeded(seed)
		for range 20 {
			gone := map[int]bool{}
			for _, i := range rng.Perm(2 * each)[:2*each/5] {
				gone[i] = true
			}
			if n := reached(sets, gone); n != 2*each-len(gone) {
				t.Errorf("seed %d: %d of %d are reached", seed, n, 2*each-len(gone))
			}
		}
	}
}
