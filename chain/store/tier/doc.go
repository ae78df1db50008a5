// Package tier is the read path: blocks, transactions and proofs by hash, from
// the first of three tiers that has them.
//
//	L1  in process, bounded by bytes
//	L2  a Redis that nodes share; optional
//	L3  the store (Source), the only authority
//
//	Find(id)                    where the best chain has it: always asked of L3
//	L1                          content by hash, which never changes
//	one flight per missing key  L2, checked against the hash; else L3
//	L1, and L2 in the background
//
// Only content is kept, and content is named by its hash: a block is what its
// header hashes to and its Merkle root commits to, a transaction what its ID is
// the hash of, a proof what leads to the root of a header of our own chain.
// Whether a transaction is on the best chain is asked anew for every read, so
// that no reorganisation makes an answer old. What comes from L2 is checked
// before it is used; so Redis can change how fast an answer comes, and never
// what it is.
package tier
