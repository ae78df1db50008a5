package tlsx

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
)

// Peer names the files with which nodes show each other who they are. The zero
// value means no TLS.
type Peer struct {
	Cert string `json:"cert" doc:"own certificate, PEM file"`
	Key  string `json:"key"  doc:"own key, PEM file"`
	CA   string `json:"ca"   doc:"authority of all nodes, PEM file"`
}

// Enabled says whether any file is named.
func (p Peer) Enabled() bool { return p != Peer{} }

// Validate checks that all three files are named, or none. It opens none.
func (p Peer) Validate() error {
	if p.Enabled() && (p.Cert == "" || p.Key == "" || p.CA == "") {
		return errors.New("TLS between nodes needs a certificate, its key and the authority")
	}
	return nil
}

// Config reads the files, for connections that others make and for those made
// to others. Both are nil without an error where TLS is off. A certificate of
// the same authority that is for clients only does not make its holder a node.
func (p Peer) Config() (server, client *tls.Config, err error) {
	if err := p.Validate(); err != nil || !p.Enabled() {
		return nil, nil, err
	}
	if server, err = (Server{Cert: p.Cert, Key: p.Key, ClientCA: p.CA}).Config(); err != nil {
		return nil, nil, err
	}
	if client, err = (Client{Cert: p.Cert, Key: p.Key, CA: p.CA}).Config(); err != nil {
		return nil, nil, err
	}
	server.VerifyConnection = nodeOnly
	return server, client, nil
}

var errNoNode = errors.New("the certificate is a client's, and here only nodes are let in")

// nodeOnly lets in certificates that may serve as well as call. The chain has
// been verified by then.
func nodeOnly(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 || !slices.Contains(s.PeerCertificates[0].ExtKeyUsage, x509.ExtKeyUsageServerAuth) {
		return errNoNode
	}
	return nil
}
