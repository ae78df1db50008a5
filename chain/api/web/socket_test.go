package web

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/api/server"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// listener is the far end of a WebSocket.
type listener struct {
	t    *testing.T
	conn *websocket.Conn
}

func open(t *testing.T, s *site, query string, o *websocket.DialOptions) *listener {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), s.url+"/ws"+query, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return &listener{t, conn}
}

// next returns the next event of one of the types, skipping others.
func (l *listener) next(types ...string) map[string]any {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	for {
		_, b, err := l.conn.Read(ctx)
		if err != nil {
			l.t.Fatalf("waiting for %v: %v", types, err)
		}
		var e map[string]any
		if err := json.Unmarshal(b, &e); err != nil {
			l.t.Fatalf("%s: %v", b, err)
		}
		if slices.Contains(types, e["type"].(string)) {
			return e
		}
	}
}

// end reads on until the WebSocket is closed, and wants that to be for a reason.
func (l *listener) end(want websocket.StatusCode) {
	l.t.Helper()
	for {
		_, _, err := l.conn.Read(l.t.Context())
		if err == nil {
			continue // of pool and peers one may be told at any time
		}
		if websocket.CloseStatus(err) != want {
			l.t.Errorf("closed with %v, want %d", err, want)
		}
		return
	}
}

func heightOf(e map[string]any) int { return int(e["header"].(map[string]any)["height"].(float64)) }

// Blocks come as they are made, and go when they are reverted, without being
// asked for.
func TestSocketFollows(t *testing.T) {
	n := newNode()
	n.extend()
	s := serve(t, n, nil)
	d := describe(t, s)
	l := open(t, s, "", nil)
	if e := l.next("hello"); e["network"] != n.params.Name || e["skip_over"] != 64.0 {
		t.Errorf("%v", e)
	}
	if e := l.next("start"); e["at"].(map[string]any)["height"] != 1.0 {
		t.Errorf("%v", e)
	}
	n.extend(n.transfer(1))
	e := l.next("block")
	if heightOf(e) != 2 || e["txs"] != 2.0 || e["seal_ns"] != 7.0 {
		t.Errorf("%v", e)
	}
	for _, wrong := range d.check("event", d.at("components", "schemas", "BlockEvent"), e) {
		t.Error(wrong)
	}
	n.extend()
	l.next("block")
	n.back(2)
	e = l.next("revert")
	if list := e["blocks"].([]any); len(list) != 2 || list[0].(map[string]any)["height"] != 3.0 || e["parent"].(map[string]any)["height"] != 1.0 {
		t.Errorf("%v", e)
	}
	b := n.extend()
	if e := l.next("block"); heightOf(e) != 2 || e["header"].(map[string]any)["hash"] != b.Hash.String() {
		t.Errorf("%v", e)
	}
}

// A caller that was cut off goes on after the block that it has.
func TestSocketGoesOn(t *testing.T) {
	n := newNode()
	for range 200 {
		n.extend()
	}
	s := serve(t, n, func(wc *Config, _ *server.Config) { wc.SkipOver = 5 })
	read := func(query string, from int) {
		l := open(t, s, query, nil)
		for h := from; h <= 200; h++ { // it has not been at the tip yet: none is skipped
			if e := l.next("block", "skipped"); e["type"] != "block" || heightOf(e) != h {
				t.Fatalf("%s: %v, want block %d", query, e, h)
			}
		}
	}
	read(fmt.Sprintf("?from=%d:%s", 7, n.best[7].Hash), 8)
	unknown := strings.Repeat("ab", 32)
	read(fmt.Sprintf("?from=9:%s&from=%d:%s", unknown, 3, n.best[3].Hash), 4)
	read("?from=0:"+strings.Repeat("0", 64), 0)
	read("?last=10", 191)
	read("?last=1000", 0)
	l := open(t, s, "?from=9:"+unknown, nil)
	l.next("hello")
	l.end(websocket.StatusPolicyViolation) // an unknown cursor
	for _, query := range []string{"?from=7", "?from=x:" + unknown, "?last=1001", "?last=x", "?last=1&from=9:" + unknown, "?page=1"} {
		if code, b := s.ask(t, http.MethodGet, "/ws"+query, "", "", "Upgrade", "websocket", "Connection", "Upgrade"); code != http.StatusBadRequest || !strings.Contains(string(b), "permitted") {
			t.Errorf("%s: %d %s", query, code, b)
		}
	}
}

// A caller that falls behind skips, is told how many blocks, and goes on at the
// tip.
func TestSocketSkips(t *testing.T) {
	n := newNode()
	s := serve(t, n, func(wc *Config, _ *server.Config) { wc.SkipOver = 10 })
	var skipped int
	s.events.Skipped = func(blocks int) { skipped += blocks }
	told, goOn := make(chan any), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	f := &follower{server: s.Server, write: func(v any) error { // a caller that takes its time
		select {
		case told <- v:
			<-goOn
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	ended := make(chan error, 1)
	tip := n.tip()
	go func() { ended <- f.run(ctx, []*chainpb.Ref{{Height: tip.Height, Hash: tip.Hash[:]}}) }()
	take := func() any {
		v := <-told
		goOn <- struct{}{}
		return v
	}
	take() // hello
	take() // start
	n.extend()
	if b, ok := take().(blockEvent); !ok || b.Header.Height != 1 {
		t.Fatalf("%+v", b)
	}
	n.extend()
	if b, ok := (<-told).(blockEvent); !ok || b.Header.Height != 2 {
		t.Fatalf("%+v", b)
	}
	for range 10 { // while it is busy: not more than it may be behind
		n.extend()
	}
	goOn <- struct{}{}
	for h := uint32(3); h <= 11; h++ {
		if b, ok := take().(blockEvent); !ok || b.Header.Height != h {
			t.Fatalf("%+v, want block %d", b, h)
		}
	}
	if b, ok := (<-told).(blockEvent); !ok || b.Header.Height != 12 {
		t.Fatalf("%+v", b)
	}
	for range 11 { // one more than that
		n.extend()
	}
	goOn <- struct{}{}
	if e, ok := take().(skippedEvent); !ok || e.Blocks != 10 || e.Next.Height != 22 {
		t.Fatalf("%+v", e)
	}
	if b, ok := take().(blockEvent); !ok || b.Header.Height != 23 || skipped != 10 {
		t.Fatalf("%+v, skipped %d", b, skipped)
	}
	cancel()
	<-ended
}

// Pool and peers come when there is news of them.
func TestSocketTellsPoolAndPeers(t *testing.T) {
	n := newNode()
	n.peers = []Peer{{ID: "p", Address: "127.0.0.1:1", RTT: time.Millisecond}}
	s := serve(t, n, func(wc *Config, _ *server.Config) { wc.SampleEvery = 10 * time.Millisecond })
	d := describe(t, s)
	l := open(t, s, "", nil)
	for _, kind := range []string{"pool", "peers"} {
		e := l.next(kind)
		for _, wrong := range d.check("event", d.at("components", "schemas", strings.ToUpper(kind[:1])+kind[1:]+"Event"), e) {
			t.Error(wrong)
		}
	}
	// The first event after a change is the change: what is the same is not told
	// again.
	n.mu.Lock()
	n.pooled[ledger.Hash{1}] = true
	n.mu.Unlock()
	if e := l.next("pool", "peers"); e["txs"] != 1.0 {
		t.Errorf("%v", e)
	}
	n.mu.Lock()
	n.peers = append(slices.Clone(n.peers), Peer{ID: "q"})
	n.mu.Unlock()
	if e := l.next("pool", "peers"); e["type"] != "peers" || len(e["peers"].(map[string]any)["peers"].([]any)) != 2 {
		t.Errorf("%v", e)
	}
}

func TestSocketBounds(t *testing.T) {
	s := serve(t, newNode(), func(wc *Config, sc *server.Config) { wc.MaxSockets, sc.Token = 1, "hush" })
	refused := func(o *websocket.DialOptions, status int) {
		t.Helper()
		conn, r, err := websocket.Dial(t.Context(), s.url+"/ws", o)
		if err == nil {
			conn.CloseNow()
			t.Fatal("served")
		}
		if r == nil || r.StatusCode != status {
			t.Errorf("%v, want %d", err, status)
		}
	}
	bearer := func(token string) []string {
		return []string{protocol, bearerProtocol + hex.EncodeToString([]byte(token))}
	}
	refused(nil, http.StatusUnauthorized)
	refused(&websocket.DialOptions{Subprotocols: bearer("hash")}, http.StatusUnauthorized)
	refused(&websocket.DialOptions{Subprotocols: bearer("hush"), HTTPHeader: http.Header{"Origin": {"http://evil.example"}}}, http.StatusForbidden)
	l := open(t, s, "", &websocket.DialOptions{Subprotocols: bearer("hush"), HTTPHeader: http.Header{"Origin": {s.url}}})
	if l.conn.Subprotocol() != protocol {
		t.Errorf("protocol %q", l.conn.Subprotocol())
	}
	refused(&websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer hush"}}}, http.StatusServiceUnavailable)
	l.next("hello")
	l.conn.CloseNow()
	for deadline := time.Now().Add(time.Minute); ; { // its place is free when the node has noticed
		conn, _, err := websocket.Dial(t.Context(), s.url+"/ws", &websocket.DialOptions{Subprotocols: bearer("hush")})
		if err == nil {
			conn.CloseNow()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// A caller that sends more than nothing is cut off, one that answers pings is
// not, and one that doesn't is.
func TestSocketKeepsWatch(t *testing.T) {
	n := newNode()
	s := serve(t, n, func(wc *Config, _ *server.Config) { wc.PingEvery = 10 * time.Millisecond })
	pings := make(chan struct{}, 100)
	l := open(t, s, "", &websocket.DialOptions{OnPingReceived: func(context.Context, []byte) bool {
		select {
		case pings <- struct{}{}:
		default:
		}
		return true
	}})
	go func() {
		for range 3 {
			<-pings
		}
		n.extend()
	}()
	l.next("block")
	if err := l.conn.Write(t.Context(), websocket.MessageText, []byte("hello?")); err != nil {
		t.Fatal(err)
	}
	l.end(websocket.StatusPolicyViolation)
}

// A node that stops says so.
func TestSocketEndsWithTheNode(t *testing.T) {
	s := serve(t, newNode(), nil)
	l := open(t, s, "", nil)
	l.next("start")
	s.stop()
	l.end(websocket.StatusGoingAway)
}
