package tree

import (
	"slices"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/pow"
)

// child returns the node of a header on top of parent, in no tree yet.
func child(h ledger.Header, hash ledger.Hash, parent *Node) Node {
	n := Node{
		Header: h, Hash: hash, Height: parent.Height + 1, Parent: parent,
		jump: jumpFor(parent), first: parent.first,
	}
	n.Work.Add(&parent.Work, pow.Work(h.Bits))
	if n.Height == 1 {
		n.first = h.Time
	}
	return n
}

// medianOf is over how many headers the median of times is taken.
const medianOf = 11

// MedianTime returns the median of the times of the last 11 headers up to and
// with n, which a child's time must not be under. Of an even number near the
// genesis it is the later of the two in the middle.
func (n *Node) MedianTime() uint32 {
	var buf [medianOf]uint32
	times := buf[:0]
	for ; n != nil && len(times) < medianOf; n = n.Parent {
		times = append(times, n.Header.Time)
	}
	return median(times)
}

// median sorts times, of which there must be one at least.
func median(times []uint32) uint32 {
	slices.Sort(times)
	return times[len(times)/2]
}

// Ancestor returns the node at height on n's branch, n itself included, or nil
// where height is above n. It takes O(log n) steps.
func (n *Node) Ancestor(height uint32) *Node {
	if height > n.Height {
		return nil
	}
	for n.Height > height {
		if n.jump.Height >= height {
			n = n.jump
		} else {
			n = n.Parent
		}
	}
	return n
}

// jumpFor returns the second pointer of a child of parent: two equal jumps in
// a row are joined to one (E. W. Myers, "An applicative random-access stack",
// 1983), so that pointers of all lengths occur and one of them is always near.
func jumpFor(parent *Node) *Node {
	once := parent.jump
	if twice := once.jump; parent.Height-once.Height == once.Height-twice.Height {
		return twice
	}
	return parent
}

// Fork returns the last common ancestor of two nodes of one tree.
func Fork(a, b *Node) *Node {
	height := min(a.Height, b.Height)
	a, b = a.Ancestor(height), b.Ancestor(height)
	for a != b {
		a, b = a.Parent, b.Parent
	}
	return a
}

// locatorDense is how many of a locator's hashes follow one another before the
// gaps double.
const locatorDense = 8

// Locator names n's branch so that somebody on another branch finds where they
// part: the newest hashes, then ever farther apart, the genesis last. That is
// at most 40 hashes, and the first common one is at most twice as far from n
// as the fork is.
func (n *Node) Locator() []ledger.Hash {
	var hashes []ledger.Hash
	for gap := uint32(1); n.Parent != nil; n = n.Ancestor(n.Height - min(gap, n.Height)) {
		hashes = append(hashes, n.Hash)
		if len(hashes) >= locatorDense {
			gap *= 2
		}
	}
	return append(hashes, n.Hash)
}

// After returns the headers of n's branch from a height upwards, at most most
// of them.
func (n *Node) After(from uint32, most int) []ledger.Header {
	if from > n.Height || most <= 0 {
		return nil
	}
	count := min(uint64(n.Height)-uint64(from)+1, uint64(most))
	headers := make([]ledger.Header, count)
	at := n.Ancestor(from + uint32(count) - 1)
	for i := range headers {
		headers[len(headers)-1-i] = at.Header
		at = at.Parent
	}
	return headers
}
