package tlsx

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// How long what is made is valid unless asked otherwise. Browsers trust no
// server certificate of more than 825 days.
const (
	AuthorityValidity = 10 * 365 * 24 * time.Hour
	Validity          = 825 * 24 * time.Hour
	// skew is how far ahead of others' clocks ours may be.
	skew = time.Hour
)

// Authority signs certificates for a development network. Its keys are ECDSA
// over P-256, which every browser knows.
type Authority struct{ pair Pair }

// Request is what a certificate is asked to say.
type Request struct {
	Name  string   // common name, and the name of its files
	Hosts []string // DNS names and IP addresses of a node; none: a client, which can serve nobody
	// NotBefore is an hour ago and NotAfter Validity from now unless given. None
	// outlives its authority.
	NotBefore, NotAfter time.Time
}

// Pair is a certificate and its key.
type Pair struct {
	Leaf *x509.Certificate
	key  crypto.Signer
}

// NewAuthority makes an authority that signs itself. valid of 0 is
// AuthorityValidity.
func NewAuthority(name string, valid time.Duration) (*Authority, error) {
	if valid == 0 {
		valid = AuthorityValidity
	}
	now := time.Now()
	pair, err := sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-skew), NotAfter: now.Add(valid),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:     true, BasicConstraintsValid: true, MaxPathLenZero: true,
	}, nil)
	return &Authority{pair}, err
}

// Issue makes a certificate: for a node, which serves and calls others, where
// r names hosts, and otherwise for a client.
func (a *Authority) Issue(r Request) (Pair, error) {
	if err := r.Validate(); err != nil {
		return Pair{}, err
	}
	now := time.Now()
	tmpl := &x509.Certificate{
		Subject: pkix.Name{CommonName: r.Name}, NotBefore: r.NotBefore, NotAfter: r.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	if tmpl.NotBefore.IsZero() {
		tmpl.NotBefore = now.Add(-skew)
	}
	if tmpl.NotAfter.IsZero() {
		tmpl.NotAfter = now.Add(Validity)
	}
	if own := a.pair.Leaf.NotAfter; tmpl.NotAfter.After(own) {
		tmpl.NotAfter = own
	}
	for _, h := range r.Hosts {
		if ip := net.ParseIP(h); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, h)
		}
	}
	if len(r.Hosts) > 0 {
		tmpl.ExtKeyUsage = append(tmpl.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	return sign(tmpl, a)
}

// Pool holds the authority alone.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.pair.Leaf)
	return p
}

// sign makes a key and its certificate. Without an authority it signs itself.
func sign(tmpl *x509.Certificate, by *Authority) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	if tmpl.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return Pair{}, err
	}
	parent, signer := tmpl, crypto.Signer(key)
	if by != nil {
		parent, signer = by.pair.Leaf, by.pair.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	if err != nil {
		return Pair{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return Pair{leaf, key}, err
}

// TLS returns the pair as crypto/tls wants it.
func (p Pair) TLS() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{p.Leaf.Raw}, PrivateKey: p.key, Leaf: p.Leaf}
}

// encode returns the two PEM files.
func (p Pair) encode() (cert, key []byte, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return nil, nil, err
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: p.Leaf.Raw})
	return cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

const pemCertificate = "CERTIFICATE"

// Write makes two new files: the certificate, readable by all, and the key,
// readable by the owner alone. A file that is there is an error and stays.
func (p Pair) Write(certFile, keyFile string) error {
	cert, key, err := p.encode()
	if err != nil {
		return err
	}
	if err := writeSynced(keyFile, key, 0o600); err != nil {
		return err
	}
	if err := writeSynced(certFile, cert, 0o644); err != nil {
		return errors.Join(err, os.Remove(keyFile))
	}
	return nil
}

// WriteCert makes a new file of the authority's certificate alone, for those
// who are to trust it.
func (a *Authority) WriteCert(file string) error {
	cert, _, err := a.pair.encode()
	if err != nil {
		return err
	}
	return writeSynced(file, cert, 0o644)
}

// load reads a pair of files that belong together.
func load(certFile, keyFile string) (Pair, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return Pair{}, fmt.Errorf("%s and %s: %w", certFile, keyFile, err)
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return Pair{}, fmt.Errorf("%s: the key cannot sign", keyFile)
	}
	return Pair{pair.Leaf, key}, nil
}

// LoadAuthority reads an authority that can still sign.
func LoadAuthority(certFile, keyFile string) (*Authority, error) {
	pair, err := load(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	if c := pair.Leaf; !c.IsCA || c.KeyUsage&x509.KeyUsageCertSign == 0 {
		return nil, fmt.Errorf("%s is the certificate of no authority", certFile)
	}
	if err := current(pair.Leaf); err != nil {
		return nil, fmt.Errorf("%s %w", certFile, err)
	}
	return &Authority{pair}, nil
}

// current says whether a certificate is valid now.
func current(c *x509.Certificate) error {
	switch now := time.Now(); {
	case now.After(c.NotAfter):
		return fmt.Errorf("has expired on %s", c.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(c.NotBefore):
		return fmt.Errorf("is not valid before %s", c.NotBefore.UTC().Format(time.DateTime))
	}
	return nil
}

// signed says whether the authority has signed c.
func (a *Authority) signed(c *x509.Certificate) bool { return c.CheckSignatureFrom(a.pair.Leaf) == nil }

// Validate returns the first thing that is wrong with the request, in one
// line.
func (r *Request) Validate() error {
	if err := checkName(r.Name); err != nil {
		return err
	}
	for i, h := range r.Hosts {
		if net.ParseIP(h) == nil {
			if err := checkHost(h); err != nil {
				return err
			}
		}
		for _, other := range r.Hosts[:i] {
			if h == other {
				return fmt.Errorf("host %q is named twice", h)
			}
		}
	}
	if !r.NotAfter.IsZero() && !r.NotBefore.IsZero() && !r.NotBefore.Before(r.NotAfter) {
		return errors.New("a certificate must begin before it ends")
	}
	return nil
}

// nameMax is what a label of DNS may have, so that any node's name fits.
const nameMax = 63

// checkName permits names that are plain in a file system and in a log.
func checkName(name string) error {
	plain := name != "" && len(name) <= nameMax && name[0] != '.' && name[0] != '-'
	for _, r := range name {
		plain = plain && (letterOrDigit(r) || r == '-' || r == '_' || r == '.')
	}
	if !plain {
		return fmt.Errorf("name %q: permitted are 1 to %d letters, digits, dots, dashes and underscores, a letter or digit first", name, nameMax)
	}
	return nil
}

// checkHost permits what can be looked up, with "*." in front or without, and
// the underscores that container networks use.
func checkHost(h string) error {
	wrong := fmt.Errorf("host %q: want a DNS name or an IP address, without a port", h)
	rest := h
	if len(h) > 2 && h[:2] == "*." {
		rest = h[2:]
	}
	if rest == "" || len(h) > 253 {
		return wrong
	}
	label := 0
	for i, r := range rest {
		switch {
		case r == '.':
			if label == 0 || rest[i-1] == '-' {
				return wrong
			}
			label = 0
			continue
		case letterOrDigit(r), r == '_', r == '-' && label > 0:
			label++
		default:
			return wrong
		}
		if label > nameMax {
			return wrong
		}
	}
	if last := rest[len(rest)-1]; last == '.' || last == '-' {
		return wrong
	}
	return nil
}

func letterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
