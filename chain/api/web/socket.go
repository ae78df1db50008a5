package web

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
)

const (
	// protocol is what both ends agree to speak. A browser can set no header on a
	// WebSocket: it offers its token as one more protocol, bearer.<hexadecimal>.
	protocol       = "chaindyno.v1"
	bearerProtocol = "bearer."

	cursorsMost  = 1000
	lastMost     = 1000
	writeTimeout = 30 * time.Second // of one event: who takes none for so long is gone
	pingTimeout  = 10 * time.Second
	socketRead   = 1 << 10 // bytes of a message from a caller, of which none is expected
)

// follower is one WebSocket under way. It has no queue: blocks are pulled at
// the caller's pace, and the cursor is all that is kept. A caller that has been
// at the tip and falls behind by more than Config.SkipOver blocks is moved to
// the tip and told so.
type follower struct {
	server   *Server
	write    func(any) error
	at       *chainpb.Ref // last block told of
	caughtUp bool
}

var errSkip = errors.New("the caller is too slow")

// socket serves /ws.
func (s *Server) socket(w http.ResponseWriter, r *http.Request) {
	var upgraded bool
	err := s.chain.Do(identified(r.Context(), socketToken(r)), chainpb.Chain_Follow_FullMethodName, func(ctx context.Context) error {
		if err := checkUpgrade(r); err != nil {
			return err
		}
		from, err := s.socketCursor(ctx, r)
		if err != nil {
			return err
		}
		select {
		case s.places <- struct{}{}:
			defer func() { <-s.places }()
		default:
			s.refused("sockets")
			return busy("%d WebSockets are served already, which is the bound", s.cfg.MaxSockets)
		}
		s.sockets.Add(1)
		defer s.sockets.Done()
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{protocol}})
		if err != nil {
			upgraded = true // Accept has answered
			return err
		}
		upgraded = true
		s.counted(1)
		defer s.counted(-1)
		s.converse(ctx, conn, from)
		return nil
	})
	if err != nil && !upgraded {
		s.fail(w, err)
	}
}

// checkUpgrade says in our words what Accept would say in its own. Pages of
// other sites may not follow the node through their readers' browsers.
func checkUpgrade(r *http.Request) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return &fault{http.StatusUpgradeRequired, "upgrade_required", "/ws is a WebSocket; a plain request gets nothing here"}
	}
	origin := r.Header.Get("Origin")
	if u, err := url.Parse(origin); origin != "" && (err != nil || !strings.EqualFold(u.Host, r.Host)) {
		return &fault{http.StatusForbidden, "permission_denied", "Origin " + strconv.Quote(origin) + " is not this node; permitted: none, or http(s)://" + r.Host}
	}
	return nil
}

func (s *Server) counted(change int) {
	if s.events.Sockets != nil {
		s.events.Sockets(change)
	}
}

// socketToken returns the Authorization of a request: its header, or what a
// browser put among the protocols.
func socketToken(r *http.Request) []string {
	list := r.Header.Values("Authorization")
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for _, p := range strings.Split(line, ",") {
			text, ok := strings.CutPrefix(strings.TrimSpace(p), bearerProtocol)
			if token, err := hex.DecodeString(text); ok && err == nil {
				list = append(list, "Bearer "+string(token))
			}
		}
	}
	return list
}

// socketCursor reads where to begin.
func (s *Server) socketCursor(ctx context.Context, r *http.Request) ([]*chainpb.Ref, error) {
	query := r.URL.Query()
	for name := range query {
		if name != "from" && name != "last" {
			return nil, badRequest("query: %q is not known here; permitted: from, last", name)
		}
	}
	if list := query["from"]; len(list) > 0 {
		if query.Has("last") || len(list) > cursorsMost {
			return nil, badRequest("permitted: from up to %d times, or last", cursorsMost)
		}
		return parseCursors(list)
	}
	last := uint64(0)
	if query.Has("last") {
		var err error
		if last, err = strconv.ParseUint(query.Get("last"), 10, 32); err != nil || last > lastMost {
			return nil, badRequest("last: %q is not permitted; permitted: 0 to %d", query.Get("last"), lastMost)
		}
	}
	at, err := s.below(ctx, uint32(last))
	if at == nil || err != nil {
		return nil, err
	}
	return []*chainpb.Ref{at}, nil
}

func parseCursors(list []string) ([]*chainpb.Ref, error) {
	var from []*chainpb.Ref
	for _, text := range list {
		height, id, ok := strings.Cut(text, ":")
		n, err := strconv.ParseUint(height, 10, 32)
		var h hash
		if !ok || err != nil || h.UnmarshalText([]byte(id)) != nil {
			return nil, badRequest("from: %q is not permitted; permitted: height:hash, with 64 hexadecimal digits", text)
		}
		from = append(from, &chainpb.Ref{Height: uint32(n), Hash: h[:]})
	}
	return from, nil
}

// below returns the block of the best chain that is n below the tip; nil means
// before the genesis.
func (s *Server) below(ctx context.Context, n uint32) (*chainpb.Ref, error) {
	m, err := s.chain.Tip(ctx, &chainpb.TipRequest{})
	if err != nil || n == 0 {
		return m.GetTip(), err
	}
	if n > m.Tip.Height {
		return nil, nil
	}
	height := m.Tip.Height - n
	list, err := s.headers(ctx, height, 1)
	if err != nil || len(list) == 0 { // none: reorganised meanwhile to a shorter chain
		return m.Tip, err
	}
	id := list[0].Hash()
	return &chainpb.Ref{Height: height, Hash: id[:]}, nil
}

// converse sends events until the caller goes, the node stops or an event can't
// be delivered. It returns when all its goroutines have.
func (s *Server) converse(ctx context.Context, conn *websocket.Conn, from []*chainpb.Ref) {
	defer func() { _ = conn.CloseNow() }() // it is closed in order already, or gone
	conn.SetReadLimit(socketRead)
	wire := context.WithoutCancel(ctx) // a read or write that is cut off would take the closing frame with it
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	unhook := context.AfterFunc(s.stopping, func() { cancel(errStopping) })
	defer unhook()
	write := func(v any) error {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		limited, stop := context.WithTimeout(wire, writeTimeout)
		defer stop()
		return conn.Write(limited, websocket.MessageText, b)
	}
	parts := []func() error{
		func() error { return listen(wire, conn) },
		func() error { return s.sendBoard(ctx, write) },
		func() error { return s.ping(ctx, wire, conn) },
		func() error { return (&follower{server: s, write: write}).run(ctx, from) },
	}
	ended := make(chan error, len(parts)) // the first says why
	var all sync.WaitGroup
	for _, part := range parts {
		all.Go(func() { ended <- part() })
	}
	code, text := closing(<-ended, context.Cause(ctx))
	_ = conn.Close(code, text) // it may be gone already
	cancel(nil)
	all.Wait()
}

var errTalks = &fault{http.StatusBadRequest, "invalid_argument", "nothing is expected from the caller"}

// listen answers pings and closing frames, until the connection ends or a
// message comes.
func listen(ctx context.Context, conn *websocket.Conn) error {
	if _, _, err := conn.Read(ctx); err != nil {
		return err
	}
	return errTalks
}

var errStopping = errors.New("the node is stopping")

// closing says with what code and text a WebSocket is closed.
func closing(why, cause error) (websocket.StatusCode, string) {
	f := toFault(why)
	switch {
	case errors.Is(cause, errStopping), f.code == "unavailable":
		return websocket.StatusGoingAway, errStopping.Error()
	case f.code == "resource_exhausted":
		return websocket.StatusTryAgainLater, shorten(f.message)
	case f.code == "not_found", f.code == "invalid_argument":
		return websocket.StatusPolicyViolation, shorten(f.message)
	}
	return websocket.StatusInternalError, shorten(f.message)
}

// shorten cuts a reason to what fits a closing frame.
func shorten(s string) string { return s[:min(len(s), 120)] }

// ping asks now and then, until ctx ends, whether the caller is still there.
func (s *Server) ping(ctx, wire context.Context, conn *websocket.Conn) error {
	tick := time.NewTicker(s.cfg.PingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		wait, stop := context.WithTimeout(wire, pingTimeout)
		err := conn.Ping(wait)
		stop()
		if err != nil {
			return fmt.Errorf("ping: %w", err)
		}
	}
}

// run sends blocks for ever, skipping where it must.
func (f *follower) run(ctx context.Context, from []*chainpb.Ref) error {
	if err := f.hello(ctx); err != nil {
		return err
	}
	for {
		err := f.server.chain.Follow(&chainpb.FollowRequest{From: from}, stream[chainpb.FollowReply]{ctx: ctx,
			send: func(m *chainpb.FollowReply) error { return f.step(ctx, m) }})
		if !errors.Is(err, errSkip) {
			return err
		}
		if from, err = f.skip(ctx); err != nil {
			return err
		}
	}
}

func (f *follower) hello(ctx context.Context) error {
	m, err := f.server.chain.Info(ctx, &chainpb.InfoRequest{})
	if err != nil {
		return err
	}
	return f.write(helloEvent{
		Type: "hello", Name: m.Name, Client: m.Client, Network: m.Params.GetName(), Genesis: toHash(m.Genesis),
		Tip: toRef(m.Tip), TimeMs: time.Now().UnixMilli(), SkipOver: f.server.cfg.SkipOver,
	})
}

// step tells of one step and looks whether the caller keeps up.
func (f *follower) step(ctx context.Context, m *chainpb.FollowReply) error {
	switch {
	case m.Start != nil:
		if f.at = m.Start; f.caughtUp {
			return nil // it goes on after a skip, of which it was told
		}
		return f.write(startEvent{Type: "start", At: toRef(m.Start)})
	case m.Block != nil:
		if m.Block.Head == nil {
			return nil // more IDs
		}
		return f.tell(ctx, m.Block.Head)
	}
	f.at = m.Parent
	e := revertEvent{Type: "revert", Parent: toRef(m.Parent), Blocks: make([]ref, len(m.Revert))}
	for i, r := range m.Revert {
		e.Blocks[i] = toRef(r)
	}
	return f.write(e)
}

// tell sends one block. Whether the caller keeps up is seen afterwards, and
// counts only if it has been at the tip before: one that goes on from an old
// block gets all that it asked for.
func (f *follower) tell(ctx context.Context, head *chainpb.BlockHead) error {
	f.at = head.Ref
	behind, err := f.behind(ctx)
	if err != nil {
		return err
	}
	f.caughtUp = f.caughtUp || behind <= 0
	e, err := f.server.toBlockEvent(head)
	if err != nil {
		return err
	}
	if err := f.write(e); err != nil {
		return err
	}
	if behind, err = f.behind(ctx); err == nil && f.caughtUp && behind > int64(f.server.cfg.SkipOver) {
		return errSkip
	}
	return err
}

func (f *follower) behind(ctx context.Context) (blocks int64, err error) {
	m, err := f.server.chain.Tip(ctx, &chainpb.TipRequest{})
	return int64(m.GetTip().GetHeight()) - int64(f.at.Height), err
}

// skip moves the cursor to the block before the tip.
func (f *follower) skip(ctx context.Context) ([]*chainpb.Ref, error) {
	to, err := f.server.below(ctx, 1)
	if to == nil || err != nil { // nil: a chain begun anew
		return nil, err
	}
	missed := uint32(max(0, int64(to.Height)-int64(f.at.Height)))
	if f.server.events.Skipped != nil {
		f.server.events.Skipped(int(missed))
	}
	return []*chainpb.Ref{to}, f.write(skippedEvent{Type: "skipped", Blocks: missed, Next: toRef(to)})
}

func (s *Server) toBlockEvent(head *chainpb.BlockHead) (blockEvent, error) {
	h, err := s.toHeader(head.Ref.GetHeight(), head.Header)
	return blockEvent{
		Type: "block", Header: h, Txs: head.Txs, Bytes: head.Bytes, Durable: head.Durable,
		IntervalNs: head.IntervalNs, SealNs: head.SealNs, Hashes: head.Hashes,
	}, err
}
