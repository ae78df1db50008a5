package tlsx

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// AuthorityName is the name of the authority's files in a folder.
const AuthorityName = "ca"

// File is a certificate in a folder, together with its key.
type File struct {
	Name      string // of the request; AuthorityName
	Cert, Key string // paths
	Leaf      *x509.Certificate
	Made      bool // else it was there and has been kept
}

// Make sees that folder dir holds an authority and a certificate for each
// request, and returns them, the authority first: NAME.pem, readable by all,
// and NAME.key, readable by the owner alone. What is there is kept if it is
// what is asked for, and never replaced; if it is anything else, that is an
// error. Either all that is missing is made, or nothing.
func Make(dir string, requests ...Request) ([]File, error) {
	for i, r := range requests {
		if err := r.Validate(); err != nil {
			return nil, err
		}
		same := func(o Request) bool { return o.Name == r.Name }
		if r.Name == AuthorityName || slices.ContainsFunc(requests[:i], same) {
			return nil, fmt.Errorf("name %q is taken: choose another one", r.Name)
		}
	}
	f := &folder{dir: dir}
	defer f.undo()
	if err := f.authority(); err != nil {
		return nil, err
	}
	for _, r := range requests {
		if err := f.certificate(r); err != nil {
			return nil, err
		}
	}
	if err := f.place(); err != nil {
		return nil, err
	}
	return f.files, nil
}

// folder is a Make under way.
type folder struct {
	dir     string
	by      *Authority
	files   []File
	pairs   []Pair // in parallel with files; only of those that are made
	made    string // the outermost folder that was made for it; "" = none
	staging string // where files are written before they are placed
	placed  []string
}

func (f *folder) paths(name string) (cert, key string) {
	return filepath.Join(f.dir, name+".pem"), filepath.Join(f.dir, name+".key")
}

// present says whether both files of a name are there; one alone is an error.
func (f *folder) present(name string) (bool, error) {
	cert, key := f.paths(name)
	_, noCert := os.Lstat(cert)
	_, noKey := os.Lstat(key)
	switch {
	case errors.Is(noCert, fs.ErrNotExist) && errors.Is(noKey, fs.ErrNotExist):
		return false, nil
	case noCert == nil && noKey == nil:
		return true, nil
	case noCert == nil && errors.Is(noKey, fs.ErrNotExist):
		return false, fmt.Errorf("%s is there without %s: bring back the key, or remove the certificate", cert, key)
	case noKey == nil && errors.Is(noCert, fs.ErrNotExist):
		return false, fmt.Errorf("%s is there without %s: bring back the certificate, or remove the key", key, cert)
	}
	return false, errors.Join(noCert, noKey)
}

func (f *folder) authority() error {
	there, err := f.present(AuthorityName)
	if err != nil {
		return err
	}
	cert, key := f.paths(AuthorityName)
	if there {
		if f.by, err = LoadAuthority(cert, key); err != nil {
			return err
		}
	} else if f.by, err = NewAuthority("chaindyno dev CA", 0); err != nil {
		return err
	}
	f.add(File{Name: AuthorityName, Cert: cert, Key: key, Made: !there}, f.by.pair)
	return nil
}

func (f *folder) add(file File, pair Pair) {
	file.Leaf = pair.Leaf
	f.files, f.pairs = append(f.files, file), append(f.pairs, pair)
}

func (f *folder) certificate(r Request) error {
	there, err := f.present(r.Name)
	if err != nil {
		return err
	}
	cert, key := f.paths(r.Name)
	var pair Pair
	if !there {
		if pair, err = f.by.Issue(r); err != nil {
			return err
		}
	} else if pair, err = load(cert, key); err != nil {
		return err
	} else if err := f.fits(pair.Leaf, r); err != nil {
		return fmt.Errorf("%s %w: remove it and its key, or choose another name", cert, err)
	}
	f.add(File{Name: r.Name, Cert: cert, Key: key, Made: !there}, pair)
	return nil
}

// fits says why a certificate that is there is not the one asked for.
func (f *folder) fits(c *x509.Certificate, r Request) error {
	if !f.by.signed(c) {
		return errors.New("is of another authority")
	}
	if err := current(c); err != nil {
		return err
	}
	have, want := Hosts(c), slices.Clone(r.Hosts)
	for i, h := range want {
		if ip := net.ParseIP(h); ip != nil {
			want[i] = ip.String()
		}
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		return fmt.Errorf("is there for other hosts (%s)", strings.Join(have, ", "))
	}
	return nil
}

// Hosts are the DNS names and addresses that a certificate is for.
func Hosts(c *x509.Certificate) []string {
	hosts := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return hosts
}

// place writes what was made into a folder beside its destination, and links
// it there: a name either is a whole file or is not there, and one that
// somebody else has made in the meantime is not replaced.
func (f *folder) place() error {
	f.made = missing(f.dir)
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return err
	}
	var err error
	if f.staging, err = os.MkdirTemp(f.dir, ".certs-"); err != nil {
		return err
	}
	for i, file := range f.files {
		if !file.Made {
			continue
		}
		cert, key, err := f.pairs[i].encode()
		if err != nil {
			return err
		}
		if err := f.put(file.Key, key, 0o600); err != nil {
			return err
		}
		if err := f.put(file.Cert, cert, 0o644); err != nil {
			return err
		}
	}
	f.placed, f.made = nil, ""
	return nil
}

func (f *folder) put(path string, text []byte, mode fs.FileMode) error {
	from := filepath.Join(f.staging, filepath.Base(path))
	if err := writeSynced(from, text, mode); err != nil {
		return err
	}
	if err := os.Link(from, path); err != nil {
		return err
	}
	f.placed = append(f.placed, path)
	return nil
}

// writeSynced makes a new file that is whole and on the disk, or none.
func writeSynced(path string, text []byte, mode fs.FileMode) error {
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	if err = errors.Join(err, w.Chmod(mode), w.Sync(), w.Close()); err != nil {
		_ = os.Remove(path)
	}
	return err
}

// undo removes what place leaves on its way, and after a failure what it has
// placed.
func (f *folder) undo() {
	for _, path := range f.placed {
		_ = os.Remove(path)
	}
	if f.staging != "" {
		_ = os.RemoveAll(f.staging)
	}
	if f.made != "" {
		_ = os.Remove(f.made) // the folder itself; those above it may be in use
	}
}

// missing returns dir where it does not exist.
func missing(dir string) string {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return dir
	}
	return ""
}

// Described is what a certificate file says.
type Described struct {
	Subject, Issuer string
	Hosts           []string
	From, Until     time.Time
	Authority       bool
	Server, Client  bool  // what it may be used for
	Now             error // why it is not valid now, or nil
}

// Describe reads the first certificate of a PEM file.
func Describe(file string) (Described, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Described{}, err
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != pemCertificate {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return Described{}, fmt.Errorf("%s: %w", file, err)
		}
		return Described{
			Subject: c.Subject.String(), Issuer: c.Issuer.String(), Hosts: Hosts(c), From: c.NotBefore, Until: c.NotAfter,
			Authority: c.IsCA, Server: slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth),
			Client: slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth), Now: current(c),
		}, nil
	}
	return Described{}, fmt.Errorf("%s holds no certificate in PEM format", file)
}
