// Package client talks to a node. Its exported API speaks of ledger's types and
// plain values: nobody who uses it sees the wire. What a node sends is checked
// before it is passed on, and its lists are bounded before memory is taken.
package client
