package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/internal/bind"
)

// Chain is the node's server of gRPC.
type Chain interface {
	chainpb.ChainServer
	// Do runs a call under the rules of the method that is named: the token in
	// ctx's incoming metadata is checked first, the call ends when the node stops,
	// and an error has one of gRPC's codes.
	Do(ctx context.Context, method string, call func(context.Context) error) error
}

// Peers knows the nodes that this one is connected to.
type Peers interface {
	// Peers returns them in a stable order. It does not block.
	Peers() []Peer
}

// Peer is a connected node.
type Peer struct {
	ID      string
	Address string
	Inbound bool // it has connected to this node
	Client  string
	Height  uint32        // of its best block, as it says
	RTT     time.Duration // round-trip time; 0: not measured yet
	Since   time.Time     // when it was connected

	BytesIn, BytesOut uint64 // over its connection
}

// Events are told what the server does, for metrics. A nil function is not
// called. They are called by many goroutines at once and must not block.
type Events struct {
	Answered func(route string, status int, took time.Duration)
	Sockets  func(change int)  // +1 or -1
	Skipped  func(blocks int)  // that a slow WebSocket was not told of
	Refused  func(what string) // at a bound: bodies, sockets
	Denied   func(why string)  // before anything was done: handshake, token
}

const headerBytes = 16 << 10

// Server serves one node. It owns its listener from New on.
type Server struct {
	cfg      Config
	chain    Chain
	peers    Peers // nil: a node without peers
	events   Events
	routes   []route
	openapi  []byte
	files    []*file // of the explorer
	listener net.Listener
	http     *http.Server

	reading atomic.Int64  // bytes of bodies under way
	decodes chan struct{} // a place for each block that is taken apart
	places  chan struct{} // a place for each WebSocket
	board   board
	clock   func() clock // of the network, read once the node is there

	stopping context.Context // done when WebSockets are to end
	stop     context.CancelFunc
	sockets  sync.WaitGroup
}

// New binds the address, so that a busy port is found before the node starts.
// Nothing is served before Run. peers may be nil.
func New(cfg Config, chain Chain, peers Peers, events Events) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, chain: chain, peers: peers, events: events, routes: routes(),
		decodes: make(chan struct{}, cfg.MaxDecodes), places: make(chan struct{}, cfg.MaxSockets),
	}
	s.clock = sync.OnceValue(s.readClock)
	s.board.changed = make(chan struct{})
	var err error
	if s.openapi, err = openAPI(s.routes); err != nil {
		return nil, err
	}
	if s.files, err = explorerFiles(); err != nil {
		return nil, err
	}
	if s.listener, err = bind.TCP(cfg.Listen); err != nil {
		return nil, err
	}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler:           s.told(s.mux()),
		ReadHeaderTimeout: cfg.HeaderTimeout,
		ReadTimeout:       cfg.ReadTimeout,
		WriteTimeout:      cfg.WriteTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    headerBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 64},
		ErrorLog:          log.New(complaints{&s.events}, "", log.LstdFlags),
	}
	if cfg.TLS != nil {
		s.http.TLSConfig = cfg.TLS.Clone() // Serve adds to it
	}
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close releases what a server that is not run holds.
func (s *Server) Close() error {
	s.stop()
	return s.listener.Close()
}

// Run serves until ctx is done and returns when every request and WebSocket has
// ended: requests are cut off after Config.StopTimeout.
func (s *Server) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.listen() }()
	var sampler sync.WaitGroup
	sampler.Go(s.sample)
	defer sampler.Wait()
	defer s.stop()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	s.stop()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.StopTimeout)
	defer cancel()
	err := s.http.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	if why := <-served; !errors.Is(why, http.ErrServerClosed) {
		err = errors.Join(err, why)
	}
	s.sockets.Wait()
	return err
}

func (s *Server) listen() error {
	l := netutil.LimitListener(s.listener, s.cfg.MaxConnections)
	if s.http.TLSConfig != nil {
		return s.http.ServeTLS(l, "", "")
	}
	return s.http.Serve(l)
}

// complaints takes what net/http would log. Failed handshakes are counted:
// anybody can make as many as he likes.
type complaints struct{ events *Events }

func (c complaints) Write(line []byte) (int, error) {
	if !bytes.Contains(line, []byte("TLS handshake error")) {
		return os.Stderr.Write(line)
	}
	if c.events.Denied != nil {
		c.events.Denied("handshake")
	}
	return len(line), nil
}

// noted remembers the status of an answer.
type noted struct {
	http.ResponseWriter
	status int
}

func (n *noted) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

// Unwrap lets a WebSocket take the connection over.
func (n *noted) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// told reports every answer. A WebSocket has none.
func (s *Server) told(next http.Handler) http.Handler {
	if s.events.Answered == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, began := &noted{w, http.StatusOK}, time.Now()
		next.ServeHTTP(n, r)
		if n.status != http.StatusSwitchingProtocols {
			s.events.Answered(r.Pattern, n.status, time.Since(began))
		}
	})
}

// readBody reads a body of at most most bytes. Its place among the bodies under
// way is kept until release: policy at the bound is to refuse.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, most int64) (body []byte, release func(), err error) {
	tooLarge := &fault{http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the body is over %d bytes", most)}
	size := r.ContentLength
	if size > most {
		return nil, nil, tooLarge
	}
	if size < 0 {
		size = most // it does not say
	}
	if s.reading.Add(size) > s.cfg.BodyBytes {
		s.reading.Add(-size)
		s.refused("bodies")
		return nil, nil, busy("bodies of %d bytes in all are being read, which is the bound", s.cfg.BodyBytes)
	}
	release = func() { s.reading.Add(-size) }
	limited := http.MaxBytesReader(w, r.Body, most)
	if r.ContentLength >= 0 {
		body = make([]byte, size)
		_, err = io.ReadFull(limited, body)
	} else {
		body, err = io.ReadAll(limited)
	}
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		err = tooLarge
	case err != nil:
		err = badRequest("the body ended early: %v", err)
	default:
		return body, release, nil
	}
	release()
	return nil, nil, err
}

func (s *Server) refused(what string) {
	if s.events.Refused != nil {
		s.events.Refused(what)
	}
}
