package tree

import "slices"

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
