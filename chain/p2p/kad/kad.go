// Package kad finds nodes by their IDs: a table of k-buckets and the iterative
// lookup of Kademlia. Rules are those of P. Maymounkov and D. Mazières,
// "Kademlia: A Peer-to-Peer Information System Based on the XOR Metric",
// IPTPS 2002; comments give the section. Nothing is stored in the network but
// who is there.
package kad

import (
	"bytes"
	"math/bits"
	"math/rand/v2"
)

const (
	// K is the number of contacts in a bucket, in an answer and in the result
	// of a lookup (section 2.2).
	K = 16
	// Alpha is how many are asked at a time (section 2.3).
	Alpha = 3
	// AddrMax bounds an address: a name of 255 bytes, a colon, five digits.
	AddrMax = 261

	bitsOfID = 8 * len(ID{})
)

// ID is what a node is found by.
type ID [32]byte

// Contact is a node and the address that it is dialled at.
type Contact struct {
	ID   ID
	Addr string // host:port, at most AddrMax bytes
}

// usable says whether a contact may be kept by a node of the ID self.
func (c Contact) usable(self ID) bool {
	return c.ID != self && c.Addr != "" && len(c.Addr) <= AddrMax
}

// Distance is the XOR metric (section 2.1): a big-endian number.
func Distance(a, b ID) ID {
	for i := range a {
		a[i] ^= b[i]
	}
	return a
}

// Nearer orders a and b by their distances from target: negative where a is
// nearer, zero where they are one.
func Nearer(target, a, b ID) int {
	a, b = Distance(a, target), Distance(b, target)
	return bytes.Compare(a[:], b[:])
}

// shared returns how many leading bits two IDs have in common: 0 to 256.
func shared(a, b ID) int {
	for i := range a {
		if x := a[i] ^ b[i]; x != 0 {
			return 8*i + bits.LeadingZeros8(x)
		}
	}
	return bitsOfID
}

// Random draws an ID.
func Random(rng *rand.Rand) (id ID) {
	for i := range id {
		id[i] = byte(rng.Uint32())
	}
	return id
}

// randomAt draws an ID that shares exactly n < 256 leading bits with self.
func randomAt(self ID, n int, rng *rand.Rand) ID {
	id := Random(rng)
	for i := range n {
		id = withBit(id, i, bit(self, i))
	}
	return withBit(id, n, !bit(self, n))
}

func bit(id ID, i int) bool { return id[i/8]&(0x80>>(i%8)) != 0 }

func withBit(id ID, i int, one bool) ID {
	if bit(id, i) != one {
		id[i/8] ^= 0x80 >> (i % 8)
	}
	return id
}
