package p2p

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/pow"
)

// stranger speaks the protocol by hand.
type stranger struct {
	chainpb.UnimplementedNodeServiceServer
	t      *testing.T
	victim *testNode
	id     ID
	tip    Tip
	addr   string
	conn   *grpc.ClientConn
	stream grpc.BidiStreamingClient[chainpb.Frame, chainpb.Frame]

	sync  func(*chainpb.SyncRequest, grpc.ServerStreamingServer[chainpb.SyncPart]) error
	asked atomic.Int64
}

func (s *stranger) SyncData(r *chainpb.SyncRequest, stream grpc.ServerStreamingServer[chainpb.SyncPart]) error {
	s.asked.Add(1)
	return s.sync(r, stream)
}

func (s *stranger) Heartbeat(context.Context, *chainpb.Beat) (*chainpb.Beat, error) {
	return &chainpb.Beat{Tip: tipState(s.tip), Id: s.id[:]}, nil
}

var strangers atomic.Uint64

func newStranger(t *testing.T, victim *testNode) *stranger {
	t.Helper()
	return newStrangerOver(t, victim, insecure.NewCredentials())
}

func newStrangerOver(t *testing.T, victim *testNode, creds credentials.TransportCredentials) *stranger {
	t.Helper()
	s := &stranger{t: t, victim: victim, tip: victim.host.node.Chain.Tip(), addr: nobody}
	binary.LittleEndian.PutUint64(s.id[:], strangers.Add(1))
	conn, err := grpc.NewClient("passthrough:///"+victim.addr(), grpc.WithTransportCredentials(creds),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(1<<30)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s.conn = conn
	return s
}

// serve offers the calls of a node.
func (s *stranger) serve(sync func(*chainpb.SyncRequest, grpc.ServerStreamingServer[chainpb.SyncPart]) error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	server := grpc.NewServer()
	s.addr, s.sync = l.Addr().String(), sync
	chainpb.RegisterNodeServiceServer(server, s)
	done := make(chan struct{})
	go func() { _ = server.Serve(l); close(done) }()
	s.t.Cleanup(func() { server.Stop(); <-done })
}

func (s *stranger) hello() *chainpb.Hello {
	p := s.victim.Params()
	genesis, rules := p.GenesisHash(), p.Digest()
	return &chainpb.Hello{Version: protocolVersion, Genesis: genesis[:], Params: rules[:], Id: s.id[:], Advertise: s.addr, Tip: tipState(s.tip)}
}

// enter does the handshake and returns why it was refused, or "".
func (s *stranger) enter(hello *chainpb.Hello) string {
	s.t.Helper()
	stream, err := chainpb.NewNodeServiceClient(s.conn).Connect(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	s.stream = stream
	s.say(&chainpb.Frame{Body: &chainpb.Frame_Hello{Hello: hello}})
	f, err := stream.Recv()
	if err != nil {
		s.t.Fatal(err)
	}
	return f.GetHello().GetRefused()
}

func (s *stranger) say(f *chainpb.Frame) { _ = s.stream.Send(f) }

// expelled waits until the stream has been ended, and requires that the
// stranger is not let in again.
func (s *stranger) expelled() {
	s.t.Helper()
	for {
		if _, err := s.stream.Recv(); err != nil {
			break
		}
	}
	if again := s.enter(s.hello()); again != string(refusedBanned) {
		s.t.Errorf("the stranger is let in again: %q", again)
	}
}

func TestHandshakeRefuses(t *testing.T) {
	n := startNode(t, options{})
	for _, tc := range []struct {
		want   string
		change func(*chainpb.Hello)
	}{
		{"version", func(h *chainpb.Hello) { h.Version++ }},
		{"network", func(h *chainpb.Hello) { h.Genesis = make([]byte, 32) }},
		{"network", func(h *chainpb.Hello) { h.Params = make([]byte, 32) }},
		{"self", func(h *chainpb.Hello) { id := n.host.ID(); h.Id = id[:] }},
		{"format", func(h *chainpb.Hello) { h.Id = nil }},
		{"format", func(h *chainpb.Hello) { h.Tip = nil }},
		{"format", func(h *chainpb.Hello) { h.Client = string(make([]byte, maxClient+1)) }},
	} {
		s := newStranger(t, n)
		h := s.hello()
		tc.change(h)
		if got := s.enter(h); got != tc.want {
			t.Errorf("refused %q, want %q", got, tc.want)
		}
	}
	s := newStranger(t, n)
	if got := s.enter(s.hello()); got != "" {
		t.Errorf("refused %q", got)
	}
	if got := s.enter(s.hello()); got != "twice" {
		t.Errorf("a second stream: refused %q", got)
	}
}

// mined gives a block a valid header on the victim's tip.
func (s *stranger) mined(b *ledger.Block) *ledger.Block {
	s.t.Helper()
	_, tip := s.victim.Node.Tip()
	b.Header = ledger.Header{
		Version: ledger.HeaderVersion, Prev: tip.Hash(), Merkle: b.Header.Merkle, Time: tip.Time + 1, Bits: tip.Bits,
	}
	r, err := pow.Search(s.t.Context(), b.Header, pow.SearchConfig{Threads: 1})
	if err != nil {
		s.t.Fatal(err)
	}
	b.Header = r.Header
	return b
}

// blockFrame is a compact block of a coinbase alone.
func blockFrame(b *ledger.Block, height uint32) *chainpb.Frame {
	header := b.Header.Encode()
	return &chainpb.Frame{Body: &chainpb.Frame_Block{Block: &chainpb.CompactBlock{
		Header: header[:], Height: height, Salt: make([]byte, 8), Coinbase: b.Txs[0].Bytes(), Work: bytes.Repeat([]byte{1}, 32),
	}}}
}

func coinbase(t *testing.T, height uint32, value uint64) ledger.Tx {
	t.Helper()
	raw := ledger.AppendCoinbase(nil, height, 7, []ledger.Output{{Value: value}})
	tx, _, err := ledger.ParseTx(raw, len(raw))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// Each of these is banned for it, and the victim goes on with an honest peer.
func TestHostilePeersAreBanned(t *testing.T) {
	for _, tc := range []struct {
		name   string
		attack func(s *stranger)
	}{
		{"undecodable body", func(s *stranger) { s.say(frameTxs(&chainpb.Txs{Bodies: []byte("junk"), Sizes: []uint32{4}})) }},
		{"sizes that lie", func(s *stranger) { s.say(frameTxs(&chainpb.Txs{Bodies: []byte("junk"), Sizes: []uint32{1 << 31}})) }},
		{"hashes that are none", func(s *stranger) {
			s.say(&chainpb.Frame{Body: &chainpb.Frame_Announce{Announce: &chainpb.Announce{Ids: make([]byte, 33)}}})
		}},
		{"a frame that is none", func(s *stranger) { s.say(&chainpb.Frame{}) }},
		{"a second hello", func(s *stranger) { s.say(&chainpb.Frame{Body: &chainpb.Frame_Hello{Hello: s.hello()}}) }},
		{"oversized message", func(s *stranger) {
			s.say(frameTxs(&chainpb.Txs{Bodies: make([]byte, MessageBytes+1), Sizes: []uint32{MessageBytes + 1}}))
		}},
		{"invalid signature", func(s *stranger) {
			raw := newWallet(s.victim.Params()).pay(200)
			raw[7+36+32+5] ^= 1 // within the first signature
			tx, _, err := ledger.ParseTx(raw, len(raw))
			if err != nil {
				s.t.Fatal(err)
			}
			id := tx.ID()
			s.say(frameTxs(&chainpb.Txs{Bodies: raw, Sizes: []uint32{uint32(len(raw))}, Messages: id[:], Hops: []byte{0}}))
		}},
		{"flooded body under another ID", func(s *stranger) {
			raw := newWallet(s.victim.Params()).pay(201)
			s.say(frameTxs(&chainpb.Txs{Bodies: raw, Sizes: []uint32{uint32(len(raw))}, Messages: make([]byte, 32), Hops: []byte{0}}))
		}},
		{"flood of frames", func(s *stranger) {
			for s.stream.Send(&chainpb.Frame{Body: &chainpb.Frame_Pong{Pong: &chainpb.Ping{}}}) == nil {
			}
		}},
		{"block with another Merkle root", func(s *stranger) {
			s.say(blockFrame(s.mined(&ledger.Block{Txs: []ledger.Tx{coinbase(s.t, 2, 1)}}), 2))
		}},
		{"block that pays too much", func(s *stranger) {
			tx := coinbase(s.t, 2, 1<<50)
			s.say(blockFrame(s.mined(&ledger.Block{Header: ledger.Header{Merkle: tx.ID()}, Txs: []ledger.Tx{tx}}), 2))
		}},
		{"block without work", func(s *stranger) {
			tx := coinbase(s.t, 2, 1)
			b := s.mined(&ledger.Block{Header: ledger.Header{Merkle: tx.ID()}, Txs: []ledger.Tx{tx}})
			for limit := b.Header.Bits; pow.CheckWork(&b.Header, limit); {
				b.Header.Nonce++
			}
			s.say(blockFrame(b, 2))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			victim := startNode(t, options{host: func(c *Config) { c.FramesPerS = 500 }}) // which any machine can exceed
			honest := startNode(t, options{}, victim.addr())
			connected(t, victim, 1)
			honest.seal(1)
			converged(t, victim, honest)
			s := newStranger(t, victim)
			if got := s.enter(s.hello()); got != "" {
				t.Fatalf("refused %q", got)
			}
			tc.attack(s)
			s.expelled()
			goesOn(t, victim, honest)
		})
	}
}

// goesOn requires that two nodes still work together.
func goesOn(t *testing.T, victim, honest *testNode) {
	t.Helper()
	honest.mustSubmit(newWallet(honest.Params()).rounds(1, 5))
	pooled(t, 5, victim)
	honest.seal(1)
	converged(t, victim, honest)
	if tip, _ := victim.Node.Tip(); tip.Height != 2 {
		t.Errorf("height %d", tip.Height)
	}
}

// What peers claim and cannot show does no harm.
func TestHostileSync(t *testing.T) {
	for _, tc := range []struct {
		name string
		sync func(s *stranger) func(*chainpb.SyncRequest, grpc.ServerStreamingServer[chainpb.SyncPart]) error
	}{
		{"headers without work", func(*stranger) func(*chainpb.SyncRequest, grpc.ServerStreamingServer[chainpb.SyncPart]) error {
			return func(r *chainpb.SyncRequest, stream grpc.ServerStreamingServer[chainpb.SyncPart]) error {
				headers := make([]ledger.Header, 100)
				prev := ledger.Hash(r.Headers.Locator)
				for i := range headers {
					headers[i] = ledger.Header{Version: 1, Prev: prev, Bits: 0x1d00ffff}
					prev = headers[i].Hash()
				}
				for from := uint32(2); ; from += 100 {
					if err := stream.Send(&chainpb.SyncPart{Headers: packHeaders(headers), From: from}); err != nil {
						return err
					}
				}
			}
		}},
		{"no headers", func(*stranger) func(*chainpb.SyncRequest, grpc.ServerStreamingServer[chainpb.SyncPart]) error {
			return func(*chainpb.SyncRequest, grpc.ServerStreamingServer[chainpb.SyncPart]) error { return nil }
		}},
		{"part of a header", func(*stranger) func(*chainpb.SyncRequest, grpc.ServerStreamingServer[chainpb.SyncPart]) error {
			return func(_ *chainpb.SyncRequest, stream grpc.ServerStreamingServer[chainpb.SyncPart]) error {
				return stream.Send(&chainpb.SyncPart{Headers: make([]byte, 81), From: 2})
			}
		}},
		{"another block's body", func(s *stranger) func(*chainpb.SyncRequest, grpc.ServerStreamingServer[chainpb.SyncPart]) error {
			tx := coinbase(s.t, 2, 1)
			b := s.mined(&ledger.Block{Header: ledger.Header{Merkle: tx.ID()}, Txs: []ledger.Tx{tx}})
			body := (&ledger.Block{Header: b.Header, Txs: []ledger.Tx{coinbase(s.t, 2, 3)}}).Append(nil)
			return func(r *chainpb.SyncRequest, stream grpc.ServerStreamingServer[chainpb.SyncPart]) error {
				if r.Headers != nil {
					return stream.Send(&chainpb.SyncPart{Headers: packHeaders([]ledger.Header{b.Header}), From: 2})
				}
				return stream.Send(&chainpb.SyncPart{Size: uint32(len(body)), Data: body})
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			victim := startNode(t, options{})
			honest := startNode(t, options{}, victim.addr())
			connected(t, victim, 1)
			honest.seal(1)
			converged(t, victim, honest)
			s := newStranger(t, victim)
			s.serve(tc.sync(s))
			s.tip = Tip{Height: 1000, Hash: ledger.Hash{1}, Work: Work(bytes.Repeat([]byte{1}, 32))}
			if got := s.enter(s.hello()); got != "" {
				t.Fatalf("refused %q", got)
			}
			s.expelled()
			if s.asked.Load() == 0 {
				t.Error("the stranger was not asked")
			}
			goesOn(t, victim, honest)
		})
	}
}

// A peer that claims ever more work than it can show does not keep a node from
// the blocks of honest ones.
func TestEverMoreClaims(t *testing.T) {
	victim := startNode(t, options{host: func(c *Config) { c.BeatEvery, c.SilentAfter = time.Hour, time.Hour }})
	s := newStranger(t, victim)
	claims := atomic.Uint32{}
	more := func() Tip {
		n := claims.Add(1)
		tip := Tip{Height: 1000 + n, Hash: ledger.Hash{1}, Work: Work(bytes.Repeat([]byte{1}, 32))}
		binary.LittleEndian.PutUint32(tip.Hash[4:], n)
		return tip
	}
	s.serve(func(_ *chainpb.SyncRequest, stream grpc.ServerStreamingServer[chainpb.SyncPart]) error {
		if tip := more(); stream.Context().Err() == nil {
			s.say(frameTip(tip))
			within(s.t, "the next claim", func() bool {
				return stream.Context().Err() != nil || slices.ContainsFunc(victim.host.Peers(), func(p Info) bool { return p.Tip == tip })
			})
		}
		return nil
	})
	s.tip = more()
	if got := s.enter(s.hello()); got != "" {
		t.Fatalf("refused %q", got)
	}
	within(t, "several attempts", func() bool { return s.asked.Load() > 5 })
	honest := startNode(t, options{})
	honest.seal(50)
	honest.host.Keep(victim.addr())
	converged(t, victim, honest)
	if n := victim.host.Counts().Bans; n != 0 {
		t.Errorf("%d bans: the claims were not followed to the end", n)
	}
}

// unread asks for far more than any window has room for, and does not read it.
func (s *stranger) unread(ctx context.Context) grpc.ServerStreamingClient[chainpb.SyncPart] {
	s.t.Helper()
	tip, _ := s.victim.Node.Tip()
	stream, err := chainpb.NewNodeServiceClient(s.conn).SyncData(ctx, &chainpb.SyncRequest{
		Blocks: &chainpb.BlocksWanted{Hashes: bytes.Repeat(tip.Hash[:], blocksAtOnce)},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return stream
}

// outcome reads a stream to its end.
func outcome(stream grpc.ServerStreamingClient[chainpb.SyncPart]) codes.Code {
	for {
		switch _, err := stream.Recv(); err {
		case nil:
		case io.EOF:
			return codes.OK
		default:
			return status.Code(err)
		}
	}
}

// One connection cannot take all places of those who are served.
func TestServesOfOne(t *testing.T) {
	victim := startNode(t, options{host: func(c *Config) { c.BatchTimeout = time.Hour }})
	victim.mustSubmit(newWallet(victim.Params()).rounds(10, 200))
	victim.seal(1)
	s, other := newStranger(t, victim), newStranger(t, victim)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range servesOfOne {
		s.unread(ctx)
	}
	within(t, "its places taken", func() bool { return len(victim.host.serves) == servesOfOne })
	if got := outcome(s.unread(ctx)); got != codes.Unavailable {
		t.Errorf("one too many: %v", got)
	}
	if _, err := other.unread(ctx).Recv(); err != nil {
		t.Errorf("another connection: %v", err)
	}
	cancel()
	within(t, "places given back", func() bool { return len(victim.host.serves) == 0 })
}

// Who does not read is not served for ever.
func TestUnreadStreamEnds(t *testing.T) {
	victim := startNode(t, options{host: func(c *Config) { c.BatchTimeout = 50 * time.Millisecond }})
	victim.mustSubmit(newWallet(victim.Params()).rounds(10, 200))
	victim.seal(1)
	s := newStranger(t, victim)
	stream := s.unread(t.Context())
	if got := outcome(stream); got != codes.DeadlineExceeded { // it is too much to be read in that time
		t.Errorf("who did not read: %v", got)
	}
	within(t, "its place given back", func() bool { return len(victim.host.serves) == 0 })
}

// asks sends as many requests at once, each for all of the IDs.
func (s *stranger) asks(requests int, ids []ledger.Hash) {
	for range requests {
		s.say(frameWant(ids))
	}
}

// A node that stood still asks, when it comes back, for all that was announced
// meanwhile, before it takes the first answer.
func TestRequestsAfterAStall(t *testing.T) {
	const requests = 350
	victim := startNode(t, options{host: func(c *Config) { c.BeatEvery, c.SilentAfter = time.Hour, time.Hour }})
	victim.mustSubmit(newWallet(victim.Params()).rounds(1, 100))
	ids := victim.PoolIDs(100)
	s := newStranger(t, victim)
	if got := s.enter(s.hello()); got != "" {
		t.Fatalf("refused %q", got)
	}
	s.asks(requests, ids)
	within(t, "all requests, or its end", func() bool {
		return victim.host.Counts().FramesIn >= requests || len(victim.host.Peers()) == 0
	})
	for bodies := 0; bodies < requests*len(ids); {
		f, err := s.stream.Recv()
		if err != nil {
			t.Fatalf("ended after %d bodies, with %d bans: %v", bodies, victim.host.Counts().Bans, err)
		}
		bodies += len(f.GetTxs().GetSizes())
	}
}

// Who asks without end and takes no answer is let go, and is not banned: a slow
// node differs from it by nothing but patience.
func TestRequestsWithoutEnd(t *testing.T) {
	for _, each := range []int{1, announceIDs} {
		h := newIdle(t)
		p := h.join(0)
		f := frameWant(names(each))
		taken := 0
		for ; taken <= requestFrames && p.request(f) == nil; taken++ {
		}
		if bytes := taken * each * hashBytes; bytes > requestBytes || taken > requestFrames || bytes < wantedTxs*hashBytes && taken < requestFrames {
			t.Errorf("%d requests for %d each wait", taken, each)
		}
	}
	victim := startNode(t, options{host: func(c *Config) { c.BeatEvery, c.SilentAfter = time.Hour, time.Hour }})
	honest := startNode(t, options{}, victim.addr())
	connected(t, victim, 1)
	victim.mustSubmit(newWallet(victim.Params()).rounds(1, 100))
	pooled(t, 100, honest)
	s := newStranger(t, victim)
	if got := s.enter(s.hello()); got != "" {
		t.Fatalf("refused %q", got)
	}
	ids := slices.Repeat(victim.PoolIDs(100), announceIDs/100)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for s.stream.Send(frameWant(ids)) == nil {
		}
	}()
	within(t, "its end", func() bool { return len(victim.host.Peers()) == 1 })
	for err := error(nil); err == nil; { // of which it hears after what was on its way
		_, err = s.stream.Recv()
	}
	<-ended
	if n := victim.host.Counts().Bans; n != 0 {
		t.Errorf("%d bans", n)
	}
	if got := s.enter(s.hello()); got != "" {
		t.Errorf("the stranger is refused %q", got)
	}
}

// Who announces a block and withholds it holds it up for patience at most, and
// not at all once somebody has it; each block is judged by one at a time.
func TestClaims(t *testing.T) {
	h := newIdle(t)
	h.cfg.AskTimeout = 20 * time.Millisecond
	b, hash, ctx := h.blocks, ledger.Hash{1}, t.Context()
	withheld := b.claim(ctx, hash)
	second := b.claim(ctx, hash) // after patience
	if second == nil || second == withheld {
		t.Fatal("nobody can pass by")
	}
	if !b.judge(ctx, hash, withheld) { // it came after all
		t.Error("who has the block may not judge it")
	}
	short, cancel := context.WithCancel(ctx)
	turn := make(chan bool, 2)
	go func() { turn <- b.judge(short, hash, second) }()
	go func() { turn <- b.claim(short, hash) != nil }()
	b.mu.Lock()
	if b.claims[hash] != withheld {
		t.Error("who judges was passed by")
	}
	b.mu.Unlock()
	cancel()
	for range cap(turn) {
		if <-turn {
			t.Error("somebody works on a block that is being judged")
		}
	}
	b.release(hash, withheld)
	if !b.judge(ctx, hash, second) {
		t.Error("nobody judges it when the first has failed")
	}
	b.release(hash, second)
	if len(b.claims) != 0 {
		t.Errorf("%d claims are left", len(b.claims))
	}
}
