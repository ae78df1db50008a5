package p2p

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/chain/p2p/kad"
	"github.com/chaindyno/chaindyno/chain/p2p/roster"
)

// How often discovery does what. Steps and lookups follow each other quickly
// while there is something to learn, and twice as slowly each time that there
// was not.
const (
	stepSoon   = 500 * time.Millisecond
	stepHungry = 3 * time.Second // at most, while a seed does not answer and is needed
	stepLate   = 15 * time.Second
	lookSoon   = time.Second
	lookLate   = 10 * time.Minute
	saveEvery  = time.Minute

	probesAtOnce  = 16 // addresses tried in one step
	refreshAtOnce = 2  // lookups of buckets in one step: what was heard is to be probed soon
	lookupTime    = 30 * time.Second
	ownMost       = 64 // addresses at which the node has found itself
)

var errStranger = errors.New("another node than expected answered")

// discovery finds nodes and decides which of them the host keeps streams to.
// One goroutine runs it:
//
//	observe  who has a stream is alive; who has none and should is not
//	probe    addresses that others have told of, seeds first: hearsay becomes
//	         knowledge only once its address has answered
//	look     lookups of the own ID and of buckets that were not looked in
//	choose   the active set; the host keeps streams to it
//
// The handlers of FindNode read the table and add hearsay, under the lock.
type discovery struct {
	host *Host

	mu     sync.Mutex // guards everything below
	table  *kad.Table
	book   *roster.Book
	active *roster.Active
	rng    *rand.Rand
	own    map[string]bool // at most ownMost
	kept   map[ID]string   // the address that a stream is kept to, of each active peer
	news   int             // nodes and addresses not known before, since the last step

	// Of run alone.

	lookWait time.Duration
	looked   time.Time
	saved    time.Time
}

func newDiscovery(h *Host) *discovery {
	cfg := roster.DefaultActiveConfig()
	cfg.Peers, cfg.Random = h.cfg.Active, h.cfg.Random
	return &discovery{
		host: h, book: roster.NewBook(roster.DefaultBookConfig()), active: roster.NewActive(cfg),
		rng: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
		own: map[string]bool{}, kept: map[ID]string{}, lookWait: lookSoon,
	}
}

// begin makes the table, once the host's ID is known and before it is served.
func (d *discovery) begin() { d.table = kad.New(kad.ID(d.host.id)) }

// run works until ctx ends.
func (d *discovery) run(ctx context.Context) {
	d.load()
	defer d.save()
	for wait := stepSoon; ; {
		changed := d.host.Changed()
		if d.step(ctx) {
			wait = stepSoon
		} else {
			wait = min(2*wait, d.longest())
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait/2 + rand.N(wait)):
			continue
		case <-changed:
		}
		wait = stepSoon
		select { // let the others that come and go with it be seen, too
		case <-ctx.Done():
			return
		case <-time.After(stepSoon):
		}
	}
}

// longest is how long the next step may wait.
func (d *discovery) longest() time.Duration {
	if len(d.host.snapshot()) < d.host.cfg.Active && len(d.silentSeeds(time.Now())) > 0 {
		return stepHungry
	}
	return stepLate
}

// step does one round, and reports whether it has found anything new.
func (d *discovery) step(ctx context.Context) bool {
	d.observe(time.Now())
	d.probe(ctx)
	d.look(ctx)
	d.choose(time.Now())
	if time.Since(d.saved) >= saveEvery {
		d.save()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	news := d.news
	d.news = 0
	return news > 0
}

// observe compares the streams that there are with those that there should be.
func (d *discovery) observe(now time.Time) {
	peers := d.host.Peers()
	d.mu.Lock()
	defer d.mu.Unlock()
	there := map[ID]bool{}
	for _, p := range peers {
		there[p.ID] = true
		d.active.Alive(roster.ID(p.ID), p.RoundTrip)
		if p.RoundTrip > 0 { // heartbeats have answered at the address that it advertises
			d.answered(kad.Contact{ID: kad.ID(p.ID), Addr: p.Addr}, p.RoundTrip, now)
		}
	}
	for _, m := range d.active.Members() {
		if there[m.ID] {
			continue
		}
		d.lookWait = lookSoon
		if d.active.Missed(m.ID) {
			d.failed(kad.Contact{ID: m.ID, Addr: m.Addr}, now)
		}
	}
}

// probe asks at addresses that have not answered yet, or not for long.
func (d *discovery) probe(ctx context.Context) {
	now := time.Now()
	hungry := len(d.host.snapshot()) < d.host.cfg.Active
	var todo []kad.Contact // without an ID: whoever answers
	if hungry {
		for _, addr := range d.silentSeeds(now) {
			todo = append(todo, kad.Contact{Addr: addr})
		}
	}
	d.mu.Lock()
	for _, addr := range d.book.Ready(probesAtOnce, now, d.rng) {
		todo = append(todo, kad.Contact{Addr: addr})
	}
	todo = append(todo, d.table.Doubts(kad.Alpha)...)
	targets := make([]kad.ID, len(todo))
	for i := range targets {
		targets[i] = kad.Random(d.rng) // for contacts from all over the network
	}
	d.mu.Unlock()
	places := make(chan struct{}, kad.Alpha)
	var all sync.WaitGroup
	for i, c := range todo {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			ctx, cancel := context.WithTimeout(ctx, kad.AskTime)
			defer cancel()
			_, _ = d.ask(ctx, c, targets[i])
		})
	}
	all.Wait()
}

// silentSeeds returns the seeds that did not answer when they were last tried.
func (d *discovery) silentSeeds(now time.Time) (silent []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, addr := range d.host.cfg.Seeds {
		if !d.own[addr] && !d.book.Live(addr, now) {
			silent = append(silent, addr)
		}
	}
	return silent
}

// look makes the lookups that are due: of the own ID, for the neighbours; of a
// random one and in some buckets that were not looked in, for the others.
func (d *discovery) look(ctx context.Context) {
	now := time.Now()
	d.mu.Lock()
	self := d.table.Self()
	targets := []kad.ID{self, kad.Random(d.rng)}
	if now.Sub(d.looked) < d.lookWait || d.table.Len() == 0 {
		targets = nil
	} else {
		targets = append(targets, d.table.Refresh(now, lookLate, refreshAtOnce, d.rng)...)
		d.looked = now
	}
	d.mu.Unlock()
	for _, target := range targets {
		d.mu.Lock()
		start := d.table.Closest(target, kad.K)
		d.table.Looked(target, now)
		d.mu.Unlock()
		limited, cancel := context.WithTimeout(ctx, lookupTime)
		kad.Lookup(limited, self, target, start, d.ask)
		cancel()
	}
	if targets == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()

	d.lookWait = min(2*d.lookWait, lookLate)
	if d.news > 0 {
		d.lookWait = lookSoon
	}
}

// ask is FindNode, and keeps account of who answers. A contact without an ID is
// whoever answers.
func (d *discovery) ask(ctx context.Context, c kad.Contact, target kad.ID) ([]kad.Contact, error) {
	found, who, rtt, err := d.host.findNode(ctx, c.Addr, target)
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
			d.failed(c, now)
		}
		return nil, err
	}
	d.answered(kad.Contact{ID: who, Addr: c.Addr}, rtt, now)
	for _, f := range found {
		d.heard(f.Addr, roster.Source(c.Addr), now)
	}
	if c.ID != (kad.ID{}) && c.ID != who {
		d.table.Failed(c.ID)
		return nil, errStranger
	}
	return found, nil
}

// answered notes that a node answered at an address. Locked.
func (d *discovery) answered(c kad.Contact, rtt time.Duration, now time.Time) {
	if c.ID == d.table.Self() {
		d.book.Forget(c.Addr)
		if len(d.own) < ownMost {
			d.own[c.Addr] = true
		}
		return
	}
	if !d.book.Live(c.Addr, now) {
		d.news++
	}
	d.book.Answered(c.Addr, roster.ID(c.ID), rtt, now)
	d.table.Add(c)
}

// failed notes that nobody answered. Locked.
func (d *discovery) failed(c kad.Contact, now time.Time) {
	d.book.Failed(c.Addr, now, d.rng)
	d.table.Failed(c.ID)
}

// heard notes what somebody says. Locked.
func (d *discovery) heard(addr, source string, now time.Time) {
	if d.own[addr] || addr == d.host.Advertised() {
		return
	}
	before := d.book.Len()
	if d.book.Heard(addr, source, now); d.book.Len() > before {
		d.news++
	}
}

// choose fills the active set and has the host keep streams to it.
func (d *discovery) choose(now time.Time) {
	d.mu.Lock()
	banned := func(k roster.Known) bool { return d.host.bans.has(banName(k.ID, ""), k.Addr) }
	known := slices.DeleteFunc(d.book.Alive(now), func(k roster.Known) bool { return k.ID == d.host.id || banned(k) })
	for _, m := range d.active.Members() {
		if banned(m.Known) {
			d.active.Remove(m.ID)
		}
	}
	d.active.Choose(known, now, d.rng)
	wanted := map[ID]string{}
	for _, m := range d.active.Members() {
		wanted[ID(m.ID)] = m.Addr
	}
	var leave, keep []string
	for id, addr := range d.kept {
		if wanted[id] != addr {
			leave = append(leave, addr)
			delete(d.kept, id)
		}
	}
	for id, addr := range wanted {
		if d.kept[id] == "" {
			keep = append(keep, addr)
			d.kept[id] = addr
		}
	}
	d.mu.Unlock()
	for _, addr := range leave {
		d.host.Leave(addr)
	}
	for _, addr := range keep {
		d.host.Keep(addr)
	}
}
