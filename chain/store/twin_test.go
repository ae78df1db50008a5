package store

import (
	"encoding/binary"
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// twin is the store done the dumb way: everything in maps, and a copy of all
// of it for each record that was ever appended.
type twin struct {
	blocks map[ledger.Hash]*Record // Undo nil: none
	best   []ledger.Hash           // by height
	serial uint64
}

func newTwin() *twin { return &twin{blocks: make(map[ledger.Hash]*Record)} }

func (w *twin) clone() *twin {
	c := &twin{blocks: make(map[ledger.Hash]*Record), best: slices.Clone(w.best), serial: w.serial}
	for h, r := range w.blocks {
		copied := *r
		c.blocks[h] = &copied
	}
	return c
}

func (w *twin) tip() (Ref, bool) {
	if len(w.best) == 0 {
		return Ref{}, false
	}
	return Ref{uint32(len(w.best) - 1), w.best[len(w.best)-1]}, true
}

func hashOf(r *Record) ledger.Hash {
	h, err := ledger.ParseHeader(r.Body)
	if err != nil {
		panic(err)
	}
	return h.Hash()
}

func parentOf(r *Record) ledger.Hash {
	h, _ := ledger.ParseHeader(r.Body)
	return h.Prev
}

// record makes a block on a parent. Some IDs begin with the same 8 bytes.
func (w *twin) record(parent ledger.Hash, txs, padding int) *Record {
	w.serial++
	h := ledger.Header{Prev: parent, Nonce: uint32(w.serial)}
	body := h.Encode()
	r := &Record{Body: append(body[:], make([]byte, padding)...)}
	if p := w.blocks[parent]; p != nil {
		r.Height = p.Height + 1
	}
	for i := range txs {
		id := ledger.DoubleSHA256(binary.LittleEndian.AppendUint64([]byte{byte(i)}, w.serial))
		if i%3 == 0 {
			copy(id[:8], "collides")
		}
		r.IDs = append(r.IDs, id)
	}
	r.Meta = Meta{IntervalNs: int64(w.serial), Hashes: 7, Stages: []Stage{{Name: "seal", Histogram: []byte{byte(w.serial)}}}}
	return r
}

func (w *twin) undo() []ledger.Change {
	w.serial++
	return []ledger.Change{{Entry: ledger.Entry{Height: uint32(w.serial)}}}
}

func (w *twin) append(r *Record) {
	w.blocks[hashOf(r)] = r
	if r.Extend {
		w.best = append(w.best, hashOf(r))
	}
}

// way returns what to revert and apply to make a block the tip.
func (w *twin) way(to ledger.Hash) (revert, apply []ledger.Hash) {
	for !slices.Contains(w.best, to) {
		apply = append(apply, to)
		to = parentOf(w.blocks[to])
	}
	slices.Reverse(apply)
	revert = slices.Clone(w.best[slices.Index(w.best, to)+1:])
	slices.Reverse(revert)
	return revert, apply
}

func (w *twin) setBest(revert, apply []ledger.Hash) {
	w.best = append(w.best[:len(w.best)-len(revert):len(w.best)-len(revert)], apply...)
}

func (w *twin) findTx(id ledger.Hash) (uint32, int, bool) {
	for height, hash := range w.best {
		if i := slices.Index(w.blocks[hash].IDs, id); i >= 0 {
			return uint32(height), i, true
		}
	}
	return 0, 0, false
}

// differs compares all of the store with the twin; the blocks of all are those
// that ever were. It returns the first difference.
func (w *twin) differs(s *Store, all map[ledger.Hash]*Record) error {
	tip, ok := w.tip()
	if got, has := s.Best(); got != tip || ok != has {
		return errors.New("best is " + got.Hash.String() + ", want " + tip.Hash.String())
	}
	for hash, r := range all {
		if err := w.blockDiffers(s, hash, r); err != nil {
			return err
		}
	}
	return w.chainDiffers(s)
}

func (w *twin) blockDiffers(s *Store, hash ledger.Hash, r *Record) error {
	known := w.blocks[hash]
	has, err := s.Has(hash)
	if err != nil || has != (known != nil) {
		return errors.Join(errors.New("has is wrong for "+hash.String()), err)
	}
	for i, id := range r.IDs {
		if i > 0 && i < len(r.IDs)-1 {
			continue // the first, which shares its beginning with others, and the last
		}
		height, index, found := w.findTx(id)
		block, gotIndex, ok, err := s.FindTx(id)
		if err != nil || ok != found || found && (block != Ref{height, w.best[height]} || gotIndex != index) {
			return errors.Join(errors.New("transaction "+id.String()), err)
		}
	}
	if known == nil {
		return nil
	}
	info, err1 := s.Info(hash)
	body, err2 := s.Body(hash)
	ids, err3 := s.IDs(hash)
	meta, err4 := s.Meta(hash)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	isBest := int(r.Height) < len(w.best) && w.best[r.Height] == hash
	if info.Ref != (Ref{r.Height, hash}) || info.Best != isBest || info.Bytes != len(r.Body) || info.Txs != len(r.IDs) ||
		info.Header.Prev != parentOf(r) || string(body) != string(r.Body) || !slices.Equal(ids, r.IDs) || !reflect.DeepEqual(meta, r.Meta) {
		return errors.New("block " + hash.String() + " is not what was appended")
	}
	undo, err := s.Undo(hash)
	if known.Undo == nil && errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil || !slices.Equal(undo, known.Undo) {
		return errors.Join(errors.New("undo data of "+hash.String()), err)
	}
	return nil
}

// chainDiffers follows the best chain from the beginning and from the tip of
// every branch.
func (w *twin) chainDiffers(s *Store) error {
	headers, err := s.Headers(0, 1000)
	if err != nil || len(headers) != len(w.best) {
		return errors.Join(errors.New("number of headers"), err)
	}
	for i := range headers {
		if headers[i].Hash() != w.best[i] {
			return errors.New("header of the best chain")
		}
	}
	if _, err := s.InfoAt(uint32(len(w.best))); !errors.Is(err, ErrNotFound) {
		return errors.Join(errors.New("there is something above the tip"), err)
	}
	if err := w.follow(s, nil); err != nil {
		return err
	}
	for hash, r := range w.blocks {
		if err := w.follow(s, &Ref{r.Height, hash}); err != nil {
			return err
		}
	}
	return nil
}

// follow goes on from a block until nothing is left to do, three at a time.
func (w *twin) follow(s *Store, from *Ref) error {
	var chain []ledger.Hash
	if from != nil {
		for h := from.Hash; len(chain) <= int(from.Height); h = parentOf(w.blocks[h]) {
			chain = append(chain, h)
		}
		slices.Reverse(chain)
	}
	for range 1000 {
		step, err := s.After(from, 3)
		if err != nil {
			return err
		}
		if n := len(step.Revert) + len(step.Apply); n == 0 || n > 3 {
			if n != 0 || !slices.Equal(chain, w.best) {
				return errors.New("a follower does not end at the tip")
			}
			return nil
		}
		for _, ref := range step.Revert {
			if len(chain) == 0 || chain[len(chain)-1] != ref.Hash || int(ref.Height) != len(chain)-1 {
				return errors.New("a follower is told to revert what it does not have")
			}
			chain = chain[:len(chain)-1]
		}
		for _, ref := range step.Apply {
			if int(ref.Height) != len(chain) {
				return errors.New("a follower is told to apply what does not fit")
			}
			chain = append(chain, ref.Hash)
		}
		from = nil
		if n := len(chain); n > 0 {
			from = &Ref{uint32(n - 1), chain[n-1]}
		}
	}
	return errors.New("a follower does not come to an end")
}

func testConfig(fs vfs.FS) Config {
	c := DefaultConfig()
	c.Dir, c.FS, c.Network, c.Params = "/data/blocks", fs, "test", ledger.Hash{7}
	c.SegmentBytes, c.IndexTxs, c.IndexBlocks = 4096, 1000, 1000
	c.RecentBlocks, c.RecentBytes = 4, 1000
	return c
}

func mustOpen(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// must fails the test with the first error.
func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// extend appends a block to the best chain of both.
func extend(t testing.TB, s *Store, w *twin, txs int) *Record {
	t.Helper()
	tip, _ := w.tip()
	r := w.record(tip.Hash, txs, 40)
	r.Extend, r.Undo = true, w.undo()
	if _, err := s.Append(r); err != nil {
		t.Fatal(err)
	}
	w.append(r)
	return r
}

// same fails the test if store and twin differ.
func same(t testing.TB, s *Store, w *twin) {
	t.Helper()
	if err := w.differs(s, maps.Clone(w.blocks)); err != nil {
		t.Fatal(err)
	}
}
