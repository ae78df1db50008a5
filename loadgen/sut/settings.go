package sut

import (
	"maps"
	"net"
	"strconv"
	"sync"

	"github.com/chaindyno/chaindyno/internal/strictyaml"
)

// network is where the nodes of one system find each other.
type network struct {
	mu sync.Mutex
	at []string // by node; empty: not started yet
}

func (w *network) joined(node int, address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at[node] = address
}

// seeds is where a node looks for the others: at the first one when it starts,
// and at all of them in a later life, since the first one may be down then.
func (w *network) seeds(node int) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	later, all := w.at[node] != "", []string{}
	for i, address := range w.at {
		if i != node && address != "" && (later || i == 0) {
			all = append(all, address)
		}
	}
	return all
}

// portsEach is how far apart the ports of two nodes are; within it, a node has
// its API, then admin, peers and HTTP.
const portsEach = 10

const loopback = "127.0.0.1"

// settings are the node's own: the system's, and what tells it from the others.
func (n *node) settings() strictyaml.Tree {
	s := strictyaml.Tree{}
	maps.Copy(s, n.cfg.Node)
	s["name"], s["data"] = n.name, n.data()
	s["listen"] = n.address(0, n.bound.Listen)
	s["admin"] = n.address(1, n.bound.Admin)
	s["http"] = n.address(3, n.bound.HTTP)
	if n.cfg.Nodes > 1 {
		peers := branch(s, "peers")
		peers["listen"], peers["seeds"] = n.address(2, n.bound.Peers), n.net.seeds(n.index)
		n.mine(branch(s, "miner"))
	}
	if n.cfg.Change != nil {
		n.cfg.Change(n.index, s)
	}
	return s
}

// address is where a server of the node listens: where it did before, or at
// the port that it is given, or wherever there is room.
func (n *node) address(offset int, before string) string {
	switch {
	case before != "":
		return before
	case n.cfg.Port == 0:
		return net.JoinHostPort(loopback, "0")
	}
	return net.JoinHostPort(loopback, strconv.Itoa(n.cfg.Port+n.index*portsEach+offset))
}

// mine says whether the node makes blocks. Miners that drew equal waits would
// find every block together.
func (n *node) mine(miner strictyaml.Tree) {
	if n.cfg.Miners > 0 && n.index >= n.cfg.Miners {
		miner["threads"] = 0
		return
	}
	seed, _ := miner["seed"].(int64)
	miner["seed"] = seed + int64(n.index)
}

// branch returns a copy of a subtree, put in its place.
func branch(s strictyaml.Tree, key string) strictyaml.Tree {
	sub := strictyaml.Tree{}
	switch old := s[key].(type) {
	case strictyaml.Tree:
		maps.Copy(sub, old)
	case map[string]any:
		maps.Copy(sub, old)
	}
	s[key] = sub
	return sub
}
