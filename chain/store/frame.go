package store

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// pos is a place in the log. Segments are numbered from 1.
type pos struct{ seg, off uint32 }

func (p pos) compare(q pos) int { return cmp.Or(cmp.Compare(p.seg, q.seg), cmp.Compare(p.off, q.off)) }

func (p pos) before(q pos) bool { return p.compare(q) < 0 }

// kind is what a record holds.
type kind uint8

const (
	kindBlock kind = 1 // a block; flagExtend: it became the tip of the best chain
	kindUndo  kind = 2 // what a block spent that came without
	kindBest  kind = 3 // the best chain went another way
)

const flagExtend = 1

// The sections of a record. A block uses all; kindUndo the third; kindBest has
// the number of reverted blocks in the first, and the hashes of those reverted
// and then of those applied in the second.
const (
	sectionBody = iota
	sectionIDs
	sectionUndo // empty: not connected
	sectionMeta
	sections
)

// sectionMax bounds each section in bytes. A block spends at most one output
// per 132 bytes.
var sectionMax = [sections]uint32{
	ledger.MaxBlockBytes,
	max(ledger.MaxBlockTxs, bestHashesMax) * 32,
	4 + ledger.MaxBlockBytes/132*ledger.ChangeSize,
	MaxMetaBytes,
}

// bestHashesMax bounds the blocks that one kindBest reverts and applies.
const bestHashesMax = 1 << 18

// frame is the head of a record; the sections follow it without gaps.
//
//	magic u32 | crc u32 | kind u8 | flags u8 | 0 u16 | synced segment u32, offset u32
//	| 4 x section length u32 | 4 x section crc u32 | height u32 | hash
//
// Checksums are CRC-32C. That of the head also covers the record's own place,
// so that bytes that look like a record, left over or within a block, are none.
type frame struct {
	kind   kind
	flags  uint8
	synced pos // everything before it was on the disk when the record was written
	length [sections]uint32
	crc    [sections]uint32
	height uint32
	hash   ledger.Hash
}

const (
	frameSize  = 8 + 4 + 8 + 16 + 16 + 4 + 32
	frameMagic = 0x52594443 // "CDYR"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// size is the length of the whole record.
func (f *frame) size() uint32 {
	n := uint32(frameSize)
	for _, l := range f.length {
		n += l
	}
	return n
}

// offset is where a section begins, from the start of the record.
func (f *frame) offset(section int) uint32 {
	n := uint32(frameSize)
	for _, l := range f.length[:section] {
		n += l
	}
	return n
}

// put writes the head for a record at a place into b[:frameSize].
func (f *frame) put(b []byte, at pos) {
	binary.LittleEndian.PutUint32(b, frameMagic)
	b[8], b[9], b[10], b[11] = byte(f.kind), f.flags, 0, 0
	binary.LittleEndian.PutUint32(b[12:], f.synced.seg)
	binary.LittleEndian.PutUint32(b[16:], f.synced.off)
	for i := range sections {
		binary.LittleEndian.PutUint32(b[20+4*i:], f.length[i])
		binary.LittleEndian.PutUint32(b[36+4*i:], f.crc[i])
	}
	binary.LittleEndian.PutUint32(b[52:], f.height)
	copy(b[56:], f.hash[:])
	binary.LittleEndian.PutUint32(b[4:], headCRC(b, at))
}

func headCRC(b []byte, at pos) uint32 {
	var place [8]byte
	binary.LittleEndian.PutUint32(place[:], at.seg)
	binary.LittleEndian.PutUint32(place[4:], at.off)
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, b[8:frameSize])
}

// parseFrame decodes the head of the record at a place. It checks everything
// that can be known without the sections.
func parseFrame(b []byte, at pos) (f frame, err error) {
	if len(b) < frameSize || binary.LittleEndian.Uint32(b) != frameMagic {
		return f, fmt.Errorf("no record")
	}
	if binary.LittleEndian.Uint32(b[4:]) != headCRC(b, at) {
		return f, fmt.Errorf("wrong checksum of a record's head")
	}
	f.kind, f.flags = kind(b[8]), b[9]
	f.synced = pos{binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint32(b[16:])}
	for i := range sections {
		f.length[i] = binary.LittleEndian.Uint32(b[20+4*i:])
		f.crc[i] = binary.LittleEndian.Uint32(b[36+4*i:])
		if f.length[i] > sectionMax[i] {
			return f, fmt.Errorf("section %d of a record has %d bytes, the bound is %d", i, f.length[i], sectionMax[i])
		}
	}
	f.height = binary.LittleEndian.Uint32(b[52:])
	f.hash = ledger.Hash(b[56:])
	return f, f.checkShape()
}

func (f *frame) checkShape() error {
	l := f.length
	ok := false
	switch f.kind {
	case kindBlock:
		ok = l[sectionBody] >= ledger.HeaderSize && l[sectionIDs]%32 == 0 && l[sectionIDs] <= ledger.MaxBlockTxs*32
	case kindUndo:
		ok = l[sectionBody]+l[sectionIDs]+l[sectionMeta] == 0 && l[sectionUndo] >= 4
	case kindBest:
		ok = l[sectionBody] == 4 && l[sectionIDs]%32 == 0 && l[sectionUndo]+l[sectionMeta] == 0
	}
	if !ok {
		return fmt.Errorf("record of kind %d with sections of %d bytes", f.kind, l)
	}
	return nil
}

// checkSection compares a section with its checksum.
func (f *frame) checkSection(section int, b []byte) error {
	if crc32.Checksum(b, castagnoli) != f.crc[section] {
		return fmt.Errorf("wrong checksum of section %d of a record", section)
	}
	return nil
}

// encoder puts records together in a buffer that is used again.
type encoder struct{ buf []byte }

// bufferKept is the largest buffer that is kept for the next record.
const bufferKept = 16 << 20

// begin starts a record; sections are appended in order with section.
func (e *encoder) begin() {
	if cap(e.buf) > bufferKept {
		e.buf = nil
	}
	e.buf = append(e.buf[:0], make([]byte, frameSize)...)
}

// section ends a section that began when the buffer had so many bytes.
func (e *encoder) section(f *frame, section, began int) {
	b := e.buf[began:]
	f.length[section] = uint32(len(b))
	f.crc[section] = crc32.Checksum(b, castagnoli)
}

func (e *encoder) block(f *frame, r *Record, hash ledger.Hash) {
	e.begin()
	f.kind, f.height, f.hash = kindBlock, r.Height, hash
	n := len(e.buf)
	e.buf = append(e.buf, r.Body...)
	e.section(f, sectionBody, n)
	n = len(e.buf)
	for i := range r.IDs {
		e.buf = append(e.buf, r.IDs[i][:]...)
	}
	e.section(f, sectionIDs, n)
	n = len(e.buf)
	if r.Undo != nil || r.Extend {
		e.buf = ledger.AppendChanges(e.buf, r.Undo)
	}
	e.section(f, sectionUndo, n)
	n = len(e.buf)
	e.buf = r.Meta.append(e.buf)
	e.section(f, sectionMeta, n)
	if r.Extend {
		f.flags = flagExtend
	}
}

func (e *encoder) undo(f *frame, at Ref, spent []ledger.Change) {
	e.begin()
	f.kind, f.height, f.hash = kindUndo, at.Height, at.Hash
	e.buf = ledger.AppendChanges(e.buf, spent)
	e.section(f, sectionUndo, frameSize)
}

func (e *encoder) best(f *frame, tip Ref, revert, apply []ledger.Hash) {
	e.begin()
	f.kind, f.height, f.hash = kindBest, tip.Height, tip.Hash
	e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(len(revert)))
	e.section(f, sectionBody, frameSize)
	n := len(e.buf)
	for _, list := range [][]ledger.Hash{revert, apply} {
		for i := range list {
			e.buf = append(e.buf, list[i][:]...)
		}
	}
	e.section(f, sectionIDs, n)
}

// parseBest decodes the sections of a kindBest.
func parseBest(body, ids []byte) (revert, apply []ledger.Hash, err error) {
	if len(body) != 4 || len(ids)%32 != 0 {
		return nil, nil, fmt.Errorf("a switch of %d and %d bytes", len(body), len(ids))
	}
	hashes := parseHashes(ids)
	if n := binary.LittleEndian.Uint32(body); uint64(n) <= uint64(len(hashes)) {
		return hashes[:n], hashes[n:], nil
	}
	return nil, nil, fmt.Errorf("a switch reverts more blocks than it names")
}

// parseHashes decodes packed hashes; the length of b is a multiple of 32.
func parseHashes(b []byte) []ledger.Hash {
	hashes := make([]ledger.Hash, len(b)/32)
	for i := range hashes {
		hashes[i] = ledger.Hash(b[32*i:])
	}
	return hashes
}
