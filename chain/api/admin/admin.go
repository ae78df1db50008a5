// Package admin serves what operators look at, on a port of its own: metrics
// for Prometheus, health, readiness and profiles. It is the only package of a
// node that knows Prometheus.
package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"golang.org/x/net/netutil"

	"github.com/chaindyno/chaindyno/internal/tlsx"
)

// Config of the admin port.
type Config struct {
	Listen string // host:port; port 0 picks a free one
	// AllowRemote permits an address off loopback. Profiles tell what the
	// process does, and there is no password.
	AllowRemote bool
}

// Validate returns the first setting that is out of its range.
func (c *Config) Validate() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen: %q is not host:port", c.Listen)
	}
	if !c.AllowRemote && !tlsx.Loopback(c.Listen) {
		return fmt.Errorf("listen: %q is not a loopback address: permit it explicitly, it has no password", c.Listen)
	}
	return nil
}

// Bounds of the port. Profiles take as long as they are asked to, up to
// profileMost.
const (
	connectionsMax = 32
	headerBytes    = 16 << 10
	headerTimeout  = 5 * time.Second
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
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return nil, fmt.Errorf("listen on %s: %w", cfg.Listen, err)
	}
	return &Server{
		listener: netutil.LimitListener(l, connectionsMax),
		http: &http.Server{
			Handler:           routes(h, m),
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
	go func() { served <- s.http.Serve(s.listener) }()
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

func routes(h Health, m *Metrics) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.handler())
	mux.Handle("GET /healthz", check(h.Live))
	mux.Handle("GET /readyz", check(h.Ready))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
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
