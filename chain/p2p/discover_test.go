package p2p

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/p2p/kad"
)

// member is one host of a test's network, and what ends it.
type member struct {
	*Host
	chain *tiny
	end   func()
}

// network starts hosts and ends them with the test.
type network struct {
	t      *testing.T
	params *ledger.Params
	rng    *rand.Rand
	all    []*member
}

func newNetwork(t *testing.T) *network {
	return &network{t: t, params: ledger.TestParams(), rng: rand.New(rand.NewPCG(1, 9))}
}

// join starts a host. The ID is drawn unless it is given.
func (n *network) join(id ID, change func(*Config)) *member {
	n.t.Helper()
	cfg := DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	chain := newTiny(n.params)
	h, err := New(cfg, chain.node(), Options{})
	if err != nil {
		n.t.Fatal(err)
	}
	chain.accepted = h.Accepted
	if id == (ID{}) {
		id = ID(kad.Random(n.rng))
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx, id) }()
	m := &member{Host: h, chain: chain}
	m.end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			n.t.Error(err)
		}
	})
	n.t.Cleanup(m.end)
	n.all = append(n.all, m)
	return m
}

func seeds(of ...*member) func(*Config) {
	return func(c *Config) {
		for _, m := range of {
			c.Seeds = append(c.Seeds, m.Advertised())
		}
	}
}

// await waits for a condition, with a deadline that only a hanging test meets.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline, tick := time.After(5*time.Minute), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not in five minutes", what)
		}
	}
}

// knows says how many nodes a host has talked to and can reach.
func (m *member) knows() int {
	d := m.discovery
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.book.Alive(time.Now()))
}

func every(all []*member, ok func(*member) bool) bool {
	return !slices.ContainsFunc(all, func(m *member) bool { return !ok(m) })
}

// TestFiftyNodes starts fifty hosts that know of the first alone. All find each
// other, each with its full set of peers; a transaction and a block, each from
// another corner, reach all; and each host is found by its ID from any. In
// short mode, which is that of the race detector too, they are sixteen: fifty
// take gigabytes there.
func TestFiftyNodes(t *testing.T) {
	nodes := 50
	if testing.Short() {
		nodes = 16
	}
	n := newNetwork(t)
	calm := func(seed ...*member) func(*Config) {
		return func(c *Config) { // 800 ends of streams in one process
			seeds(seed...)(c)
			c.BeatEvery, c.SilentAfter = 10*time.Second, time.Minute
		}
	}
	seed := n.join(ID{}, calm())
	for range nodes - 1 {
		n.join(ID{}, calm(seed))
	}
	began := time.Now()
	await(t, "everybody has its peers", func() bool {
		return every(n.all, func(m *member) bool { return len(m.Peers()) >= m.cfg.Active })
	})
	t.Logf("all have %d peers after %s", n.all[0].cfg.Active, time.Since(began).Round(time.Millisecond))
	await(t, "everybody knows everybody", func() bool {
		return every(n.all, func(m *member) bool { return m.knows() == nodes-1 })
	})
	t.Logf("all know all after %s", time.Since(began).Round(time.Millisecond))

	tx := n.all[7].chain.pay(1)
	parsed, _, err := ledger.ParseTx(tx, ledger.MaxTxBytes)
	if err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	n.all[7].chain.Submit([][]byte{tx}, func([]ledger.Reject, []ledger.Hash) {})
	await(t, "a transaction reaches all", func() bool {
		return every(n.all, func(m *member) bool { return m.chain.has(parsed.ID()) })
	})
	t.Logf("a transaction has reached all after %s", time.Since(began).Round(time.Millisecond))
	began = time.Now()
	hash := n.all[nodes*2/3].chain.seal()
	await(t, "a block reaches all", func() bool {
		return every(n.all, func(m *member) bool { return m.chain.Tip().Hash == hash })
	})
	t.Logf("a block has reached all after %s", time.Since(began).Round(time.Millisecond))
	if block := n.all[nodes-1].chain.best; len(block.Txs) != 2 || block.Txs[1].ID() != parsed.ID() {
		t.Errorf("the block has %d transactions", len(block.Txs))
	}

	from := n.all[5].discovery
	for _, m := range n.all {
		if m.Host == from.host {
			continue
		}
		from.mu.Lock()
		start := from.table.Closest(kad.ID(m.id), 3)
		from.mu.Unlock()
		await(t, "a look-up finds each", func() bool {
			found := kad.Lookup(t.Context(), kad.ID(from.host.id), kad.ID(m.id), start, from.ask)
			return len(found) > 0 && found[0] == kad.Contact{ID: kad.ID(m.id), Addr: m.Advertised()}
		})
	}
}

// TestDeadPeersReplaced ends half of the peers of a node: their places are
// given to others, and what is broadcast reaches all who live.
func TestDeadPeersReplaced(t *testing.T) {
	n := newNetwork(t)
	few := func(seed ...*member) func(*Config) {
		return func(c *Config) {
			seeds(seed...)(c)
			c.Active, c.Random, c.BeatEvery, c.SilentAfter = 4, 1, 500*time.Millisecond, 2*time.Second
		}
	}
	seed := n.join(ID{}, few())
	for range 11 {
		n.join(ID{}, few(seed))
	}
	chosen := func(m *member) (peers []ID) {
		d := m.discovery
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, p := range d.active.Members() {
			peers = append(peers, ID(p.ID))
		}
		return peers
	}
	watched := n.all[6]
	await(t, "a full set", func() bool { return len(chosen(watched)) == 4 && watched.knows() == 11 })
	gone := chosen(watched)[:2]
	for _, m := range n.all {
		if slices.Contains(gone, m.id) {
			m.end()
		}
	}
	live := slices.DeleteFunc(slices.Clone(n.all), func(m *member) bool { return slices.Contains(gone, m.id) })
	await(t, "others take the places of the dead", func() bool {
		return every(live, func(m *member) bool {
			there := map[ID]bool{}
			for _, p := range m.Peers() {
				there[p.ID] = true
			}
			peers := chosen(m)
			return len(peers) == 4 && !slices.ContainsFunc(peers, func(id ID) bool { return !there[id] })
		})
	})
	hash := watched.chain.seal()
	await(t, "a block reaches all who live", func() bool {
		return every(live, func(m *member) bool { return m.chain.Tip().Hash == hash })
	})
}

// TestPeersFile: a node that comes back finds the others without its seed, from
// what it has saved; a ban is remembered, too; a damaged file does no harm.
func TestPeersFile(t *testing.T) {
	n := newNetwork(t)
	file := filepath.Join(t.TempDir(), PeersFile)
	saving := func(seed ...*member) func(*Config) {
		return func(c *Config) {
			seeds(seed...)(c)
			c.PeersFile = file
		}
	}
	seed := n.join(ID{}, nil)
	friend := n.join(ID{}, seeds(seed))
	first := n.join(ID{}, saving(seed))
	await(t, "the first life knows both", func() bool { return first.knows() == 2 && len(friend.Peers()) == 2 })
	evil := ID{66}
	if !first.bans.blame(banName(evil, ""), "192.0.2.1:1", BanScore) {
		t.Fatal("no ban")
	}
	first.end()
	seed.end()

	second := n.join(first.id, saving())
	await(t, "the second life finds the friend", func() bool {
		return slices.ContainsFunc(second.Peers(), func(p Info) bool { return p.ID == friend.id })
	})
	if !second.bans.has(banName(evil, ""), "192.0.2.7:1") || !second.bans.has(banName(ID{1}, ""), "192.0.2.1:9") || second.bans.has(banName(ID{1}, ""), "192.0.2.7:1") {
		t.Error("the ban is not the one that was saved")
	}
	second.end()

	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	third := n.join(first.id, saving(friend))
	await(t, "the third life finds the friend", func() bool { return len(third.Peers()) == 1 })
}

// TestStrangers: addresses that are the node's own, of nobody, and of somebody
// else than was said are no peers and are not passed on.
func TestStrangers(t *testing.T) {
	n := newNetwork(t)
	honest := n.join(ID{}, nil)
	own := ""
	liar := n.join(ID{}, seeds(honest))
	victim := n.join(ID{}, func(c *Config) {
		seeds(liar)(c)
		l := "127.0.0.1:1" // nobody
		c.Seeds = append(c.Seeds, l)
	})
	own = victim.Advertised()
	await(t, "both are found", func() bool { return victim.knows() == 2 })
	d := victim.discovery
	d.mu.Lock()
	for i := range 1_000 {
		d.heard(fmt.Sprintf("127.0.0.1:%d", 2+i), "liar", time.Now())
	}
	d.heard(own, "liar", time.Now())
	d.book.Heard(own, "another", time.Now())
	if d.book.Len() > 2+1+64+1+1 {
		t.Errorf("one source has filled the book with %d addresses", d.book.Len())
	}
	d.mu.Unlock()
	if _, err := d.ask(t.Context(), kad.Contact{ID: kad.ID{7}, Addr: honest.Advertised()}, kad.ID{}); err == nil {
		t.Error("another node than expected has answered")
	}
	await(t, "the own address is recognised", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.own[own]
	})
	for _, c := range append(d.closest(kad.ID{}, kad.ID{}), d.closest(kad.ID(victim.id), kad.ID{})...) {
		if c.Addr != honest.Advertised() && c.Addr != liar.Advertised() {
			t.Errorf("%v is passed on", c)
		}
	}
}
