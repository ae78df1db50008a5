package main

import (
	"testing"

	"github.com/chaindyno/chaindyno/chain/api/client"
)

// Two nodes as users start them: a transaction that one is sent is in a block
// of the other.
func TestNodesArePeers(t *testing.T) {
	a := startNode(t, small(t.TempDir(), "--set", "peers.listen=127.0.0.1:0", "--threads", "0"))
	b := startNode(t, small(t.TempDir(), "--set", "peers.listen=127.0.0.1:0", "--set", "peers.seeds="+a.ready.Peers, "--pace", "5ms"))
	c, err := client.Dial(a.ready.Listen, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	info, err := c.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	payOnce(t, c, info.Params) // which waits for a block, and only the other node makes any
	if b.ready.Peers == "" || b.ready.Peers == a.ready.Peers {
		t.Errorf("ready lines: %+v, %+v", a.ready, b.ready)
	}
}
