// Package admin serves what operators look at, on a port of its own: metrics
// for Prometheus, health, readiness and profiles. It is the only package of a
// node that knows Prometheus.
package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"golang.org/x/net/netutil"

	"github.com/chaindyno/chaindyno/internal/bearer"
	"github.com/chaindyno/chaindyno/internal/bind"
	"github.com/chaindyno/chaindyno/internal/tlsx"
)

// Config of the admin port.
type Config struct {
	Listen string // host:port; port 0 picks a free one
	// TLS is what the port is served with; nil: plain text.
	TLS *tls.Config
	// Token must be presented to read metrics and profiles; "": nothing. Health
	// is told to everybody.
	Token string
	// AllowRemote permits an address off loopback without both. Profiles tell
	// what the process does.
	AllowRemote bool
	// Denied, if not nil, is called for each request without the token.
	Denied func()
}

// Validate returns the first setting that is out of its range.
func (c *Config) Validate() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen: %q is not host:port", c.Listen)
	}
	if !c.AllowRemote && (c.TLS == nil || c.Token == "") && !tlsx.Loopback(c.Listen) {
		return fmt.Errorf("listen: %q is not a loopback address: set up TLS and a token, or permit plaintext explicitly", c.Listen)
	}
	return nil
}

// Bounds of the port. Profiles take as long as they are asked to, up to
// profileMost.
const (
	connectionsMax = 32
	headerBytes    = 16 << 10
	headerTimeout  = 5 * time.Second
	answerTimeout  = 15 * time.Second // of all but profiles, for callers that do not read
	profileMost    = 5 * time.Minute
	stopTimeout    = time.Second
)

// Health tells how the node is. A nil function means that all is well.
type Health struct {
	// Live returns why the process should be restarted, or nil.
	Live func() error
	// Ready returns why no transactions should be sent to it, or nil.
	Ready func() error
}

// Server serves the admin port. It owns its listener from New on.
type Server struct {
	listener net.Listener
	http     *http.Server
}

// New binds the address, so that a busy port is found at once. Nothing is
// served before Run.
func New(cfg Config, h Health, m *Metrics) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l, err := bind.TCP(cfg.Listen)
	if err != nil {
		return nil, err
	}
	plain := new(http.Protocols) // HTTP/1 alone: a connection is one request at a time
	plain.SetHTTP1(true)
	return &Server{
		listener: netutil.LimitListener(l, connectionsMax),
		http: &http.Server{
			Handler:           routes(&cfg, h, m),
			TLSConfig:         cfg.TLS,
			Protocols:         plain,
			ErrorLog:          log.New(io.Discard, "", 0), // it holds what strangers send, as often as they send it
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       headerTimeout,
			WriteTimeout:      profileMost,
			IdleTimeout:       time.Minute,
			MaxHeaderBytes:    headerBytes,
		},
	}, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close releases the address of a server that is not run.
func (s *Server) Close() error { return s.listener.Close() }

// Run serves until ctx is done and returns when every request has ended, cut
// off after a second.
func (s *Server) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.serve() }()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := s.http.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	if why := <-served; !errors.Is(why, http.ErrServerClosed) {
		err = errors.Join(err, why)
	}
	return err
}

func (s *Server) serve() error {
	if s.http.TLSConfig != nil {
		return s.http.ServeTLS(s.listener, "", "")
	}
	return s.http.Serve(s.listener)
}

func routes(cfg *Config, h Health, m *Metrics) http.Handler {
	denied := cfg.Denied
	if denied == nil {
		denied = func() {}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", soon(check(h.Live)))
	mux.Handle("GET /readyz", soon(check(h.Ready)))
	guarded := func(path string, next http.Handler) { mux.Handle(path, bearer.Require(cfg.Token, denied, next)) }
	guarded("GET /metrics", soon(m.handler()))
	guarded("GET /debug/pprof/", http.HandlerFunc(pprof.Index))
	guarded("GET /debug/pprof/cmdline", http.HandlerFunc(pprof.Cmdline))
	guarded("GET /debug/pprof/profile", http.HandlerFunc(pprof.Profile))
	guarded("GET /debug/pprof/symbol", http.HandlerFunc(pprof.Symbol))
	guarded("GET /debug/pprof/trace", http.HandlerFunc(pprof.Trace))
	return mux
}

// soon cuts off callers that do not read their answer: connections are few.
func soon(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout)) // without it: profileMost
		next.ServeHTTP(w, r)
	})
}

// check answers 200 "ok", or 503 and the reason.
func check(why func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		text := "ok"
		if why != nil {
			if err := why(); err != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				text = err.Error()
			}
		}
		_, _ = io.WriteString(w, text+"\n") // the caller has gone: nobody to tell
	}
}
