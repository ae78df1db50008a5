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

func (t tip) append(dst []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, t.height), t.hash[:]...)
}

func parseTip(b []byte) (tip, error) {
	if len(b) != 4+32 {
		return tip{}, fmt.Errorf("%w: the tip has %d bytes", ErrDamaged, len(b))
	}
	return tip{height: binary.LittleEndian.Uint32(b), hash: ledger.Hash(b[4:]), ok: true}, nil
}

// load reads the tip.
func (d *disk) load() error {
	b, err := d.meta(keyTip)
	if err != nil || b == nil {
		return err
	}
	d.tip, err = parseTip(b)
	return err
}

// meta returns a copy of a value, nil if there is none.
func (d *disk) meta(key []byte) ([]byte, error) {
	value, closer, err := d.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer closer.Close()
	return bytes.Clone(value), nil
}
