package p2p

import (
	"crypto/tls"
	"testing"

	"google.golang.org/grpc/credentials"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/internal/tlsx"
)

// named makes a certificate of a node and returns what it serves and calls with.
func named(t *testing.T, by *tlsx.Authority, name string) (server, client *tls.Config) {
	t.Helper()
	pair, err := by.Issue(tlsx.Request{Name: name, Hosts: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	certs := []tls.Certificate{pair.TLS()}
	server = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: certs, ClientCAs: by.Pool(), ClientAuth: tls.RequireAndVerifyClientCert}
	return server, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: certs, RootCAs: by.Pool()}
}

// A node that calls itself by another's ID neither takes that one's place nor
// has it banned for what it does itself.
func TestImpostor(t *testing.T) {
	by, err := tlsx.NewAuthority("test", 0)
	if err != nil {
		t.Fatal(err)
	}
	over := func(name string) options {
		return options{host: func(c *Config) { c.ServerTLS, c.ClientTLS = named(t, by, name) }}
	}
	victim := startNode(t, over("victim"))
	honest := startNode(t, over("honest"), victim.addr())
	connected(t, victim, 1)
	before := victim.host.Peers()[0]

	as := func(name string) *stranger {
		_, client := named(t, by, name)
		s := newStrangerOver(t, victim, credentials.NewTLS(client))
		s.id = honest.host.ID()
		return s
	}
	impostor := as("impostor")
	if got := impostor.enter(impostor.hello()); got != string(refusedTwice) {
		t.Errorf("beside the one whose ID it has: refused %q", got)
	}
	if now := victim.host.Peers(); len(now) != 1 || now[0].Since != before.Since {
		t.Errorf("the honest peer's place was taken: %+v", now)
	}
	honest.stop()
	connected(t, victim, 0)
	if got := impostor.enter(impostor.hello()); got != "" {
		t.Fatalf("refused %q", got)
	}
	impostor.say(frameTxs(&chainpb.Txs{Bodies: []byte("junk"), Sizes: []uint32{4}}))
	impostor.expelled()
	back := as("honest")
	if got := back.enter(back.hello()); got != "" {
		t.Errorf("the one whose ID was abused: refused %q", got)
	}
}
