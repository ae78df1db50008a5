package ledger

import (
	"encoding/binary"
	"slices"
)

// Sizes of encodings for the output set, in bytes.
const (
	OutPointSize = 32 + 4
	EntrySize    = 8 + 20 + 4 + 1
	ChangeSize   = OutPointSize + EntrySize
)

// Append appends the encoding: ID, then index big-endian, so that byte order
// is the order of outpoints.
func (o OutPoint) Append(dst []byte) []byte {
	dst = append(dst, o.TxID[:]...)
	return binary.BigEndian.AppendUint32(dst, o.Index)
}

// ParseOutPoint decodes the outpoint that b holds and nothing else. The error
// is RejectMalformed.
func ParseOutPoint(b []byte) (OutPoint, error) {
	if len(b) != OutPointSize {
		return OutPoint{}, RejectMalformed
	}
	return OutPoint{TxID: Hash(b[:32]), Index: binary.BigEndian.Uint32(b[32:])}, nil
}

// AppendEntry appends the encoding: value u64, key hash, height u32, coinbase
// u8.
func AppendEntry(dst []byte, e Entry) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, e.Value)
	dst = append(dst, e.Key[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, e.Height)
	return append(dst, boolByte(e.Coinbase))
}

// ParseEntry decodes the entry that b holds and nothing else. The error is
// RejectMalformed.
func ParseEntry(b []byte) (Entry, error) {
	if len(b) != EntrySize || b[EntrySize-1] > 1 {
		return Entry{}, RejectMalformed
	}
	return Entry{
		Output:   Output{Value: binary.LittleEndian.Uint64(b), Key: KeyHash(b[8:28])},
		Height:   binary.LittleEndian.Uint32(b[28:]),
		Coinbase: b[EntrySize-1] == 1,
	}, nil
}

// AppendChanges appends the encoding of a list of changes, such as a block's
// undo data: count u32, then outpoint and entry of each.
func AppendChanges(dst []byte, changes []Change) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(changes)))
	for i := range changes {
		dst = changes[i].Point.Append(dst)
		dst = AppendEntry(dst, changes[i].Entry)
	}
	return dst
}

// ParseChanges decodes what AppendChanges wrote; b must hold nothing else. It
// allocates no more than a small multiple of b. The error is RejectMalformed.
func ParseChanges(b []byte) ([]Change, error) {
	if len(b) < 4 {
		return nil, RejectMalformed
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	if b = b[4:]; n*ChangeSize != uint64(len(b)) {
		return nil, RejectMalformed
	}
	changes := make([]Change, n)
	for i := range changes {
		var err error
		if changes[i].Entry, err = ParseEntry(b[OutPointSize:ChangeSize]); err != nil {
			return nil, err
		}
		changes[i].Point, _ = ParseOutPoint(b[:OutPointSize])
		b = b[ChangeSize:]
	}
	return changes, nil
}

// AppendHashes appends a list of hashes back to back.
func AppendHashes(dst []byte, list []Hash) []byte {
	dst = slices.Grow(dst, len(list)*len(Hash{}))
	for i := range list {
		dst = append(dst, list[i][:]...)
	}
	return dst
}

// ParseHashes decodes what AppendHashes wrote, at most most hashes, and copies
// them. The error is RejectMalformed.
func ParseHashes(b []byte, most int) ([]Hash, error) {
	const size = len(Hash{})
	if len(b)%size != 0 || len(b) > most*size {
		return nil, RejectMalformed
	}
	list := make([]Hash, len(b)/size)
	for i := range list {
		list[i] = Hash(b[i*size:])
	}
	return list, nil
}

// Cut splits what lies back to back. The parts alias b and cannot grow into
// each other. Nothing is allocated before the sizes are known to add up to the
// length of b. The error is RejectMalformed.
func Cut(b []byte, sizes []uint32) ([][]byte, error) {
	var sum uint64
	for _, n := range sizes {
		sum += uint64(n)
	}
	if sum != uint64(len(b)) {
		return nil, RejectMalformed
	}
	parts := make([][]byte, len(sizes))
	for i, n := range sizes {
		parts[i], b = b[:n:n], b[n:]
	}
	return parts, nil
}
