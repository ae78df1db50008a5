package roster

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// ActiveConfig is whom a node connects to.
type ActiveConfig struct {
	Peers  int // in the set; 1 to 1024
	Random int // of those, drawn rather than nearest; 0 to Peers

	// A near peer is given up for another only if that is nearer by Gain (a
	// share of the round-trip time) and by GainLeast, and neither the peer was
	// taken nor any peer was given up for the last Hold.
	Gain      float64
	GainLeast time.Duration
	Hold      time.Duration

	Rotate time.Duration // how often one random peer is drawn anew; 0: never
	Missed int           // signs of life in a row that a dead peer has not given
}

// DefaultActiveConfig is eight peers, two of them random.
func DefaultActiveConfig() ActiveConfig {
	return ActiveConfig{
		Peers: 8, Random: 2, Gain: 0.3, GainLeast: 2 * time.Millisecond, Hold: time.Minute, Rotate: 10 * time.Minute, Missed: 3,
	}
}

// Validate reports what is out of its range.
func (c ActiveConfig) Validate() error {
	switch {
	case c.Peers < 1 || c.Peers > 1024:
		return fmt.Errorf("roster: %d active peers; permitted are 1 to 1024", c.Peers)
	case c.Random < 0 || c.Random > c.Peers:
		return fmt.Errorf("roster: %d random peers; permitted are 0 to %d", c.Random, c.Peers)
	case !(c.Gain >= 0 && c.Gain < 1):
		return fmt.Errorf("roster: a gain of %g; permitted are 0 to less than 1", c.Gain)
	case c.GainLeast < 0 || c.Hold < 0 || c.Rotate < 0:
		return fmt.Errorf("roster: gain %s, hold %s, rotate %s; permitted is 0s and more", c.GainLeast, c.Hold, c.Rotate)
	case c.Missed < 1:
		return fmt.Errorf("roster: dead after %d missed signs of life; permitted is 1 and more", c.Missed)
	}
	return nil
}

// Active is the set of peers that a node has chosen to connect to. Most places
// go to the nearest by round-trip time. The random ones are drawn from all who
// are known, near or far: nodes that chose only the near would fall into
// clusters with nothing between them.
type Active struct {
	cfg     ActiveConfig
	members []member // in the order they were taken; at most cfg.Peers
	given   time.Time
	rotated time.Time
}

type member struct {
	Known
	random bool
	since  time.Time
	missed int // in a row
}

// NewActive returns an empty set. The configuration has to be valid.
func NewActive(cfg ActiveConfig) *Active { return &Active{cfg: cfg} }

// Len returns the number of members.
func (a *Active) Len() int { return len(a.members) }

// Has reports whether a peer is a member.
func (a *Active) Has(id ID) bool { return a.find(id) >= 0 }

// Member is a chosen peer.
type Member struct {
	Known
	Random bool
	Since  time.Time
	Dead   bool
}

// Members returns the set, in the order it was chosen.
func (a *Active) Members() []Member {
	all := make([]Member, len(a.members))
	for i, m := range a.members {
		all[i] = Member{m.Known, m.random, m.since, a.dead(m)}
	}
	return all
}

// Choose fills the free places from those that are known, which are alive, of
// different IDs and not the node itself, gives the places of the dead to others
// where there are any, and now and then a place to a better peer. It returns
// whom to connect to and whom to leave; the set has changed already.
func (a *Active) Choose(known []Known, now time.Time, rng *rand.Rand) (add []Known, drop []ID) {
	var others []Known
	for _, k := range known {
		if i := a.find(k.ID); i < 0 {
			others = append(others, k)
		} else {
			m := &a.members[i]
			m.Addr, m.RTT = k.Addr, cmp.Or(k.RTT, m.RTT)
		}
	}
	draw(others, len(others), rng) // in place; equals come in random order
	drop = a.bury(len(others) - (a.cfg.Peers - len(a.members)))
	if i := a.rotating(now, len(others)); i >= 0 {
		drop = append(drop, a.members[i].ID)
		a.members = slices.Delete(a.members, i, i+1)
	}
	for len(others) > 0 && a.count(true) < a.cfg.Random && len(a.members) < a.cfg.Peers {
		add, others = a.take(add, others, true, now)
	}
	slices.SortStableFunc(others, nearest)
	for len(others) > 0 && len(a.members) < a.cfg.Peers {
		add, others = a.take(add, others, false, now)
	}
	if i := a.improving(others, now); i >= 0 {
		drop = append(drop, a.members[i].ID)
		a.members = slices.Delete(a.members, i, i+1)
		a.given = now
		add, _ = a.take(add, others, false, now)
	}
	return add, drop
}

// Alive notes a sign of life, and the round-trip time if it was measured.
func (a *Active) Alive(id ID, rtt time.Duration) {
	if i := a.find(id); i >= 0 {
		m := &a.members[i]
		m.missed, m.RTT = 0, Smooth(m.RTT, rtt)
	}
}

// Missed notes that a peer gave no sign of life when it was asked for one, and
// reports whether it is dead. A dead one keeps its place until there is another
// for it: better that it comes back than that nobody is there.
func (a *Active) Missed(id ID) bool {
	i := a.find(id)
	if i < 0 {
		return false
	}
	a.members[i].missed++
	return a.dead(a.members[i])
}

// Remove frees the place of a peer: it was banned, or cannot be connected to.
func (a *Active) Remove(id ID) {
	if i := a.find(id); i >= 0 {
		a.members = slices.Delete(a.members, i, i+1)
	}
}

func (a *Active) dead(m member) bool { return m.missed >= a.cfg.Missed }

// bury removes at most n of the dead.
func (a *Active) bury(n int) (gone []ID) {
	a.members = slices.DeleteFunc(a.members, func(m member) bool {
		if !a.dead(m) || len(gone) >= n {
			return false
		}
		gone = append(gone, m.ID)
		return true
	})
	return gone
}

func (a *Active) find(id ID) int {
	return slices.IndexFunc(a.members, func(m member) bool { return m.ID == id })
}

func (a *Active) count(random bool) int {
	n := 0
	for _, m := range a.members {
		if m.random == random {
			n++
		}
	}
	return n
}

// take moves the first of others into the set.
func (a *Active) take(add, others []Known, random bool, now time.Time) (added, rest []Known) {
	a.members = append(a.members, member{Known: others[0], random: random, since: now})
	return append(add, others[0]), others[1:]
}

// rotating returns the random member that is to be drawn anew, or -1: the one
// that was taken first, if the set is full and there is somebody else.
func (a *Active) rotating(now time.Time, others int) int {
	if a.rotated.IsZero() {
		a.rotated = now
	}
	if a.cfg.Rotate == 0 || others == 0 || len(a.members) < a.cfg.Peers || now.Sub(a.rotated) < a.cfg.Rotate {
		return -1
	}
	a.rotated = now
	return slices.IndexFunc(a.members, func(m member) bool { return m.random })
}

// improving returns the member that is to make place for the first of others,
// which are sorted, or -1.
func (a *Active) improving(others []Known, now time.Time) int {
	if len(others) == 0 || others[0].RTT <= 0 || now.Sub(a.given) < a.cfg.Hold {
		return -1
	}
	worst := -1
	for i, m := range a.members {
		if m.random || now.Sub(m.since) < a.cfg.Hold {
			continue
		}
		if worst < 0 || nearest(a.members[worst].Known, m.Known) < 0 {
			worst = i
		}
	}
	if worst < 0 {
		return -1
	}
	have, could := a.members[worst].RTT, others[0].RTT
	if have > 0 && (have-could < a.cfg.GainLeast || float64(could) > (1-a.cfg.Gain)*float64(have)) {
		return -1
	}
	return worst
}

// nearest orders by round-trip time; those that were not measured come last.
func nearest(a, b Known) int {
	if (a.RTT > 0) != (b.RTT > 0) {
		return cmp.Compare(b.RTT, a.RTT)
	}
	return cmp.Compare(a.RTT, b.RTT)
}
