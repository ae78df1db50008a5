package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/holiman/uint256"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/p2p"
	"github.com/chaindyno/chaindyno/internal/buildinfo"
)

// bindPeers binds the address for other nodes. It returns nil where the node is
// to have no peers.
func bindPeers(cfg *chain.Config, api *nodeAPI, s *nodeServers, log *slog.Logger) (*p2p.Host, error) {
	c := &cfg.Peers
	if c.Listen == "" {
		return nil, nil
	}
	pc := p2p.DefaultConfig()
	pc.Listen, pc.Advertise, pc.Seeds, pc.AllowPlaintext = c.Listen, c.Advertise, c.Seeds, cfg.Insecure
	pc.Flood, pc.Hops, pc.Linger = c.Relay == chain.RelayFlood, c.Hops, time.Duration(c.Linger)
	pc.Active, pc.Random, pc.PeersFile = c.Active, c.Random, filepath.Join(cfg.Data, p2p.PeersFile)
	pc.Client = "chaindyno " + buildinfo.Read().Short()
	var err error
	if pc.ServerTLS, pc.ClientTLS, err = c.TLS.Config(); err != nil {
		return nil, err
	}
	n, events := peerNode{api}, peerEvents(s.metrics)
	events.Denied = func() { s.denied(1, "peers", "handshake") }
	events.Closed = func() { s.closed(1, "peers") }
	return p2p.New(pc, p2p.Node{Params: cfg.Network.Params(), Chain: n, Headers: n, Blocks: n, Pool: n}, p2p.Options{Events: events, Log: log})
}

// peerNode is a node as peers want it.
type peerNode struct{ api *nodeAPI }

func workOf(w *uint256.Int) p2p.Work { return w.Bytes32() }

// Tip reads tip and work of one moment.
func (p peerNode) Tip() p2p.Tip {
	for {
		at, _ := p.api.node.Tip()
		work := p.api.node.TipWork()
		if again, _ := p.api.node.Tip(); again == at {
			return p2p.Tip{Height: at.Height, Hash: at.Hash, Work: workOf(&work)}
		}
	}
}

// NextTip looks at the tip alone: a follower that has fallen behind does not
// read every block in between.
func (p peerNode) NextTip(ctx context.Context, after p2p.Tip) (p2p.Outline, error) {
	node := p.api.node
	if _, err := node.Next(ctx, chain.Ref{Height: after.Height, Hash: after.Hash}); err != nil {
		return p2p.Outline{}, err
	}
	for {
		tip := p.Tip()
		_, header := node.Tip()
		if tip.Height == 0 || header.Hash() != tip.Hash {
			continue
		}
		step, err := node.Next(ctx, chain.Ref{Height: tip.Height - 1, Hash: header.Prev})
		if err != nil {
			return p2p.Outline{}, err
		}
		if b := step.Block; b != nil && b.Hash == tip.Hash {
			return p2p.Outline{Tip: tip, Header: header, IDs: b.IDs}, nil
		}
	}
}

// Knows says whether the block is in the log.
func (p peerNode) Knows(hash ledger.Hash) bool { return p.api.node.Knows(chain.Ref{Hash: hash}) }

func (p peerNode) OpenBlock(hash ledger.Hash) (p2p.Body, error) {
	_, body, err := p.api.node.OpenBlock(hash)
	if err != nil {
		return nil, err // not a nil *BodyReader in an interface
	}
	return body, nil
}

func (p peerNode) Locator() []ledger.Hash { return p.api.node.Locator() }

func (p peerNode) HeadersAfter(locator []ledger.Hash, most int) (uint32, []ledger.Header, error) {
	return p.api.node.HeadersAfter(locator, most)
}

func (p peerNode) CheckHeaders(ctx context.Context, headers []ledger.Header) (p2p.Branch, error) {
	b, err := p.api.node.CheckHeaders(ctx, headers)
	return p2p.Branch{Tip: p2p.Tip{Height: b.Ref.Height, Hash: b.Ref.Hash, Work: workOf(&b.Work)}, Better: b.Better}, err
}

func (p peerNode) Check(ctx context.Context, b *ledger.Block) (p2p.Checked, error) {
	c, err := p.api.node.Check(ctx, b)
	if c == nil {
		return nil, err // not a nil *Checked in an interface
	}
	return c, err
}

func (p peerNode) Accept(ctx context.Context, c p2p.Checked) error {
	return p.api.node.AcceptChecked(ctx, c.(*chain.Checked))
}

func (p peerNode) Submit(payloads [][]byte, done func([]ledger.Reject, []ledger.Hash)) {
	p.api.Submit(payloads, done)
}

func (p peerNode) Pooled(ids []ledger.Hash) [][]byte { return p.api.node.Pooled(ids) }

func (p peerNode) PoolIDs(most int) []ledger.Hash { return p.api.node.PoolIDs(most) }

func (p peerNode) MatchPool(short func(ledger.Hash) uint64, want []uint64) []ledger.Tx {
	return p.api.node.MatchPool(short, want)
}
