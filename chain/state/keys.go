package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2"
)

// What is in Pebble:
//
//	o | outpoint              entry
//	k | key hash | outpoint   nothing; only with the index by key
//	m | name                  the tip, whether the index by key is complete
const (
	tagOutput = 'o'
	tagKey    = 'k'
	tagMeta   = 'm'

	formatVersion = 1
)

var (
	keyTip  = []byte("mtip")
	keyKeys = []byte("mkeys")
)

// comparePoints orders like the encoding.
func comparePoints(a, b ledger.OutPoint) int {
	if x, y := binary.BigEndian.Uint64(a.TxID[:]), binary.BigEndian.Uint64(b.TxID[:]); x != y {
		return cmp.Compare(x, y)
	}
	if c := bytes.Compare(a.TxID[:], b.TxID[:]); c != 0 {
		return c
	}
	return cmp.Compare(a.Index, b.Index)
}

// append appends the encoding: height u32, hash, outputs u64.
func (t tip) append(dst []byte) []byte {
	dst = append(binary.LittleEndian.AppendUint32(dst, t.height), t.hash[:]...)
	return binary.LittleEndian.AppendUint64(dst, t.outputs)
}

// tipHead is the size of a tip without its number of outputs, which older
// folders have.
const tipHead = 4 + 32

// parseTip is the reverse of append. counted is false where the number of
// outputs is missing.
func parseTip(b []byte) (t tip, counted bool, err error) {
	if len(b) != tipHead && len(b) != tipHead+8 {
		return tip{}, false, fmt.Errorf("%w: the tip has %d bytes", ErrDamaged, len(b))
	}
	t = tip{height: binary.LittleEndian.Uint32(b), hash: ledger.Hash(b[4:tipHead]), ok: true}
	if len(b) > tipHead {
		t.outputs, counted = binary.LittleEndian.Uint64(b[tipHead:]), true
	}
	return t, counted, nil
}

// load reads the tip, and counts the outputs where it does not say how many
// there are.
func (d *disk) load() error {
	b, err := d.meta(keyTip)
	if err != nil || b == nil {
		return err
	}
	var counted bool
	if d.tip, counted, err = parseTip(b); err != nil || counted {
		return err
	}
	snap := snapshot{disk: d, snap: d.db.NewSnapshot()}
	defer snap.snap.Close()
	return snap.scan([]byte{tagOutput}, []byte{tagOutput + 1}, func(_, _ []byte) (bool, error) {
		d.tip.outputs++
		return true, nil
	})
}

// meta returns a copy of a value, nil if there is none.
func (d *disk) meta(key []byte) ([]byte, error) {
	value, closer, err := d.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, damage(err)
	}
	defer closer.Close()
	return bytes.Clone(value), nil
}
