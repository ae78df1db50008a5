// Package tree is the tree of headers: which are valid, which branch has most
// work, and how to get from one branch to another. It is pure: no goroutine,
// clock or I/O.
package tree

import (
	"slices"

	"github.com/holiman/uint256"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/pow"
)

// Tree holds one node of some 300 bytes for each header ever accepted, side
// branches included: each cost its work, which is the bound. Headers that were
// rejected are not kept. It belongs to one goroutine; its Nodes may be read by
// any, but for what Refuse changes.
type Tree struct {
	params *ledger.Params
	nodes  map[ledger.Hash]*Node
	best   *Node
}

// Node is a header in the tree. It must not be changed.
type Node struct {
	Header ledger.Header
	Hash   ledger.Hash
	Height uint32
	Work   uint256.Int // of the branch from the genesis up to here
	Parent *Node       // nil for the genesis

	jump    *Node  // an ancestor farther off, the genesis' own itself; see jumpFor
	first   uint32 // time of block 1 on this branch, the anchor of ASERT
	seq     int    // order of arrival, which decides between equal work
	refused bool   // the block, or one before it, breaks a rule
}

// New returns a tree that holds the genesis of p.
func New(p *ledger.Params) *Tree {
	header := p.Genesis().Header
	root := &Node{Header: header, Hash: p.GenesisHash()}
	root.jump = root
	return &Tree{params: p, nodes: map[ledger.Hash]*Node{root.Hash: root}, best: root}
}

// Add checks a header by all rules that need no transactions and adds it.
// nowUnits is the local clock (Params.Units); the largest uint32 waives the
// check against it, for headers that were accepted before. A header that is
// known already comes back with RejectDuplicate, or with RejectInvalidParent
// when it was refused. Otherwise the node is nil when the header is rejected.
func (t *Tree) Add(h ledger.Header, nowUnits uint32) (*Node, ledger.Reject) {
	hash := h.Hash()
	if n, ok := t.nodes[hash]; ok {
		if n.refused {
			return n, ledger.RejectInvalidParent
		}
		return n, ledger.RejectDuplicate
	}
	parent := t.nodes[h.Prev]
	if reject := t.Check(&h, parent, nowUnits); reject != ledger.RejectNone {
		return nil, reject
	}
	return t.insert(h, hash, parent), ledger.RejectNone
}

// Check judges a header on top of parent as Add does and adds nothing. A nil
// parent is an unknown one.
func (t *Tree) Check(h *ledger.Header, parent *Node, nowUnits uint32) ledger.Reject {
	switch {
	case parent == nil || h.Prev != parent.Hash:
		return ledger.RejectParent
	case parent.refused:
		return ledger.RejectInvalidParent
	}
	return checkHeader(t.params, h, t.NextBits(parent), parent.MedianTime(), nowUnits)
}

// checkHeader applies the rules to a header that follows its parent, whose
// branch asks for bits and has that median of times.
func checkHeader(p *ledger.Params, h *ledger.Header, bits, median, nowUnits uint32) ledger.Reject {
	switch {
	case h.Version != ledger.HeaderVersion:
		return ledger.RejectVersion
	case h.Bits != bits:
		return ledger.RejectTarget
	case !pow.CheckWork(h, p.Bits):
		return ledger.RejectWork
	}
	return ledger.CheckHeaderTime(h, median, nowUnits, p)
}

// Judge checks a run of headers, each of which builds on the one before and
// the first on one of the tree, by the rules of Add, and adds none of them.
// Those that the tree has already are passed over. It returns the last one,
// whose work is that of the whole branch; unless the tree has it, the node and
// those before it are not in the tree, and go with it: some 300 bytes for each
// header, whose number the caller bounds. No headers give nil.
func (t *Tree) Judge(headers []ledger.Header, nowUnits uint32) (*Node, ledger.Reject) {
	if len(headers) == 0 {
		return nil, ledger.RejectNone
	}
	at := t.nodes[headers[0].Prev]
	run := make([]Node, 0, len(headers)) // never grown, since nodes point into it
	for i := range headers {
		h := &headers[i]
		hash := h.Hash()
		if known := t.nodes[hash]; known != nil && known.Parent == at {
			if known.refused {
				return nil, ledger.RejectInvalidParent
			}
			at = known
			continue
		}
		if reject := t.Check(h, at, nowUnits); reject != ledger.RejectNone {
			return nil, reject
		}
		run = append(run, child(*h, hash, at))
		at = &run[len(run)-1]
	}
	return at, ledger.RejectNone
}

// Heavier says whether a branch that ends with n would win: only more work
// does, since of equals the first stays.
func (t *Tree) Heavier(n *Node) bool { return n.Work.Gt(&t.best.Work) }

func (t *Tree) insert(h ledger.Header, hash ledger.Hash, parent *Node) *Node {
	n := new(Node)
	*n = child(h, hash, parent)
	n.seq = len(t.nodes)
	t.nodes[hash] = n
	if n.better(t.best) {
		t.best = n
	}
	return n
}

// better orders branches: more work, then first seen.
func (n *Node) better(than *Node) bool {
	if c := n.Work.Cmp(&than.Work); c != 0 {
		return c > 0
	}
	return n.seq < than.seq
}

// Get returns the node of a header, or nil.
func (t *Tree) Get(hash ledger.Hash) *Node { return t.nodes[hash] }

// Best returns the tip of the branch with most work among those not refused.
// Between equals it is the one seen first.
func (t *Tree) Best() *Node { return t.best }

// Len counts the headers, genesis included.
func (t *Tree) Len() int { return len(t.nodes) }

// NextBits returns the bits that a child of parent must have.
func (t *Tree) NextBits(parent *Node) uint32 {
	return pow.NextBits(t.params, pow.Link{Height: parent.Height, Time: parent.Header.Time, First: parent.first})
}

// Refuse marks a block that broke a rule, and all that builds on it, so that
// Best is another branch. It looks at every node, which a block that costs
// its work and breaks a rule is worth. The genesis can't be refused.
func (t *Tree) Refuse(n *Node) {
	if n.Parent == nil {
		return
	}
	t.best = nil
	for _, m := range t.nodes {
		if m.Ancestor(n.Height) == n {
			m.refused = true
		}
		if !m.refused && (t.best == nil || m.better(t.best)) {
			t.best = m
		}
	}
}

// Refused says whether the block or one before it was refused.
func (n *Node) Refused() bool { return n.refused }

// Plan says how to get from one tip to another: the blocks to revert, from's
// first, then those to apply, to's last. Both are empty when from is to.
func (t *Tree) Plan(from, to *Node) (revert, apply []ledger.Hash) {
	fork := Fork(from, to)
	for n := from; n != fork; n = n.Parent {
		revert = append(revert, n.Hash)
	}
	for n := to; n != fork; n = n.Parent {
		apply = append(apply, n.Hash)
	}
	slices.Reverse(apply)
	return revert, apply
}
