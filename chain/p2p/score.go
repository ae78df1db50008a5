package p2p

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
	grpcpeer "google.golang.org/grpc/peer"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/p2p/roster"
	"github.com/chaindyno/chaindyno/internal/tlsx"
)

// BanScore is the sum of faults at which a peer is banned. What an honest node
// never sends costs that much at once; what can happen to an honest node costs
// little and is forgiven.
const BanScore = 100

// forgiveHalf is the time in which half of the faults are forgiven.
const forgiveHalf = time.Minute

// blame charges a peer with a fault of some kind, and bans it when it is too
// much.
func (p *peer) blame(points float64, kind string) {
	h := p.host
	banned := h.bans.blame(p.name(), p.remote, points)
	h.log.Debug("peer at fault", "peer", p.id, "kind", kind, "points", points)
	if !banned {
		return
	}
	h.counts.bans.Add(1)
	h.log.Warn("peer banned", "peer", p.id, "addr", p.addr, "remote", p.remote, "kind", kind, "for", h.cfg.BanFor)
	if f := h.ev.Banned; f != nil {
		f(kind)
	}
	p.cancel(refusedBanned)
}

// bans is the account of faults, for many goroutines: by name and, off loopback,
// where all of a machine's nodes share an address, by host. So a peer that comes
// back, or comes under another name, does not begin anew.
type bans struct {
	mu     sync.Mutex
	scores *roster.Scores
}

func newBans(first time.Duration) bans {
	cfg := roster.DefaultScoreConfig()
	cfg.Limit, cfg.HalfLife, cfg.Ban, cfg.BanMost = BanScore, forgiveHalf, first, max(cfg.BanMost, first)
	return bans{scores: roster.NewScores(cfg)}
}

// banName is what the account knows a node by: its ID and, with TLS, its
// certificate. Anybody can call himself by another's ID, and would have that
// banned for his own faults.
func banName(id ID, cert string) string { return hex.EncodeToString(id[:]) + cert }

// certOf returns what tells the certificate of the other end from others: a part
// of the hash of its key; "" without TLS.
func certOf(stream frames) string {
	from, ok := grpcpeer.FromContext(stream.Context())
	if !ok {
		return ""
	}
	info, ok := from.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(info.State.PeerCertificates[0].RawSubjectPublicKeyInfo)
	return "@" + hex.EncodeToString(sum[:16])
}

// blame adds points; it says whether that banned a peer that was not banned.
func (b *bans) blame(name, remote string, points float64) (banned bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for _, key := range banKeys(name, remote) {
		was := b.scores.Banned(key, now)
		if b.scores.Blame(key, points, now) && !was {
			banned = true
		}
	}
	return banned
}

func (b *bans) has(name, remote string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	return slices.ContainsFunc(banKeys(name, remote), func(key string) bool { return b.scores.Banned(key, now) })
}

// of returns the points of a node.
func (b *bans) of(name string) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.scores.Of(name, time.Now())
}

func banKeys(name, remote string) []string {
	keys := []string{name}
	if host, _, err := net.SplitHostPort(remote); err == nil && !tlsx.Loopback(remote) {
		keys = append(keys, host)
	}
	return keys
}

// IDs beyond which a peer floods, each second and at once. An honest one sends
// each once.
const (
	idsPerSecond = 200_000
	idsAtOnce    = 1_000_000
)

// framesAtOnce is how many times Config.FramesPerS may come at once.
const framesAtOnce = 4

// budget bounds what one peer may send. It belongs to the goroutine that reads.
type budget struct {
	framesPerS  float64
	frames, ids bucket
}

func (b *budget) frame(now time.Time) bool {
	return b.frames.take(1, b.framesPerS, framesAtOnce*b.framesPerS, now)
}

func (b *budget) announce(n int, now time.Time) bool {
	return b.ids.take(n, idsPerSecond, idsAtOnce, now)
}

// bucket is a token bucket that begins full.
type bucket struct {
	used float64
	at   time.Time
}

func (b *bucket) take(n int, perSecond, most float64, now time.Time) bool {
	b.used = max(0, b.used-now.Sub(b.at).Seconds()*perSecond) + float64(n)
	b.at = now
	return b.used <= most
}

// faultOf says how much a refused transaction counts against the peer that has
// sent it: nothing where the pools of two honest nodes can differ.
func faultOf(answer ledger.Reject) float64 {
	switch answer {
	case ledger.RejectSignature, ledger.RejectMalformed, ledger.RejectCoinbase, ledger.RejectInputTwice:
		return BanScore
	case ledger.RejectKeyMismatch, ledger.RejectValue, ledger.RejectFee, ledger.RejectTooLarge:
		return BanScore / 4
	}
	return 0
}

func isUnmarshal(message string) bool {
	return strings.Contains(message, "unmarshal") || strings.Contains(message, "decompress") || strings.Contains(message, "compressed")
}
