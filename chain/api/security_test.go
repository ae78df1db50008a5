package api_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/api/server"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/internal/tlsx"
)

// authority makes certificates for 127.0.0.1.
type authority struct {
	*tlsx.Authority
	t *testing.T
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a, err := tlsx.NewAuthority("test", 0)
	if err != nil {
		t.Fatal(err)
	}
	return authority{a, t}
}

// issue makes a certificate for the two hours before until.
func (a authority) issue(until time.Time) tls.Certificate {
	a.t.Helper()
	pair, err := a.Issue(tlsx.Request{Name: "test", Hosts: []string{"127.0.0.1"}, NotBefore: until.Add(-2 * time.Hour), NotAfter: until})
	if err != nil {
		a.t.Fatal(err)
	}
	return pair.TLS()
}

// TestTLS lets in those with a certificate of the right authority alone, and
// nobody else gets as far as a handler.
func TestTLS(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	n := newNode()
	n.submit = func(_ [][]byte, done func([]ledger.Reject, []ledger.Hash)) {
		t.Error("a caller without the right certificate reached the node")
		done([]ledger.Reject{ledger.RejectBusy}, nil)
	}
	cfg := testConfig()
	cfg.TLS = &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{a.issue(time.Now().Add(time.Hour))},
		ClientCAs: a.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
	}
	addr, _ := serve(t, cfg, n.server())
	own := func(c tls.Certificate) *tls.Config {
		return &tls.Config{RootCAs: a.Pool(), Certificates: []tls.Certificate{c}}
	}
	for name, o := range map[string]client.Options{
		"plain text":         {},
		"no certificate":     {TLS: &tls.Config{RootCAs: a.Pool()}},
		"expired":            {TLS: own(a.issue(time.Now().Add(-time.Hour)))},
		"a stranger's":       {TLS: own(stranger.issue(time.Now().Add(time.Hour)))},
		"server not trusted": {TLS: &tls.Config{RootCAs: stranger.Pool(), Certificates: []tls.Certificate{a.issue(time.Now().Add(time.Hour))}}},
	} {
		if _, _, err := dial(t, addr, o).Submit(t.Context(), []byte{1}); !errors.Is(err, client.ErrUnreachable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	n.submit = acceptAll
	good := dial(t, addr, client.Options{TLS: own(a.issue(time.Now().Add(time.Hour)))})
	if _, _, err := good.Submit(t.Context(), []byte{1}); err != nil {
		t.Error(err)
	}
}

func TestToken(t *testing.T) {
	n := newNode()
	n.submit = func(_ [][]byte, done func([]ledger.Reject, []ledger.Hash)) {
		t.Error("a caller without the token reached the node")
		done([]ledger.Reject{ledger.RejectBusy}, nil)
	}
	cfg := testConfig()
	cfg.Token = "right-token"
	addr, _ := serve(t, cfg, n.server())
	for _, token := range []string{"", "right-toke", "right-token2", "Right-token", "wrong"} {
		c := dial(t, addr, client.Options{Token: token})
		_, _, err := c.Submit(t.Context(), []byte{1})
		if !errors.Is(err, client.ErrDenied) {
			t.Errorf("token %q: %v", token, err)
		} else if strings.Contains(err.Error(), cfg.Token) {
			t.Errorf("the error tells the token: %v", err)
		}
		s, err := c.SubmitStream(t.Context())
		if err == nil {
			_, _, err = s.Recv(nil)
		}
		if !errors.Is(err, client.ErrDenied) {
			t.Errorf("stream with token %q: %v", token, err)
		}
	}
	n.submit = acceptAll
	if _, _, err := dial(t, addr, client.Options{Token: "right-token"}).Submit(t.Context(), []byte{1}); err != nil {
		t.Error(err)
	}
}

// TestPlaintext is permitted on loopback, and elsewhere when asked for.
func TestPlaintext(t *testing.T) {
	for addr, loopback := range map[string]bool{
		"127.0.0.1:7": true, "127.9.9.9:7": true, "[::1]:7": true, "localhost:7": true,
		"10.0.0.1:7": false, "0.0.0.0:7": false, ":7": false, "example.org:7": false,
	} {
		for _, asked := range []bool{false, true} {
			c, err := client.Dial(addr, client.Options{AllowPlaintext: asked})
			if (err == nil) != (loopback || asked) {
				t.Errorf("Dial %s, asked %v: %v", addr, asked, err)
			}
			if err == nil {
				c.Close()
			}
			cfg := server.DefaultConfig()
			cfg.Listen, cfg.AllowPlaintext = addr, asked
			if err := cfg.Validate(); (err == nil) != (loopback || asked) {
				t.Errorf("Validate %s, asked %v: %v", addr, asked, err)
			}
		}
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, err = dial(t, l.Addr().String(), client.Options{}).Info(t.Context())
	if !errors.Is(err, client.ErrUnreachable) || strings.Contains(err.Error(), "desc =") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

func TestBusyPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := testConfig()
	cfg.Listen = l.Addr().String()
	_, err = server.New(cfg, newNode().server())
	want := cfg.Listen + ": bind: address already in use"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestClose gives back the address and the goroutines of a server that was
// never run.
func TestClose(t *testing.T) {
	s, err := server.New(testConfig(), newNode().server())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if l, err := net.Listen("tcp", s.Addr().String()); err != nil {
		t.Error(err)
	} else {
		l.Close()
	}
}

// TestRunCancelled stops a server before or while it begins to serve.
func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		s, err := server.New(testConfig(), newNode().server())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConfigRanges(t *testing.T) {
	for name, change := range map[string]func(*server.Config){
		"listen":            func(c *server.Config) { c.Listen = "here" },
		"max connections":   func(c *server.Config) { c.MaxConnections = 0 },
		"max streams":       func(c *server.Config) { c.MaxStreams = 1 << 20 },
		"connect timeout":   func(c *server.Config) { c.ConnectTimeout = 0 },
		"idle timeout":      func(c *server.Config) { c.IdleTimeout = -1 },
		"stop timeout":      func(c *server.Config) { c.StopTimeout = time.Hour },
		"batch txs":         func(c *server.Config) { c.BatchTxs = 0 },
		"stream batches":    func(c *server.Config) { c.StreamBatches = 0 },
		"stream txs":        func(c *server.Config) { c.StreamTxs = c.BatchTxs - 1 },
		"connection txs":    func(c *server.Config) { c.ConnectionTxs = 0 },
		"futile":            func(c *server.Config) { c.Futile = c.MaxStreams - 1 },
		"futile per second": func(c *server.Config) { c.FutilePerS = 0 },
		"max followers":     func(c *server.Config) { c.MaxFollowers = 0 },
		"unanswered bytes":  func(c *server.Config) { c.UnansweredBytes = 1 },
		"":                  func(*server.Config) {},
	} {
		cfg := server.DefaultConfig()
		change(&cfg)
		err := cfg.Validate()
		if name == "" {
			if err != nil {
				t.Errorf("the defaults: %v", err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), name+":") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
