package tlsx

import (
	"crypto/tls"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// world is an authority and the folder of what it has issued.
type world struct {
	*Authority
	dir, file string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	a, err := NewAuthority("test", 0)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Authority: a, dir: t.TempDir()}
	w.file = filepath.Join(w.dir, "ca.pem")
	if err := a.WriteCert(w.file); err != nil {
		t.Fatal(err)
	}
	return w
}

// issue writes a certificate and its key.
func (w *world) issue(t *testing.T, r Request) (certFile, keyFile string) {
	t.Helper()
	pair, err := w.Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(w.dir, r.Name+".pem"), filepath.Join(w.dir, r.Name+".key")
	if err := pair.Write(certFile, keyFile); err != nil {
		t.Fatal(err)
	}
	return certFile, keyFile
}

func node(name string) Request { return Request{Name: name, Hosts: []string{"localhost", "127.0.0.1"}} }

// shake lets a client and a server talk, and returns both errors.
func shake(t *testing.T, s Server, c Client) (serverErr, clientErr error) {
	t.Helper()
	sc, err := s.Config()
	if err != nil {
		t.Fatal(err)
	}
	cc, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	return shakeWith(t, sc, cc)
}

func shakeWith(t *testing.T, sc, cc *tls.Config) (serverErr, clientErr error) {
	t.Helper()
	if cc.ServerName == "" {
		cc.ServerName = "localhost"
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", sc)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan error)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			err = conn.(*tls.Conn).Handshake()
		}
		if err == nil {
			_, err = conn.Write([]byte("x"))
		}
		if conn != nil {
			conn.Close()
		}
		done <- err
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client := tls.Client(conn, cc)
	_, clientErr = client.Read(make([]byte, 1))
	client.Close()
	return <-done, clientErr
}

func TestMutualTLS(t *testing.T) {
	ours, theirs := newWorld(t), newWorld(t)
	sc, sk := ours.issue(t, node("server"))
	cc, ck := ours.issue(t, Request{Name: "client"})
	oc, ok := ours.issue(t, Request{Name: "old", NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)})
	xc, xk := theirs.issue(t, Request{Name: "stranger"})
	server := Server{Cert: sc, Key: sk, ClientCA: ours.file}
	for _, tc := range []struct {
		name   string
		server Server
		client Client
		ok     bool
	}{
		{"mutual", server, Client{CA: ours.file, Cert: cc, Key: ck}, true},
		{"server only", Server{Cert: sc, Key: sk}, Client{CA: ours.file}, true},
		{"no client certificate", server, Client{CA: ours.file}, false},
		{"client of another authority", server, Client{CA: ours.file, Cert: xc, Key: xk}, false},
		{"expired client", server, Client{CA: ours.file, Cert: oc, Key: ok}, false},
		{"client that serves", Server{Cert: cc, Key: ck}, Client{CA: ours.file}, false},
		{"server of another authority", server, Client{CA: theirs.file, Cert: cc, Key: ck}, false},
		{"another name", server, Client{CA: ours.file, Cert: cc, Key: ck, ServerName: "elsewhere"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			serverErr, clientErr := shake(t, tc.server, tc.client)
			if ok := serverErr == nil && clientErr == nil; ok != tc.ok {
				t.Errorf("server: %v, client: %v, want success %v", serverErr, clientErr, tc.ok)
			}
		})
	}
}

// TestPeers lets nodes in, and no client of the same authority.
func TestPeers(t *testing.T) {
	ours, theirs := newWorld(t), newWorld(t)
	peer := func(w *world, r Request) Peer {
		cert, key := w.issue(t, r)
		return Peer{Cert: cert, Key: key, CA: w.file}
	}
	server, _, err := peer(ours, node("a")).Config()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		peer Peer
		ok   bool
	}{
		{"node", peer(ours, node("b")), true},
		{"client", peer(ours, Request{Name: "c"}), false},
		{"node of another network", peer(theirs, node("d")), false},
	} {
		_, client, err := tc.peer.Config()
		if err != nil {
			t.Fatal(err)
		}
		client.RootCAs = ours.Pool()
		serverErr, clientErr := shakeWith(t, server, client)
		if ok := serverErr == nil && clientErr == nil; ok != tc.ok {
			t.Errorf("%s: server: %v, client: %v, want success %v", tc.name, serverErr, clientErr, tc.ok)
		}
	}
	if _, _, err := (Peer{Cert: "a", Key: "b"}).Config(); err == nil {
		t.Error("peers without an authority")
	}
}

func TestOff(t *testing.T) {
	if c, err := (Server{}).Config(); c != nil || err != nil {
		t.Errorf("server: %v, %v", c, err)
	}
	if c, err := (Client{}).Config(); c != nil || err != nil {
		t.Errorf("client: %v, %v", c, err)
	}
	if s, c, err := (Peer{}).Config(); s != nil || c != nil || err != nil {
		t.Errorf("peer: %v, %v, %v", s, c, err)
	}
}

func TestBadFiles(t *testing.T) {
	a := newWorld(t)
	cert, key := a.issue(t, node("leaf"))
	for _, tc := range []struct {
		name string
		try  func() (*tls.Config, error)
		want string
	}{
		{"no key", Server{Cert: cert}.Config, "both"},
		{"authority alone", Server{ClientCA: a.file}.Config, "both"},
		{"missing file", Server{Cert: cert, Key: "/nowhere"}.Config, "/nowhere"},
		{"authority without a certificate", Server{Cert: cert, Key: key, ClientCA: key}.Config, "no certificate in"},
		{"missing authority", Client{CA: "/nowhere"}.Config, "/nowhere"},
		{"client key alone", Client{Key: key}.Config, "needs its key"},
		{"client pair swapped", Client{Cert: key, Key: cert}.Config, "TLS certificate"},
	} {
		if c, err := tc.try(); c != nil || err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error with %q", tc.name, err, tc.want)
		}
	}
}

func TestLoopback(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:80": true, "127.9.9.9:0": true, "[::1]:1": true, "localhost:1": true, "[::ffff:127.0.0.1]:1": true,
		":80": false, "0.0.0.0:80": false, "[::]:80": false, "10.0.0.1:80": false, "example.com:80": false,
		"localhost.evil.example:1": false, "127.0.0.1": false, "": false,
	} {
		if got := Loopback(addr); got != want {
			t.Errorf("Loopback(%q) = %v, want %v", addr, got, want)
		}
	}
}
