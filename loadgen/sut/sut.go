// Package sut starts, resets, hurts and stops the system under test: child
// processes of this binary, or nodes that somebody else runs.
package sut

import (
	"context"
	"errors"

	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

// System is what is measured, seen from outside.
type System interface {
	// Up starts the nodes and returns when each can be used.
	Up(ctx context.Context) ([]Node, error)
	// Reset brings every node back to an empty chain; ErrNotOurs where that is
	// not in our power, and replicates are then dependent on each other.
	Reset(ctx context.Context) error
	// Inject does one fault and returns when it is over: a node that was
	// killed is back. A cancelled ctx ends the fault early and leaves no node
	// down.
	Inject(ctx context.Context, f scenario.Fault) error
	// Down stops what Up started and removes its data. It is called exactly
	// once, whatever became of Up.
	Down(ctx context.Context) error
}

// ErrNotOurs says that the system was not started by us.
var ErrNotOurs = errors.New("the target was not started by this run, so it is neither reset nor hurt")

// Node is one node that is up.
type Node struct {
	Name    string `json:"name"`
	Address string `json:"listen"` // where transactions are submitted
	Admin   string `json:"admin"`  // metrics, health and pprof; empty = none
	Peers   string `json:"peers"`  // where other nodes connect to; empty = a node by itself
	HTTP    string `json:"http"`   // JSON API and explorer; empty = none
	Network string `json:"network"`
	Genesis string `json:"genesis"`
	PID     int    `json:"pid"` // 0 = not a process of ours
}
