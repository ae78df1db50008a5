// Package tlsx turns names of PEM files into TLS 1.3 settings, and says which
// addresses need them.
package tlsx

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
)

// Server names the files of a TLS server. The zero value means no TLS.
type Server struct {
	Cert     string `json:"cert"`      // certificate chain
	Key      string `json:"key"`       // its private key
	ClientCA string `json:"client_ca"` // clients must show a certificate of these; "": none is asked for
}

// Enabled says whether any file is named.
func (s Server) Enabled() bool { return s != Server{} }

// Validate checks that the files that belong together are named together. It
// opens none.
func (s Server) Validate() error {
	if s.Enabled() && (s.Cert == "" || s.Key == "") {
		return errors.New("a TLS server needs both a certificate and a key")
	}
	return nil
}

// Config reads the files. It returns nil without an error where TLS is off.
func (s Server) Config() (*tls.Config, error) {
	if err := s.Validate(); err != nil || !s.Enabled() {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(s.Cert, s.Key)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}}
	if s.ClientCA != "" {
		if cfg.ClientCAs, err = pool(s.ClientCA); err != nil {
			return nil, err
		}
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return cfg, nil
}

// Client names the files of a TLS client. The zero value means no TLS.
type Client struct {
	CA         string `json:"ca"`          // the server's certificate must be of these
	Cert       string `json:"cert"`        // shown to the server; "": none
	Key        string `json:"key"`         // of Cert
	ServerName string `json:"server_name"` // expected in the certificate; "": the host dialled
}

// Enabled says whether anything is set.
func (c Client) Enabled() bool { return c != Client{} }

// Validate checks that the files that belong together are named together. It
// opens none.
func (c Client) Validate() error {
	if (c.Cert == "") != (c.Key == "") {
		return errors.New("a TLS client's certificate needs its key, and a key its certificate")
	}
	return nil
}

// Config reads the files. It returns nil without an error where TLS is off.
// Without a CA the system's roots decide.
func (c Client) Config() (*tls.Config, error) {
	if err := c.Validate(); err != nil || !c.Enabled() {
		return nil, err
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, ServerName: c.ServerName}
	var err error
	if c.CA != "" {
		if cfg.RootCAs, err = pool(c.CA); err != nil {
			return nil, err
		}
	}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, fmt.Errorf("TLS certificate: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

func pool(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("TLS authorities: %w", err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("TLS authorities: no certificate in %s", file)
	}
	return p, nil
}

// Loopback says whether addr (host:port) can be reached from this machine
// only. An empty host means all interfaces; names other than localhost are not
// looked up.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
