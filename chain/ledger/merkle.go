package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// MerkleRoot returns the root over ids by Bitcoin's rule: double SHA-256 of
// pairs, the last one of an odd level paired with itself. mutated says that
// two equal neighbours were paired somewhere: then a shorter list has the same
// root (CVE-2012-2459), and the list must be refused without refusing the
// header, which an honest list may carry as well. No transactions give the
// zero hash.
func MerkleRoot(ids []Hash) (root Hash, mutated bool) {
	if len(ids) == 0 {
		return Hash{}, false
	}
	level := slices.Clone(ids)
	for len(level) > 1 {
		mutated = merkleLevel(level) || mutated
		level = level[:(len(level)+1)/2]
	}
	return level[0], mutated
}

// merkleLevel replaces the first half of level by the level above and says
// whether it paired two equal neighbours.
func merkleLevel(level []Hash) (mutated bool) {
	n := len(level)
	for i := 0; i+1 < n; i += 2 {
		mutated = mutated || level[i] == level[i+1]
		level[i/2] = merkleNode(&level[i], &level[i+1])
	}
	if n%2 == 1 {
		level[n/2] = merkleNode(&level[n-1], &level[n-1])
	}
	return mutated
}

func merkleNode(left, right *Hash) Hash {
	var b [64]byte
	copy(b[:32], left[:])
	copy(b[32:], right[:])
	first := sha256.Sum256(b[:])
	return sha256.Sum256(first[:])
}

// Proof shows that a transaction is in a block to somebody who has the header
// alone. An inner node can't pass for a transaction (CVE-2017-12842): two
// hashes have 64 bytes, and no transaction has.
type Proof struct {
	Index    uint32 // of the transaction in the block
	Count    uint32 // transactions in the block, at least 1
	Siblings []Hash // from the leaf upwards
}

// MerkleProof returns the proof for ids[index].
func MerkleProof(ids []Hash, index int) Proof {
	p := Proof{Index: uint32(index), Count: uint32(len(ids))}
	level := slices.Clone(ids)
	for ; len(level) > 1; index /= 2 {
		sibling := min(index^1, len(level)-1)
		p.Siblings = append(p.Siblings, level[sibling])
		merkleLevel(level)
		level = level[:(len(level)+1)/2]
	}
	return p
}

// Verify says whether the proof leads from id to root. It refuses proofs of a
// mutated list: a node may equal its sibling only where the tree duplicates it.
func (p Proof) Verify(id, root Hash) bool {
	if p.Index >= p.Count || len(p.Siblings) != merkleDepth(p.Count) {
		return false
	}
	at, index, count := id, p.Index, p.Count
	for i := range p.Siblings {
		sibling := p.Siblings[i]
		alone := index == count-1 && count%2 == 1
		if (sibling == at) != alone {
			return false
		}
		if index%2 == 0 {
			at = merkleNode(&at, &sibling)
		} else {
			at = merkleNode(&sibling, &at)
		}
		index, count = index/2, (count+1)/2
	}
	return at == root
}

// merkleDepth is the number of levels above count leaves.
func merkleDepth(count uint32) (depth int) {
	for n := uint64(count); n > 1; n = (n + 1) / 2 {
		depth++
	}
	return depth
}

// Append appends the encoding: index u32, count u32, siblings. Their number
// follows from count.
func (p Proof) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, p.Index)
	dst = binary.LittleEndian.AppendUint32(dst, p.Count)
	for i := range p.Siblings {
		dst = append(dst, p.Siblings[i][:]...)
	}
	return dst
}

// ParseProof decodes a proof; b must hold nothing else. The error is
// RejectMalformed.
func ParseProof(b []byte) (Proof, error) {
	if len(b) < 8 {
		return Proof{}, RejectMalformed
	}
	p := Proof{Index: binary.LittleEndian.Uint32(b), Count: binary.LittleEndian.Uint32(b[4:])}
	depth := merkleDepth(p.Count)
	if b = b[8:]; p.Index >= p.Count || p.Count > MaxBlockTxs || len(b) != depth*len(Hash{}) {
		return Proof{}, RejectMalformed
	}
	for ; len(b) > 0; b = b[32:] {
		p.Siblings = append(p.Siblings, Hash(b[:32]))
	}
	return p, nil
}
