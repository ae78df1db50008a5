package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// sealer is a node that makes blocks when asked to, and a connection to it.
func sealer(t *testing.T) (*liveNode, *client.Client) {
	t.Helper()
	n := startNode(t, small(t.TempDir(), "--set", "miner.on_demand=true", "--set", "miner.pace=0s", "--set", "miner.pace_min=0s"))
	c, err := client.Dial(n.ready.Listen, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return n, c
}

func seal(t *testing.T, c *client.Client, n int) {
	t.Helper()
	if _, err := c.Seal(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

// sealed gets a transfer into a block, with others below and above, and
// returns its ID.
func sealed(t *testing.T, c *client.Client) ledger.Hash {
	t.Helper()
	info, err := c.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seal(t, c, 2)
	id := offer(t, c, info.Params)
	seal(t, c, 3)
	return id
}

// liar passes calls on to a node and changes what comes back.
type liar struct {
	chainpb.UnimplementedChainServer
	honest  chainpb.ChainClient
	headers func(from uint32, packed []byte) []byte
	proof   func(*chainpb.ProofReply)
	info    func(*chainpb.InfoReply)
}

func (l *liar) Info(ctx context.Context, r *chainpb.InfoRequest) (*chainpb.InfoReply, error) {
	m, err := l.honest.Info(ctx, r)
	if err == nil && l.info != nil {
		l.info(m)
	}
	return m, err
}

func (l *liar) Proof(ctx context.Context, r *chainpb.ProofRequest) (*chainpb.ProofReply, error) {
	m, err := l.honest.Proof(ctx, r)
	if err == nil && l.proof != nil {
		l.proof(m)
	}
	return m, err
}

func (l *liar) Headers(r *chainpb.HeadersRequest, out grpc.ServerStreamingServer[chainpb.HeadersReply]) error {
	in, err := l.honest.Headers(out.Context(), r)
	if err != nil {
		return err
	}
	for {
		m, err := in.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if l.headers != nil {
			m.Headers = l.headers(m.Height, m.Headers)
		}
		if err := out.Send(m); err != nil {
			return err
		}
	}
}

// serve starts the liar and returns its address.
func (l *liar) serve(t *testing.T, node string) string {
	t.Helper()
	conn, err := grpc.NewClient(node, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	l.honest = chainpb.NewChainClient(conn)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	chainpb.RegisterChainServer(s, l)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(listener)
	}()
	t.Cleanup(func() {
		s.Stop()
		<-done
		_ = conn.Close()
	})
	return listener.Addr().String()
}

func TestProof(t *testing.T) {
	n, c := sealer(t)
	id := sealed(t, c)
	rules := filepath.Join(t.TempDir(), "node.yaml")
	if err := os.WriteFile(rules, []byte("network: {dev_outputs: 64, bits: 0x207fffff}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	backwards, _ := readHash(id.String())
	for name, args := range map[string][]string{
		"by the genesis": {id.String(), "--genesis", n.ready.Genesis},
		"by the rules":   {id.String(), "--config", rules},
		"by both":        {id.String(), "--config", rules, "--genesis", n.ready.Genesis},
		"the other way":  {backwards[1].String(), "--config", rules},
	} {
		code, out, stderr := call(t, append([]string{"proof", "--target", n.ready.Listen}, args...)...)
		if code != exitPass {
			t.Errorf("%s: code %d: %s", name, code, stderr)
		}
		for _, want := range []string{"transaction    " + id.String(), "in block       3  ", "confirmations  3\n", "6 headers verified", n.ready.Genesis} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q is not in\n%s", name, want, out)
			}
		}
	}
}

// flip changes one byte of the header at a height.
func flip(height uint32, at int) func(uint32, []byte) []byte {
	return func(from uint32, b []byte) []byte {
		if i := int(height-from)*ledger.HeaderSize + at; height >= from && i < len(b) {
			b[i] ^= 1
		}
		return b
	}
}

// TestProofLies asks a node that lies in every way there is, alone and beside
// an honest one.
func TestProofLies(t *testing.T) {
	n, c := sealer(t)
	id := sealed(t, c) // in block 3 of 5
	for name, tc := range map[string]struct {
		liar liar
		want string // of the liar alone
	}{
		"another root":       {liar{headers: flip(3, 40)}, "at height "},
		"another past":       {liar{headers: flip(2, 0)}, "at height 2 has an unknown version"},
		"another genesis":    {liar{headers: flip(0, 70)}, "at height 0 is not the genesis"},
		"easier target":      {liar{headers: flip(4, 74)}, "at height 4 has another target"},
		"a header left out":  {liar{headers: func(_ uint32, b []byte) []byte { return append(b[:80:80], b[160:]...) }}, "at height 1 does not follow"},
		"no headers":         {liar{headers: func(uint32, []byte) []byte { return nil }}, "sent no header"},
		"half a header":      {liar{headers: func(_ uint32, b []byte) []byte { return b[:100] }}, "100 bytes of headers"},
		"too short a chain":  {liar{headers: func(_ uint32, b []byte) []byte { return b[:3*80] }}, "at height 3, which is not in the heaviest chain"},
		"another sibling":    {liar{proof: func(p *chainpb.ProofReply) { p.Siblings[0] ^= 1 }}, "does not lead to the Merkle root of block 3"},
		"another position":   {liar{proof: func(p *chainpb.ProofReply) { p.Index ^= 1 }}, "does not lead to the Merkle root of block 3"},
		"one level too many": {liar{proof: func(p *chainpb.ProofReply) { p.Siblings = append(p.Siblings, p.Siblings...) }}, "does not lead to the Merkle root of block 3"},
		"another height":     {liar{proof: func(p *chainpb.ProofReply) { p.Block.Height-- }}, "at height 2, which is not in the heaviest chain"},
		"another block":      {liar{proof: func(p *chainpb.ProofReply) { p.Block.Hash[0] ^= 1 }}, "broken reply"},
	} {
		t.Run(name, func(t *testing.T) {
			l := tc.liar
			address := l.serve(t, n.ready.Listen)
			code, _, stderr := call(t, "proof", id.String(), "--genesis", n.ready.Genesis, "--target", address)
			if code != exitFail || !strings.Contains(stderr, tc.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("alone: code %d, %swant %q", code, stderr, tc.want)
			}
			code, out, stderr := call(t, "proof", id.String(), "--genesis", n.ready.Genesis, "--target", address, "--target", n.ready.Listen)
			if code != exitPass || !strings.Contains(out, "confirmations  3\n") {
				t.Errorf("beside an honest node: code %d, %s\n%s", code, stderr, out)
			}
		})
	}
}

// TestProofRulesAreNotTheNodes has a node tell other rules than those of its
// genesis.
func TestProofRulesAreNotTheNodes(t *testing.T) {
	n, c := sealer(t)
	id := sealed(t, c)
	l := &liar{info: func(i *chainpb.InfoReply) { i.Params.Bits = 0x207ffffe }}
	code, _, stderr := call(t, "proof", id.String(), "--genesis", n.ready.Genesis, "--target", l.serve(t, n.ready.Listen))
	if code != exitUsage || !strings.Contains(stderr, "is of another network") {
		t.Errorf("code %d, %s", code, stderr)
	}
	// The development network's own rules give another genesis.
	code, _, stderr = call(t, "proof", id.String(), "--target", n.ready.Listen)
	if code != exitFail || !strings.Contains(stderr, "at height 0 is not the genesis") {
		t.Errorf("code %d, %s", code, stderr)
	}
}

// TestProofHeaviestChain has two branches, of which the one with more work is
// believed, whichever node is named first.
func TestProofHeaviestChain(t *testing.T) {
	with, a := sealer(t)
	without, b := sealer(t)
	id := sealed(t, a)
	seal(t, b, 9)
	args := []string{"proof", id.String(), "--genesis", with.ready.Genesis, "--target", with.ready.Listen, "--target", without.ready.Listen}
	code, _, stderr := call(t, args...)
	if code != exitFail || !strings.Contains(stderr, "which is not in the heaviest chain") || !strings.Contains(stderr, without.ready.Listen) {
		t.Errorf("code %d, %s", code, stderr)
	}
	seal(t, a, 9)
	code, out, stderr := call(t, args...)
	if code != exitPass || !strings.Contains(out, "a valid chain of less work or the same, up to 9") {
		t.Errorf("code %d, %s\n%s", code, stderr, out)
	}
}

func TestProofMistakes(t *testing.T) {
	n, c := sealer(t)
	seal(t, c, 1)
	nowhere := strings.Repeat("ab", 32)
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"123", "--target", n.ready.Listen}, exitUsage, `transaction "123": want 64 hexadecimal digits`},
		{[]string{nowhere}, exitUsage, "no target is named"},
		{[]string{nowhere, "--target", n.ready.Listen, "--genesis", "xy"}, exitUsage, `--genesis "xy": want 64 hexadecimal digits`},
		{[]string{nowhere, "--target", "192.0.2.1:7700"}, exitUsage, "is not a loopback address"},
		{[]string{nowhere, "--target", n.ready.Listen, "--genesis", nowhere}, exitUsage, "is of another network"},
		{[]string{nowhere, "--target", n.ready.Listen, "--config", "/nowhere.yaml"}, exitUsage, "/nowhere.yaml"},
		{[]string{nowhere, "--target", "127.0.0.1:1"}, exitUsage, "connection refused"},
		{[]string{nowhere, "--target", n.ready.Listen, "--genesis", n.ready.Genesis}, exitFail, "is not proved to be in the chain: node " + n.ready.Listen},
		{[]string{nowhere, "--target", n.ready.Listen, "--token-env", "NOTHING"}, exitUsage, "a token is sent over TLS only"},
	} {
		code, _, stderr := call(t, append([]string{"proof"}, tc.args...)...)
		if code != tc.code || !strings.Contains(stderr, tc.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: code %d, %swant %d, %q", tc.args, code, stderr, tc.code, tc.want)
		}
	}
}
