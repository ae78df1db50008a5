package tlsx

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority is a throw-away certificate authority.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.file, _ = a.issue(t, name, true)
	return a
}

// issue writes a certificate and its key; without an authority yet it signs
// itself.
func (a *authority) issue(t *testing.T, name string, isCA bool) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: isCA, BasicConstraintsValid: true,
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert == nil {
		a.key = key
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key")
	writePEM(t, certFile, "CERTIFICATE", der)
	writePEM(t, keyFile, "EC PRIVATE KEY", keyDER)
	return certFile, keyFile
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

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
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	sc, sk := ours.issue(t, "server", false)
	cc, ck := ours.issue(t, "client", false)
	xc, xk := theirs.issue(t, "stranger", false)
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

func TestOff(t *testing.T) {
	if c, err := (Server{}).Config(); c != nil || err != nil {
		t.Errorf("server: %v, %v", c, err)
	}
	if c, err := (Client{}).Config(); c != nil || err != nil {
		t.Errorf("client: %v, %v", c, err)
	}
}

func TestBadFiles(t *testing.T) {
	a := newAuthority(t, "ours")
	cert, key := a.issue(t, "leaf", false)
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
