package web

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/chaindyno/chaindyno/internal/tlsx"
)

// Config of a server. Start from DefaultConfig: a zero field is not a default.
type Config struct {
	Listen         string // host:port; port 0 picks a free one
	AllowPlaintext bool   // permit an address off loopback without TLS
	TLS            *tls.Config

	MaxConnections int           // further ones wait in the listen queue
	MaxSockets     int           // WebSockets at once; beyond, the answer is busy
	MaxDecodes     int           // blocks taken apart at once; beyond, callers wait
	BodyBytes      int64         // bodies under way, of all requests together; beyond, the answer is busy
	HeaderTimeout  time.Duration // for the head of a request
	ReadTimeout    time.Duration // for a whole request
	WriteTimeout   time.Duration // for an answer, the node's time included
	IdleTimeout    time.Duration // a connection without requests is closed after it
	StopTimeout    time.Duration // for requests under way when the server stops

	SkipOver    int           // a WebSocket that has fallen behind by more blocks skips
	PingEvery   time.Duration // between two pings of a WebSocket
	SampleEvery time.Duration // between two readings of pool and peers for WebSockets
}

// DefaultConfig returns the defaults: loopback, plaintext.
func DefaultConfig() Config {
	return Config{
		Listen:         "127.0.0.1:7703",
		MaxConnections: 512,
		MaxSockets:     64,
		MaxDecodes:     2,
		BodyBytes:      64 << 20,
		HeaderTimeout:  5 * time.Second,
		ReadTimeout:    15 * time.Second,
		WriteTimeout:   30 * time.Second,
		IdleTimeout:    time.Minute,
		StopTimeout:    2 * time.Second,
		SkipOver:       64,
		PingEvery:      15 * time.Second,
		SampleEvery:    time.Second,
	}
}

// Validate returns the first setting that is out of its range.
func (c *Config) Validate() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("http: %q is not host:port", c.Listen)
	}
	if !c.AllowPlaintext && c.TLS == nil && !tlsx.Loopback(c.Listen) {
		return fmt.Errorf("http: %q is not a loopback address: set up TLS, or permit plaintext explicitly", c.Listen)
	}
	return cmp.Or(
		within("max connections", c.MaxConnections, 1, 100_000),
		within("max sockets", c.MaxSockets, 1, 10_000),
		within("max decodes", c.MaxDecodes, 1, 1024),
		within("body bytes", c.BodyBytes, jsonBodyMax, 1<<40),
		within("header timeout", c.HeaderTimeout, 10*time.Millisecond, time.Minute),
		within("read timeout", c.ReadTimeout, c.HeaderTimeout, time.Hour),
		within("write timeout", c.WriteTimeout, 10*time.Millisecond, time.Hour),
		within("idle timeout", c.IdleTimeout, time.Second, 24*time.Hour),
		within("stop timeout", c.StopTimeout, time.Millisecond, time.Minute),
		within("skip over", c.SkipOver, 1, 1_000_000),
		within("ping every", c.PingEvery, 10*time.Millisecond, time.Hour),
		within("sample every", c.SampleEvery, 10*time.Millisecond, time.Hour),
	)
}

func within[T int | int64 | time.Duration](name string, v, low, high T) error {
	if v < low || v > high {
		return fmt.Errorf("%s: %v is not within %v to %v", name, v, low, high)
	}
	return nil
}
