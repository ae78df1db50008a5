package p2p

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/chaindyno/chaindyno/internal/tlsx"
)

// Bounds of the wire and of what is kept for peers. Bytes where nothing else is
// said.
const (
	// MessageBytes bounds one message in either direction.
	MessageBytes = 2 << 20

	chunkBytes     = 1 << 20 // bodies in one frame or part; a transaction of 100,000 more is possible
	announceIDs    = 8192    // in one frame
	poolIDs        = 65_536  // of the pool that are announced to a peer at once; the next beat goes on
	pendingTxs     = 65_536  // announcements that wait for one peer; beyond: dropped and counted
	pendingBytes   = 16 << 20
	acceptedTxs    = 131_072 // accepted and not yet gathered; beyond: dropped and counted
	wantedTxs      = 131_072 // asked for, of all peers; beyond: not asked for, and counted
	knownTxs       = 200_000 // of one generation; there are two
	orphanTxs      = 20_000
	orphanBytes    = 16 << 20
	urgentFrames   = 512 // beyond: the peer is too slow and is let go
	answerFrames   = 16
	requestFrames  = 4096    // requests of one peer that wait: an announcement each Linger leads to fewer in SilentAfter
	requestBytes   = 5 << 20 // of those, encoded: wantedTxs fit; beyond either: the peer is too slow and is let go
	compactFrames  = 16      // compact blocks of one peer that wait; beyond: dropped, found by the next heartbeat
	headersAtOnce  = 10_000
	blocksAtOnce   = 1024
	cachedBlocks   = 4 // whole blocks kept to answer requests for their transactions
	syncPeers      = 4 // that blocks are fetched from at once
	maxPeers       = 64
	recentBlocks   = 512
	recentMessages = 1 << 17
)

// Config of a Host. Start from DefaultConfig: a zero field is not a default.
type Config struct {
	Listen         string // host:port; port 0 picks a free one
	Advertise      string // host:port that others dial; "" = the bound address
	AllowPlaintext bool   // permit addresses off loopback without TLS
	ServerTLS      *tls.Config
	ClientTLS      *tls.Config
	Client         string // software and version, told to peers

	Seeds     []string      // host:port of nodes that others are found through
	Fixed     bool          // keep streams to the seeds, and look for no others
	PeersFile string        // where known addresses and bans are kept; "" = nowhere
	Flood     bool          // send bodies at once instead of announcing IDs
	Hops      int           // nodes that a message passes at most
	Linger    time.Duration // longest wait to gather an announcement

	Active  int // peers that the node connects to
	Random  int // of those, kept for random ones
	Inbound int // peers that may connect to the node

	FramesPerS int // of one peer, past which it floods; an honest one sends a frame every few milliseconds

	BeatEvery    time.Duration // between heartbeats
	SilentAfter  time.Duration // a peer that sends nothing is let go
	AskTimeout   time.Duration // a peer that does not answer; another one is asked
	CallTimeout  time.Duration // of a short call
	RetryFirst   time.Duration // wait before a lost peer is dialled again; doubles
	RetryMost    time.Duration
	BanFor       time.Duration
	Segment      int           // headers that are fetched and followed at once
	WindowBytes  int64         // blocks that are fetched and not yet accepted
	BatchTimeout time.Duration // a SyncData stream that sends nothing is given up
}

// DefaultConfig returns the defaults: loopback, plaintext, announcements.
func DefaultConfig() Config {
	return Config{
		Listen: "127.0.0.1:0", Hops: 16, Linger: 5 * time.Millisecond,
		Active: 8, Random: 2, Inbound: 48, FramesPerS: 5000,
		BeatEvery: 2 * time.Second, SilentAfter: 8 * time.Second, AskTimeout: 2 * time.Second, CallTimeout: 5 * time.Second,
		RetryFirst: 200 * time.Millisecond, RetryMost: 3 * time.Second, BanFor: time.Minute,
		Segment: headersAtOnce, WindowBytes: 64 << 20, BatchTimeout: 5 * time.Second,
	}
}

// Validate returns the first setting that is out of its range.
func (c *Config) Validate() error {
	if err := c.validateAddrs(); err != nil {
		return err
	}
	return cmp.Or(
		inRange("hops", c.Hops, 1, 255),
		inRange("linger", c.Linger, 0, time.Second),
		inRange("active", c.Active, 1, maxPeers/2),
		inRange("random", c.Random, 0, c.Active),
		inRange("inbound", c.Inbound, 0, maxPeers),
		inRange("active and inbound together", c.Active+c.Inbound, 1, maxPeers),
		inRange("frames per second", c.FramesPerS, 1, 1<<20),
		inRange("beat every", c.BeatEvery, time.Millisecond, time.Hour),
		inRange("silent after", c.SilentAfter, c.BeatEvery, 24*time.Hour),
		inRange("ask timeout", c.AskTimeout, time.Millisecond, time.Hour),
		inRange("call timeout", c.CallTimeout, time.Millisecond, time.Hour),
		inRange("retry first", c.RetryFirst, time.Millisecond, time.Hour),
		inRange("retry most", c.RetryMost, c.RetryFirst, time.Hour),
		inRange("ban for", c.BanFor, time.Millisecond, 24*time.Hour),
		inRange("segment", c.Segment, 1, headersAtOnce),
		inRange("window bytes", c.WindowBytes, 1<<20, 1<<32),
		inRange("batch timeout", c.BatchTimeout, time.Millisecond, time.Hour),
	)
}

func (c *Config) validateAddrs() error {
	named := append([]string{c.Listen}, c.Seeds...)
	if c.Advertise != "" {
		named = append(named, c.Advertise)
	}
	for _, addr := range named {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return fmt.Errorf("peers: %q is not host:port", addr)
		}
	}
	if (c.ServerTLS == nil) != (c.ClientTLS == nil) {
		return fmt.Errorf("peers: mutual TLS needs both ends")
	}
	if !c.AllowPlaintext && c.ServerTLS == nil && !tlsx.Loopback(c.Listen) {
		return fmt.Errorf("peers: %q is not a loopback address: set up TLS, or permit plaintext explicitly", c.Listen)
	}
	return nil
}

func inRange[T int | int64 | time.Duration](name string, v, low, high T) error {
	if v < low || v > high {
		return fmt.Errorf("peers: %s: %v is not within %v to %v", name, v, low, high)
	}
	return nil
}
