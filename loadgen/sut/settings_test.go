package sut

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chaindyno/chaindyno/internal/strictyaml"
)

// TestSettingsOfANetwork follows three nodes, two of them miners, through their
// first lives and a second one.
func TestSettingsOfANetwork(t *testing.T) {
	given := strictyaml.Tree{
		"sync": "block", "miner": strictyaml.Tree{"threads": int64(2), "seed": int64(7)}, "peers": strictyaml.Tree{"relay": "flood"},
	}
	p := NewProcess(ProcessConfig{Binary: "x", Dir: "/d", Nodes: 3, Miners: 2, Node: given})
	settings := func(node int) strictyaml.Tree {
		s := p.nodes[node].settings()
		for _, key := range []string{"name", "data", "sync"} {
			if s[key] == nil {
				t.Errorf("node %d has no %s", node, key)
			}
			delete(s, key)
		}
		return s
	}
	want := func(node int, want strictyaml.Tree) {
		t.Helper()
		if diff := cmp.Diff(want, settings(node)); diff != "" {
			t.Errorf("node %d: %s", node, diff)
		}
	}
	free, none := "127.0.0.1:0", []string{}
	want(0, strictyaml.Tree{
		"listen": free, "admin": free, "http": free, "miner": strictyaml.Tree{"threads": int64(2), "seed": int64(7)},
		"peers": strictyaml.Tree{"relay": "flood", "listen": free, "seeds": none},
	})
	p.nodes[0].bound = ready{Listen: "h:1", Admin: "h:2", Peers: "h:3", HTTP: "h:4"}
	p.net.joined(0, "h:3")
	want(1, strictyaml.Tree{
		"listen": free, "admin": free, "http": free, "miner": strictyaml.Tree{"threads": int64(2), "seed": int64(8)},
		"peers": strictyaml.Tree{"relay": "flood", "listen": free, "seeds": []string{"h:3"}},
	})
	p.net.joined(1, "h:13")
	want(2, strictyaml.Tree{
		"listen": free, "admin": free, "http": free, "miner": strictyaml.Tree{"threads": 0, "seed": int64(7)},
		"peers": strictyaml.Tree{"relay": "flood", "listen": free, "seeds": []string{"h:3"}},
	})
	p.net.joined(2, "h:23")
	want(0, strictyaml.Tree{
		"listen": "h:1", "admin": "h:2", "http": "h:4", "miner": strictyaml.Tree{"threads": int64(2), "seed": int64(7)},
		"peers": strictyaml.Tree{"relay": "flood", "listen": "h:3", "seeds": []string{"h:13", "h:23"}},
	})
	if diff := cmp.Diff(strictyaml.Tree{"threads": int64(2), "seed": int64(7)}, given["miner"]); diff != "" {
		t.Errorf("what was given has changed: %s", diff)
	}
}

// TestSettingsOfOneNode leaves a node by itself alone.
func TestSettingsOfOneNode(t *testing.T) {
	p := NewProcess(ProcessConfig{
		Binary: "x", Dir: "/d", Nodes: 1, Miners: 1, Port: 7700, Node: strictyaml.Tree{"miner": strictyaml.Tree{"threads": int64(0)}},
		Change: func(node int, s strictyaml.Tree) { s["changed"] = node },
	})
	want := strictyaml.Tree{
		"name": "node-0", "data": "/d/node-0/data", "listen": "127.0.0.1:7700", "admin": "127.0.0.1:7701", "http": "127.0.0.1:7703",
		"miner": strictyaml.Tree{"threads": int64(0)}, "changed": 0,
	}
	if diff := cmp.Diff(want, p.nodes[0].settings()); diff != "" {
		t.Error(diff)
	}
}
