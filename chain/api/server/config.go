package server

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/chaindyno/chaindyno/internal/tlsx"
)

// Bounds of the wire, in bytes.
const (
	// MessageBytes bounds one message in either direction.
	MessageBytes = 2 << 20
	// BatchBytes bounds the payloads of one batch together; what is left of a
	// message is for their sizes.
	BatchBytes = MessageBytes - 64<<10
)

// Config of a server. Start from DefaultConfig: a zero field is not a default.
type Config struct {
	Listen         string // host:port; port 0 picks a free one
	AllowPlaintext bool   // permit an address off loopback without TLS
	TLS            *tls.Config
	Token          string // what callers must present; "" = nothing

	MaxConnections int           // further ones wait in the listen queue
	MaxStreams     int           // calls at once on one connection
	ConnectTimeout time.Duration // for the handshake of a new connection
	IdleTimeout    time.Duration // a connection without calls is closed after it
	StopTimeout    time.Duration // for calls under way when the server stops

	BatchTxs        int   // transactions of one batch
	StreamBatches   int   // unanswered batches of one stream; beyond, it is not read from
	StreamTxs       int   // unanswered transactions of one stream; beyond, it is not read from
	UnansweredBytes int64 // payloads of all callers together; beyond, the answer is busy
	ConnectionTxs   int   // unanswered transactions of one connection, of all its streams, and of all callers by other transports; beyond, the answer is busy
	MaxFollowers    int   // Follow calls at once, of all callers; beyond, the call is refused

	// Futile calls of one connection (reset, refused, or of junk), past which it
	// is closed; FutilePerS of them are forgiven each second.
	Futile, FutilePerS int

	Events Events
}

// DefaultConfig returns the defaults: loopback, plaintext.
func DefaultConfig() Config {
	return Config{
		Listen:          "127.0.0.1:7700",
		MaxConnections:  256,
		MaxStreams:      64,
		ConnectTimeout:  5 * time.Second,
		IdleTimeout:     10 * time.Minute,
		StopTimeout:     2 * time.Second,
		BatchTxs:        8192,
		StreamBatches:   64,
		StreamTxs:       32768,
		UnansweredBytes: 256 << 20,
		ConnectionTxs:   32768,
		MaxFollowers:    128,
		Futile:          256,
		FutilePerS:      32,
	}
}

// Validate returns the first setting that is out of its range.
func (c *Config) Validate() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen: %q is not host:port", c.Listen)
	}
	if !c.AllowPlaintext && c.TLS == nil && !tlsx.Loopback(c.Listen) {
		return fmt.Errorf("listen: %q is not a loopback address: set up TLS, or permit plaintext explicitly", c.Listen)
	}
	return cmp.Or(
		within("max connections", c.MaxConnections, 1, 100_000),
		within("max streams", c.MaxStreams, 1, 10_000),
		within("connect timeout", c.ConnectTimeout, 10*time.Millisecond, time.Minute),
		within("idle timeout", c.IdleTimeout, time.Second, 24*time.Hour),
		within("stop timeout", c.StopTimeout, time.Millisecond, time.Minute),
		within("batch txs", c.BatchTxs, 1, 16384),
		within("stream batches", c.StreamBatches, 1, 4096),
		within("stream txs", c.StreamTxs, c.BatchTxs, 1<<20),
		within("connection txs", c.ConnectionTxs, 1, 1<<24),
		within("max followers", c.MaxFollowers, 1, 100_000),
		within("futile", c.Futile, c.MaxStreams, 1<<20), // calls under way count, too
		within("futile per second", c.FutilePerS, 1, 1<<20),
		within("unanswered bytes", c.UnansweredBytes, MessageBytes, 1<<40),
	)
}

func within[T int | int64 | time.Duration](name string, v, low, high T) error {
	if v < low || v > high {
		return fmt.Errorf("%s: %v is not within %v to %v", name, v, low, high)
	}
	return nil
}
