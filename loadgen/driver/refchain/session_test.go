package refchain

import (
	"bytes"
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/api/server"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// desk is the far end of a session: a server whose node answers when, and as,
// the test says.
type desk struct {
	t    *testing.T
	addr string
	mu   sync.Mutex
	auto bool // answer at once
	got  chan call
	stop func()
}

// call is one batch at the desk.
type call struct {
	payloads [][]byte
	done     func([]ledger.Reject, []ledger.Hash)
}

// answer gives each payload the Reject that its first byte names.
func (c call) answer() {
	answers := make([]ledger.Reject, len(c.payloads))
	for i, p := range c.payloads {
		answers[i] = ledger.Reject(p[0])
	}
	c.done(answers, nil)
}

func (d *desk) Submit(payloads [][]byte, done func([]ledger.Reject, []ledger.Hash)) {
	d.mu.Lock()
	auto := d.auto
	d.mu.Unlock()
	c := call{payloads, done}
	if auto {
		c.answer()
	}
	d.got <- c
}

func (d *desk) setAuto(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.auto = on
}

// open serves at an address, port 0 for any.
func (d *desk) open(addr string) {
	d.t.Helper()
	cfg := server.DefaultConfig()
	cfg.Listen, cfg.StopTimeout = addr, 10*time.Millisecond
	s, err := server.New(cfg, server.Node{Submitter: d})
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	d.addr = s.Addr().String()
	d.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			d.t.Error(err)
		}
	})
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, got: make(chan call, 1000)}
	d.open("127.0.0.1:0")
	t.Cleanup(func() { d.stop() })
	return d
}

func (d *desk) session(timeout time.Duration) *session {
	d.t.Helper()
	c, err := client.Dial(d.addr, client.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	s := newSession(c, client.Limits{BatchBytes: 1000, BatchTxs: 5}, timeout, nil)
	d.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			d.t.Error(err)
		}
	})
	return s
}

func payloads(first ...byte) []driver.Tx {
	batch := make([]driver.Tx, len(first))
	for i, b := range first {
		batch[i].Payload = []byte{b, byte(i)}
	}
	return batch
}

func TestSessionAcks(t *testing.T) {
	d := newDesk(t)
	d.setAuto(true)
	s := d.session(time.Minute)
	got := submit(t.Context(), s, payloads(0, 4, 0, 7, 5, 1, 44))
	want := []driver.Ack{
		{Status: driver.StatusAccepted},
		{Status: driver.StatusRejected, Kind: driver.RejectSignature},
		{Status: driver.StatusAccepted},
		{Status: driver.StatusRejected, Kind: driver.RejectSignature, Detail: "key_mismatch"},
		{Status: driver.StatusRejected, Kind: driver.RejectDoubleSpend},
		{Status: driver.StatusRejected, Kind: driver.RejectBusy},
		{Status: driver.StatusRejected, Kind: driver.RejectOther, Detail: "invalid_parent"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if a, b := <-d.got, <-d.got; len(a.payloads) != 5 || len(b.payloads) != 2 {
		t.Errorf("7 transactions came as %d and %d, want 5 and 2", len(a.payloads), len(b.payloads))
	}
}

// TestSessionSplits wants messages within the bounds, whatever the sizes, and
// everything in order.
func TestSessionSplits(t *testing.T) {
	d := newDesk(t)
	d.setAuto(true)
	s := d.session(time.Minute)
	var batch []driver.Tx
	for i, size := range []int{400, 400, 400, 1000, 1, 999, 1, 1, 1, 1, 1, 1, 1001, 5} {
		batch = append(batch, driver.Tx{Payload: append([]byte{0, byte(i)}, make([]byte, max(size-2, 0))...)[:max(size, 2)]})
	}
	acks := submit(t.Context(), s, batch)
	for i, a := range acks {
		want := driver.Ack{Status: driver.StatusAccepted}
		if len(batch[i].Payload) > 1000 {
			want = driver.Ack{Status: driver.StatusRejected, Kind: driver.RejectTooLarge}
		}
		if a != want {
			t.Errorf("%d: %+v", i, a)
		}
	}
	var sent [][]byte
	for len(sent) < len(batch)-1 {
		c := <-d.got
		if n := len(bytes.Join(c.payloads, nil)); n > 1000 || len(c.payloads) > 5 {
			t.Errorf("a message of %d transactions, %d bytes", len(c.payloads), n)
		}
		sent = append(sent, c.payloads...)
	}
	for i, tx := range slices.Delete(slices.Clone(batch), 12, 13) {
		if !bytes.Equal(sent[i], tx.Payload) {
			t.Errorf("%d came out of order", i)
		}
	}
}

// TestSessionTimeout wants unknown after the timeout, once, and the answers of
// later batches in their places although the late ones come first.
func TestSessionTimeout(t *testing.T) {
	d := newDesk(t)
	s := d.session(200 * time.Millisecond)
	late := submit(t.Context(), s, payloads(0, 0))
	for _, a := range late {
		if a != (driver.Ack{Status: driver.StatusUnknown, Kind: driver.RejectTimeout}) {
			t.Errorf("late: %+v", a)
		}
	}
	d.setAuto(true)
	go func() { (<-d.got).answer() }()
	if got := submit(t.Context(), s, payloads(3)); got[0].Kind != driver.RejectTooLarge && got[0].Kind != driver.RejectTimeout {
		t.Errorf("after the late one: %+v", got)
	}
	var got []driver.Ack
	for range 100 { // a busy machine may be late once more
		if got = submit(t.Context(), s, payloads(4)); got[0].Kind != driver.RejectTimeout {
			break
		}
	}
	if got[0].Kind != driver.RejectSignature {
		t.Errorf("in time again: %+v", got)
	}
}

// TestSessionBreaks stops the server with a batch unanswered: that is unknown,
// what follows is busy until the server is back, and then accepted.
func TestSessionBreaks(t *testing.T) {
	d := newDesk(t)
	s := d.session(time.Minute)
	acks := make(chan driver.Ack, 2)
	s.Submit(t.Context(), payloads(0, 0), func(_ int, a driver.Ack) { acks <- a })
	<-d.got
	d.stop()
	for range 2 {
		if a := <-acks; a.Status != driver.StatusUnknown || a.Kind != driver.RejectDisconnected {
			t.Errorf("unanswered: %+v", a)
		}
	}
	if a := submit(t.Context(), s, payloads(0))[0]; a.Status != driver.StatusRejected || a.Kind != driver.RejectBusy || a.Detail == "" {
		t.Errorf("while the server is down: %+v", a)
	}
	d.setAuto(true)
	d.open(d.addr)
	for {
		a := submit(t.Context(), s, payloads(0))[0]
		if a.Status == driver.StatusAccepted {
			return
		}
		if a.Kind != driver.RejectBusy {
			t.Fatalf("while the server comes back: %+v", a)
		}
	}
}

// TestSessionClose waits for answers that are still to come.
func TestSessionClose(t *testing.T) {
	d := newDesk(t)
	c, err := client.Dial(d.addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(c, client.Limits{BatchBytes: 1000, BatchTxs: 5}, time.Minute, nil)
	acks := make(chan driver.Ack, 1)
	s.Submit(t.Context(), payloads(0), func(_ int, a driver.Ack) { acks <- a })
	at := <-d.got
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case <-closed:
		t.Fatal("closed before the answer")
	case <-time.After(20 * time.Millisecond): // a Close that does not wait is done by then
	}
	at.answer()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	select {
	case a := <-acks:
		if a.Status != driver.StatusAccepted {
			t.Errorf("%+v", a)
		}
	default:
		t.Error("closed without the ack")
	}
}

// TestSessionCloseUnanswered gives up after the timeout.
func TestSessionCloseUnanswered(t *testing.T) {
	d := newDesk(t)
	c, err := client.Dial(d.addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(c, client.Limits{BatchBytes: 1000, BatchTxs: 5}, 30*time.Millisecond, nil)
	acks := make(chan driver.Ack, 1)
	s.Submit(t.Context(), payloads(0), func(_ int, a driver.Ack) { acks <- a })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if a := <-acks; a.Status != driver.StatusUnknown {
		t.Errorf("%+v", a)
	}
}

// TestSessionCancelled answers busy to what was not sent, and leaves what was
// sent before alone.
func TestSessionCancelled(t *testing.T) {
	d := newDesk(t)
	s := d.session(time.Minute)
	acks := make(chan driver.Ack, 1)
	s.Submit(t.Context(), payloads(0), func(_ int, a driver.Ack) { acks <- a })
	sent := <-d.got
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := submit(ctx, s, payloads(0))[0]; a.Status != driver.StatusRejected || a.Kind != driver.RejectBusy {
		t.Errorf("cancelled: %+v", a)
	}
	sent.answer()
	if a := <-acks; a.Status != driver.StatusAccepted {
		t.Errorf("sent before: %+v", a)
	}
}

// TestSessionPushback blocks Submit while the node does not read, and lets go
// when the caller gives up: what was under way is unknown.
func TestSessionPushback(t *testing.T) {
	d := newDesk(t)
	d.got = make(chan call) // the server's reader hangs on the first batch
	c, err := client.Dial(d.addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(c, client.Limits{BatchBytes: server.BatchBytes, BatchTxs: 5}, time.Minute, nil)
	ctx, cancel := context.WithCancel(t.Context())
	giveUp := time.AfterFunc(500*time.Millisecond, cancel)
	defer giveUp.Stop()
	acks := make(chan driver.Ack, 30) // 60 MB; windows and buffers hold a tenth of that
	big := []driver.Tx{{Payload: make([]byte, server.BatchBytes)}}
	sent := 0
	for ; ctx.Err() == nil && sent < cap(acks); sent++ {
		s.Submit(ctx, big, func(_ int, a driver.Ack) { acks <- a })
	}
	if sent == cap(acks) {
		t.Error("Submit never blocked")
	}
	go func() {
		for range d.got {
		}
	}()
	for range sent {
		if a := <-acks; a.Status == driver.StatusAccepted {
			t.Errorf("%+v", a)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	d.stop()
	close(d.got)
}

// TestSilentHost is a host that takes connections and says nothing.
func TestSilentHost(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := &desk{t: t, addr: l.Addr().String()}
	s := d.session(time.Minute)
	if a := submit(t.Context(), s, payloads(0))[0]; a.Status != driver.StatusRejected || a.Kind != driver.RejectBusy {
		t.Errorf("%+v", a)
	}
}
