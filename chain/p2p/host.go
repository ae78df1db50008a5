package p2p

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"
	"google.golang.org/grpc"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/internal/bind"
	"github.com/chaindyno/chaindyno/internal/guard"
)

// Host is a node's place in the network. It owns its listener from New on.
type Host struct {
	chainpb.UnimplementedNodeServiceServer
	cfg      Config
	node     Node
	ev       Events
	log      *slog.Logger
	started  time.Time
	listener net.Listener
	meters   meters
	grpc     *grpc.Server
	guard    *guard.Guard
	id       ID // set by Run

	relay     *relay
	blocks    *blocks
	sync      *syncer
	counts    counters
	bans      bans
	discovery *discovery
	serves    chan struct{} // a place for each SyncData stream under way

	ctx context.Context // done when Run is to end
	end context.CancelFunc
	all sync.WaitGroup // every goroutine but the server's

	mu      sync.Mutex // guards everything below
	peers   map[ID]*peer
	slots   [maxPeers]time.Time // when each was let go; the far future while taken
	kept    map[string]func()   // addresses that a stream is kept to, and what ends that
	aliases map[string]ID       // who answered at an address
	changed chan struct{}       // closed when a peer came or went
}

// Options are what a Host is handed beside its configuration.
type Options struct {
	Events Events
	Log    *slog.Logger // nil: nothing is logged
}

// New binds the address. Nothing is served before Run, and the pieces of node
// are not called before.
func New(cfg Config, node Node, o Options) (*Host, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l, err := bind.TCP(cfg.Listen)
	if err != nil {
		return nil, err
	}
	h := &Host{
		cfg: cfg, node: node, ev: o.Events, log: o.Log, started: time.Now(), listener: l,
		serves: make(chan struct{}, servesAtOnce),
		peers:  map[ID]*peer{}, bans: newBans(cfg.BanFor), kept: map[string]func(){}, aliases: map[string]ID{}, changed: make(chan struct{}),
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	h.ctx, h.end = context.WithCancel(context.Background())
	h.relay, h.blocks, h.sync, h.discovery = newRelay(h), newBlocks(h), newSyncer(h), newDiscovery(h)
	h.guard = guard.New(guard.Config{Most: futileMost, PerS: futilePerS}, h.ev.closed)
	h.grpc = grpc.NewServer(h.serverOptions()...)
	chainpb.RegisterNodeServiceServer(h.grpc, h)
	return h, nil
}

// Addr is where the host listens.
func (h *Host) Addr() net.Addr { return h.listener.Addr() }

// Advertised is what peers are told to dial.
func (h *Host) Advertised() string {
	if h.cfg.Advertise != "" {
		return h.cfg.Advertise
	}
	return h.Addr().String()
}

// ID is the node's name, once it runs.
func (h *Host) ID() ID { return h.id }

// Close releases what a Host that is not run holds.
func (h *Host) Close() error {
	h.end()
	h.grpc.Stop()
	return h.listener.Close()
}

// Run joins the network under the given ID until ctx ends, and returns when all
// its goroutines have ended. It may be called once.
func (h *Host) Run(ctx context.Context, id ID) error {
	h.id = id
	h.discovery.begin()
	defer h.end()
	stop := context.AfterFunc(ctx, h.end)
	defer stop()
	served := make(chan error, 1)
	go func() {
		served <- h.grpc.Serve(h.guard.Listener(netutil.LimitListener(h.meters.listener(h.listener), maxConnections)))
	}()
	for _, run := range []func(context.Context){h.relay.gather, h.relay.sweep, h.blocks.tips, h.sync.run} {
		h.all.Go(func() { run(h.ctx) })
	}
	if h.cfg.Fixed {
		for _, addr := range h.cfg.Seeds {
			h.Keep(addr)
		}
	} else {
		h.all.Go(func() { h.discovery.run(h.ctx) })
	}
	select {
	case err := <-served:
		h.end()
		h.grpc.Stop()
		h.all.Wait()
		return fmt.Errorf("serve %s: %w", h.Addr(), err)
	case <-h.ctx.Done():
	}
	h.grpc.Stop()
	h.all.Wait()
	if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil
}

// now is the time since the host was made, in nanoseconds, on the monotonic
// clock.
func (h *Host) now() int64 { return time.Since(h.started).Nanoseconds() }

// snapshot returns the peers of now.
func (h *Host) snapshot() []*peer {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*peer, 0, len(h.peers))
	for _, p := range h.peers {
		all = append(all, p)
	}
	return all
}

// refusal is why a stream is not wanted, by kind.
type refusal string

func (r refusal) Error() string { return "refused: " + string(r) }

// The kinds of refusals.
const (
	refusedVersion refusal = "version"
	refusedNetwork refusal = "network"
	refusedSelf    refusal = "self"
	refusedTwice   refusal = "twice"
	refusedBanned  refusal = "banned"
	refusedFull    refusal = "full"
	refusedEnding  refusal = "ending"
)

var errReplaced = errors.New("another stream of the same peer is kept")

// register makes p one of the peers, or says why not. Of two streams between the
// same nodes, dialled by either at once, both keep the one whose dialler has
// the smaller ID. A second stream in the same direction is refused, and the
// first is probed: its end may have come unseen. So is a stream of another
// certificate, which would take the place of the node whose ID it uses.
func (h *Host) register(p *peer) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	old := h.peers[p.id]
	switch {
	case h.ctx.Err() != nil:
		return refusedEnding
	case old != nil && (old.outbound == p.outbound || old.dialler() == h.smaller(p.id) || old.cert != p.cert):
		h.all.Go(old.probe)
		return refusedTwice
	case old == nil && h.countLocked(p.outbound) >= h.room(p.outbound):
		return refusedFull
	}
	slot, used := h.freeSlot()
	if slot < 0 {
		return refusedFull
	}
	p.slot = slot
	h.slots[slot] = farFuture
	if used {
		h.relay.forget(p.bit())
		h.blocks.forget(p.bit())
	}
	h.peers[p.id] = p
	if old != nil {
		old.cancel(errReplaced)
	}
	h.signalLocked()
	return nil
}

var farFuture = time.Unix(1<<40, 0)

// freeSlot returns the slot that has been free for longest, so that what a lost
// peer was sent is not taken for what the next one has; used says that it was
// taken before.
func (h *Host) freeSlot() (slot int, used bool) {
	slot = -1
	for i, at := range h.slots {
		if at != farFuture && (slot < 0 || at.Before(h.slots[slot])) {
			slot = i
		}
	}
	return slot, slot >= 0 && !h.slots[slot].IsZero()
}

func (h *Host) unregister(p *peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.slots[p.slot] = time.Now()
	if h.peers[p.id] == p {
		delete(h.peers, p.id)
		h.signalLocked()
	}
}

// signalLocked wakes those who wait for a change of the peers.
func (h *Host) signalLocked() {
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *Host) countLocked(outbound bool) (n int) {
	for _, p := range h.peers {
		if p.outbound == outbound {
			n++
		}
	}
	return n
}

func (h *Host) room(outbound bool) int {
	switch {
	case outbound && h.cfg.Fixed:
		return max(h.cfg.Active, len(h.cfg.Seeds))
	case outbound:
		return h.cfg.Active
	}
	return h.cfg.Inbound
}

// smaller returns the smaller of a peer's ID and the node's own.
func (h *Host) smaller(id ID) ID {
	if string(id[:]) < string(h.id[:]) {
		return id
	}
	return h.id
}

// Info is what is known of one peer.
type Info struct {
	ID        ID
	Addr      string // that it advertises
	Remote    string // that the stream comes from or goes to
	Outbound  bool   // dialled by this node
	Client    string
	Since     time.Time
	RoundTrip time.Duration // measured by heartbeats; 0: not yet
	Tip       Tip           // that it claims
	BytesIn   uint64        // over its connection
	BytesOut  uint64
	Score     float64 // 0 is good, BanScore is the end
}

// Peers returns what is known of each peer, in no order.
func (h *Host) Peers() []Info {
	all := h.snapshot()
	list := make([]Info, len(all))
	for i, p := range all {
		list[i] = p.info()
	}
	return list
}

// Changed returns a channel that is closed when a peer has come or gone.
func (h *Host) Changed() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

// counters are Counts, for many goroutines.
type counters struct {
	framesIn, framesOut, bodies, duplicates, announcedIn, dropped, orphans atomic.Uint64
	compact, rebuilt, fetched, synced, bans, refused                       atomic.Uint64
}

// Counts returns the totals.
func (h *Host) Counts() Counts {
	c := &h.counts
	return Counts{
		FramesIn: c.framesIn.Load(), FramesOut: c.framesOut.Load(),
		Bodies: c.bodies.Load(), Duplicates: c.duplicates.Load(), AnnouncedIn: c.announcedIn.Load(),
		Dropped: c.dropped.Load(), Orphans: c.orphans.Load(),
		Compact: c.compact.Load(), Rebuilt: c.rebuilt.Load(), Fetched: c.fetched.Load(),
		BlocksSynced: c.synced.Load(), Bans: c.bans.Load(), Refused: c.refused.Load(),
	}
}

// dropped counts what a full queue has let go.
func (h *Host) dropped(queue string, n int) {
	h.counts.dropped.Add(uint64(n))
	if f := h.ev.Dropped; f != nil {
		f(queue, n)
	}
}

// slotsOf calls do for each slot in mask.
func slotsOf(mask uint64, do func(slot int)) {
	for ; mask != 0; mask &= mask - 1 {
		do(bits.TrailingZeros64(mask))
	}
}
