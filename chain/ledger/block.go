package ledger

import "encoding/binary"

// HeaderSize is the size of an encoded header in bytes.
const HeaderSize = 80

// Header is Bitcoin's: 80 bytes, little-endian, hashed with double SHA-256.
// Time counts Params.TimeUnit since Params.Epoch.
type Header struct {
	Version uint32
	Prev    Hash
	Merkle  Hash
	Time    uint32
	Bits    uint32 // compact target
	Nonce   uint32
}

// Encode returns the 80 bytes that are hashed.
func (h *Header) Encode() (b [HeaderSize]byte) {
	binary.LittleEndian.PutUint32(b[0:], h.Version)
	copy(b[4:], h.Prev[:])
	copy(b[36:], h.Merkle[:])
	binary.LittleEndian.PutUint32(b[68:], h.Time)
	binary.LittleEndian.PutUint32(b[72:], h.Bits)
	binary.LittleEndian.PutUint32(b[76:], h.Nonce)
	return b
}

// Hash returns the block's hash.
func (h *Header) Hash() Hash {
	b := h.Encode()
	return DoubleSHA256(b[:])
}

// ParseHeader decodes the header at the start of b. The error is
// RejectMalformed.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, RejectMalformed
	}
	return Header{
		Version: binary.LittleEndian.Uint32(b[0:]),
		Prev:    Hash(b[4:36]),
		Merkle:  Hash(b[36:68]),
		Time:    binary.LittleEndian.Uint32(b[68:]),
		Bits:    binary.LittleEndian.Uint32(b[72:]),
		Nonce:   binary.LittleEndian.Uint32(b[76:]),
	}, nil
}

// Block is a header and its transactions, the coinbase first. Encoded: header,
// count u32, transactions.
type Block struct {
	Header Header
	Txs    []Tx
}

// Size is the length of the encoding in bytes.
func (b *Block) Size() int {
	n := HeaderSize + 4
	for i := range b.Txs {
		n += b.Txs[i].Size()
	}
	return n
}

// Append appends the canonical encoding to dst.
func (b *Block) Append(dst []byte) []byte {
	h := b.Header.Encode()
	dst = append(dst, h[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(b.Txs)))
	for i := range b.Txs {
		dst = append(dst, b.Txs[i].Bytes()...)
	}
	return dst
}

// IDs returns the IDs of all transactions in order.
func (b *Block) IDs() []Hash {
	ids := make([]Hash, len(b.Txs))
	for i := range b.Txs {
		ids[i] = b.Txs[i].ID()
	}
	return ids
}

// Bounds of a block that ParseBlock enforces before it allocates.
const (
	MaxBlockBytes = 32 << 20
	MaxBlockTxs   = 150_000
	minTxBytes    = txHeadSize + outputSize
)

// ParseBlock decodes a block; b must hold nothing else and must not change any
// more, since the transactions alias it. It checks encodings and bounds, no
// rule. The first transaction may be as large as the block, since a genesis
// coinbase is. The error is a Reject.
func ParseBlock(b []byte) (Block, error) {
	if len(b) > MaxBlockBytes {
		return Block{}, RejectBlockSize
	}
	h, err := ParseHeader(b)
	if err != nil {
		return Block{}, err
	}
	if b = b[HeaderSize:]; len(b) < 4 {
		return Block{}, RejectMalformed
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	if b = b[4:]; n > MaxBlockTxs {
		return Block{}, RejectBlockSize
	} else if n*minTxBytes > uint64(len(b)) {
		return Block{}, RejectMalformed
	}
	blk := Block{Header: h, Txs: make([]Tx, n)}
	bound := MaxBlockBytes
	for i := range blk.Txs {
		if blk.Txs[i], b, err = ParseTx(b, bound); err != nil {
			return Block{}, err
		}
		bound = MaxTxBytes
	}
	if len(b) != 0 {
		return Block{}, RejectMalformed
	}
	return blk, nil
}

// Entry is an output in the set of those that can be spent.
type Entry struct {
	Output
	Height   uint32 // of the block that created it
	Coinbase bool
}

// Change is one output that a block adds to or takes from the set.
type Change struct {
	Point OutPoint
	Entry Entry
}

// Delta is what one block does to the output set. Outputs that are born and
// spent within the block are in neither list. Reverting swaps the lists.
type Delta struct {
	Height  uint32
	Block   Hash
	Prev    Hash
	Spent   []Change // what Undo data keeps
	Created []Change
	Fees    uint64
}
