package store

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// find returns the entry of a block, nil if it is not in the store.
func (s *Store) find(hash ledger.Hash) (*entry, error) {
	s.mu.RLock()
	e, closed := s.known[hash], s.closed
	s.mu.RUnlock()
	if closed {
		return nil, ErrClosed
	}
	if e != nil {
		return e, nil
	}
	return s.index.block(hash)
}

// must is find, with ErrNotFound instead of nil.
func (s *Store) must(hash ledger.Hash) (*entry, error) {
	e, err := s.find(hash)
	if err == nil && e == nil {
		err = fmt.Errorf("block %s: %w", hash, ErrNotFound)
	}
	return e, err
}

// placeAt returns the best chain's block at a height. mu is held.
func (s *Store) placeAt(height uint32) (place, bool, error) {
	if s.closed {
		return place{}, false, ErrClosed
	}
	if !s.hasBest || height > s.best.Height {
		return place{}, false, nil
	}
	for _, g := range []*generation{s.active, s.frozen, s.written} {
		if g == nil {
			continue
		}
		if p := g.heights[height]; p != nil {
			return *p, true, nil
		}
	}
	return s.index.at(height)
}

// isBest says whether a block is on the best chain. mu is held.
func (s *Store) isBest(at Ref) (bool, error) {
	p, ok, err := s.placeAt(at.Height)
	return ok && p.Hash == at.Hash, err
}

// Has says whether the block is in the store, on any branch.
func (s *Store) Has(hash ledger.Hash) (bool, error) {
	e, err := s.find(hash)
	return e != nil, err
}

// Info returns what is known of a block. ErrNotFound as from all that follow.
func (s *Store) Info(hash ledger.Hash) (Info, error) {
	e, err := s.must(hash)
	if err != nil {
		return Info{}, err
	}
	s.mu.RLock()
	best, err := s.isBest(e.Ref)
	s.mu.RUnlock()
	return Info{
		Ref: e.Ref, Header: e.header, Bytes: int(e.bytes), Txs: int(e.txs),
		Best: best, Durable: e.at.before(s.log.syncedTo()),
	}, err
}

// InfoAt is Info of the block of the best chain at a height.
func (s *Store) InfoAt(height uint32) (Info, error) {
	s.mu.RLock()
	p, ok, err := s.placeAt(height)
	s.mu.RUnlock()
	if err != nil {
		return Info{}, err
	}
	if !ok {
		return Info{}, fmt.Errorf("height %d: %w", height, ErrNotFound)
	}
	return s.Info(p.Hash)
}

// chunk bounds the heights that are read while mu is held.
const chunk = 128

// Headers returns up to n headers of the best chain, from a height upwards. They
// are of one chain if no more than 128 are asked for; else the caller checks
// that each names the one before.
func (s *Store) Headers(from uint32, n int) ([]ledger.Header, error) {
	var headers []ledger.Header
	for len(headers) < n {
		places, err := s.places(from, min(n-len(headers), chunk))
		if err != nil {
			return nil, err
		}
		for i := range places {
			headers = append(headers, places[i].header)
		}
		from += uint32(len(places))
		if len(places) < chunk {
			break
		}
	}
	return headers, nil
}

// places returns up to n blocks of the best chain, from a height upwards.
func (s *Store) places(from uint32, n int) ([]place, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.placesLocked(from, n)
}

func (s *Store) placesLocked(from uint32, n int) (places []place, err error) {
	for range n {
		p, ok, err := s.placeAt(from)
		if err != nil || !ok {
			return places, err
		}
		places = append(places, p)
		from++
	}
	return places, nil
}

// section reads one section of the record at a place, checked.
func (s *Store) section(at pos, hash ledger.Hash, section int) ([]byte, error) {
	f, head, err := s.openRecord(at, hash)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, head.length[section])
	if err = readFull(f, b, at.off+head.offset(section)); err == nil {
		err = head.checkSection(section, b)
	}
	if err != nil {
		return nil, s.damaged(at, err)
	}
	return b, nil
}

// openRecord opens the file of a record and reads its head. The caller closes
// the file.
func (s *Store) openRecord(at pos, hash ledger.Hash) (vfs.File, *frame, error) {
	f, err := s.dir.FS.Open(s.dir.Join(segmentName(at.seg)))
	if err != nil {
		return nil, nil, s.damaged(at, err)
	}
	var b [frameSize]byte
	var head frame
	if err = readFull(f, b[:], at.off); err == nil {
		head, err = parseFrame(b[:], at)
	}
	if err == nil && head.hash != hash {
		err = fmt.Errorf("it is of block %s", head.hash)
	}
	if err != nil {
		return nil, nil, errors.Join(s.damaged(at, err), f.Close())
	}
	return f, &head, nil
}

func (s *Store) damaged(at pos, why error) error {
	return fmt.Errorf("store: %s: %w at offset %d: %w", s.dir.Join(segmentName(at.seg)), ErrDamaged, at.off, why)
}

// Body returns the encoded block, checked; the caller owns it.
func (s *Store) Body(hash ledger.Hash) ([]byte, error) {
	e, err := s.must(hash)
	if err != nil {
		return nil, err
	}
	return s.section(e.at, hash, sectionBody)
}

// Block decodes Body.
func (s *Store) Block(hash ledger.Hash) (ledger.Block, error) {
	b, err := s.Body(hash)
	if err != nil {
		return ledger.Block{}, err
	}
	return ledger.ParseBlock(b)
}

// Tx returns the encoding of the transaction with an index in a block; the
// caller owns it. The block is read up to it and passed over without being
// hashed or checked: that the ID is right says enough of these bytes.
func (s *Store) Tx(block ledger.Hash, index int, id ledger.Hash) ([]byte, error) {
	e, err := s.must(block)
	if err != nil {
		return nil, err
	}
	f, head, err := s.openRecord(e.at, block)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	body := io.NewSectionReader(f, int64(e.at.off+head.offset(sectionBody)), int64(head.length[sectionBody]))
	b, err := readTx(body, index)
	if err == nil {
		if tx, _, bad := ledger.ParseTx(b, len(b)); bad != nil || tx.ID() != id {
			err = fmt.Errorf("transaction %d of block %s is not %s", index, block, id)
		}
	}
	if err != nil {
		return nil, s.damaged(e.at, err)
	}
	return b, nil
}

// passOver is how much of a block is read at a time to find a transaction.
const passOver = 64 << 10

func readTx(body *io.SectionReader, index int) ([]byte, error) {
	r := bufio.NewReaderSize(body, passOver)
	if _, err := r.Discard(ledger.HeaderSize + 4); err != nil {
		return nil, err
	}
	for at := int64(ledger.HeaderSize + 4); ; index-- {
		head, err := r.Peek(ledger.TxHeadSize)
		if err != nil {
			return nil, err
		}
		size, err := ledger.TxSize(head)
		if err != nil {
			return nil, err
		}
		if at += size; at > body.Size() {
			return nil, io.ErrUnexpectedEOF
		}
		if index == 0 {
			b := make([]byte, size)
			_, err = io.ReadFull(r, b)
			return b, err
		}
		if _, err := r.Discard(int(size)); err != nil {
			return nil, err
		}
	}
}

// BodyReader reads parts of an encoded block.
type BodyReader struct {
	*io.SectionReader
	file vfs.File
}

// Close gives the file back.
func (b *BodyReader) Close() error { return b.file.Close() }

// OpenBody checks the encoded block without holding it in memory, and returns a
// reader of any part of it, to be closed by the caller.
func (s *Store) OpenBody(hash ledger.Hash) (*BodyReader, error) {
	e, err := s.must(hash)
	if err != nil {
		return nil, err
	}
	f, head, err := s.openRecord(e.at, hash)
	if err != nil {
		return nil, err
	}
	body := io.NewSectionReader(f, int64(e.at.off+head.offset(sectionBody)), int64(head.length[sectionBody]))
	sum := crc32.New(castagnoli)
	n, err := io.CopyBuffer(sum, struct{ io.Reader }{body}, make([]byte, 256<<10))
	if err == nil && (n != body.Size() || sum.Sum32() != head.crc[sectionBody]) {
		err = errors.New("wrong checksum of the body")
	}
	if err != nil {
		return nil, errors.Join(s.damaged(e.at, err), f.Close())
	}
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &BodyReader{SectionReader: body, file: f}, nil
}

// IDs returns the IDs of a block's transactions; they must not be changed.
func (s *Store) IDs(hash ledger.Hash) ([]ledger.Hash, error) {
	e, err := s.must(hash)
	if err != nil {
		return nil, err
	}
	return s.ids(e)
}

func (s *Store) ids(e *entry) ([]ledger.Hash, error) {
	s.mu.RLock()
	ids := e.ids
	s.mu.RUnlock()
	if ids != nil {
		return ids, nil
	}
	b, err := s.section(e.at, e.Hash, sectionIDs)
	if err != nil {
		return nil, err
	}
	return parseHashes(b), nil
}

// Undo returns what a block spent. ErrNotFound also if the block was never
// connected.
func (s *Store) Undo(hash ledger.Hash) ([]ledger.Change, error) {
	e, err := s.must(hash)
	if err != nil {
		return nil, err
	}
	if e.undoAt == (pos{}) {
		return nil, fmt.Errorf("undo data of block %s: %w", hash, ErrNotFound)
	}
	b, err := s.section(e.undoAt, hash, sectionUndo)
	if err != nil {
		return nil, err
	}
	changes, err := ledger.ParseChanges(b)
	if err != nil {
		return nil, s.damaged(e.undoAt, err)
	}
	return changes, nil
}

// Meta returns what came with Append.
func (s *Store) Meta(hash ledger.Hash) (Meta, error) {
	e, err := s.must(hash)
	if err != nil {
		return Meta{}, err
	}
	s.mu.RLock()
	meta := e.meta
	s.mu.RUnlock()
	if meta != nil {
		return *meta, nil
	}
	b, err := s.section(e.at, hash, sectionMeta)
	if err != nil {
		return Meta{}, err
	}
	m, err := parseMeta(b)
	if err != nil {
		return Meta{}, s.damaged(e.at, err)
	}
	return m, nil
}
