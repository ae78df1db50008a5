package state

import (
	"fmt"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// slotBytes is what one slot costs in a map of this kind: 36 + 40 bytes, the
// map's own bytes, and room for growth.
const slotBytes = 112

// slot is what a layer knows about an output.
type slot struct {
	entry ledger.Entry // kept of spent outputs too, for the index by key
	gone  bool         // spent, and a layer below may still have it; implies below
	below bool         // a layer below may have this output
}

// generation is the changes of a run of blocks. It is written by the goroutine
// that changes the state until it is frozen, and by nobody afterwards.
type generation struct {
	slots  map[ledger.OutPoint]slot
	byKey  map[ledger.KeyHash][]ledger.OutPoint // nil without the index; holds outputs that are spent since
	listed int                                  // entries in byKey
	blocks int
	tip    tip // that the set stood at when the generation was frozen
}

func newGeneration(keys bool) *generation {
	g := &generation{slots: make(map[ledger.OutPoint]slot)}
	if keys {
		g.byKey = make(map[ledger.KeyHash][]ledger.OutPoint)
	}
	return g
}

func (g *generation) bytes() int64 {
	return int64(len(g.slots))*slotBytes + int64(g.listed)*72
}

// change spends and creates outputs, or nothing at all if one of them
// contradicts what the generation knows. It trusts that outputs which it does
// not know exist below, or do not, as Connect found.
func (g *generation) change(spent, created []ledger.Change) error {
	for i := range spent {
		if !g.spend(&spent[i]) {
			g.restore(spent[:i], nil)
			return fmt.Errorf("%w: output %s:%d is spent twice", ErrDamaged, spent[i].Point.TxID, spent[i].Point.Index)
		}
	}
	for i := range created {
		if !g.create(&created[i]) {
			g.restore(spent, created[:i])
			return fmt.Errorf("%w: output %s:%d is created twice", ErrDamaged, created[i].Point.TxID, created[i].Point.Index)
		}
	}
	return nil
}

// restore is the reverse of a change that went well until there.
func (g *generation) restore(spent, created []ledger.Change) {
	for i := range created {
		g.spend(&created[i])
	}
	for i := range spent {
		g.create(&spent[i])
	}
}

// spend takes an output away. One that was born here leaves no trace, so that
// it never reaches the disk.
func (g *generation) spend(c *ledger.Change) bool {
	old, ok := g.slots[c.Point]
	switch {
	case !ok:
		g.slots[c.Point] = slot{entry: c.Entry, gone: true, below: true}
	case old.gone:
		return false
	case old.below:
		g.slots[c.Point] = slot{entry: old.entry, gone: true, below: true}
	default:
		delete(g.slots, c.Point)
	}
	return true
}

// create adds an output. If the generation has spent it before (a block was
// reverted), layers below still have it, and spending it again must say so.
func (g *generation) create(c *ledger.Change) bool {
	old, ok := g.slots[c.Point]
	if ok && !old.gone {
		return false
	}
	g.slots[c.Point] = slot{entry: c.Entry, below: ok}
	if g.byKey != nil {
		g.byKey[c.Entry.Key] = append(g.byKey[c.Entry.Key], c.Point)
		g.listed++
	}
	return true
}

// fetched keeps outputs that were read from disk, in two halves: when the
// young one is full it becomes the old one, whose content is forgotten. It
// never holds an output that is spent.
type fetched struct {
	young, old map[ledger.OutPoint]ledger.Entry
	half       int // entries
}

func newFetched(bytes int64) fetched {
	return fetched{young: make(map[ledger.OutPoint]ledger.Entry), half: int(bytes / slotBytes / 2)}
}

func (f *fetched) get(op ledger.OutPoint) (ledger.Entry, bool) {
	e, ok := f.young[op]
	if !ok {
		e, ok = f.old[op]
	}
	return e, ok
}

func (f *fetched) put(op ledger.OutPoint, e ledger.Entry) {
	if f.half == 0 {
		return
	}
	if len(f.young) >= f.half {
		f.young, f.old = make(map[ledger.OutPoint]ledger.Entry), f.young
	}
	f.young[op] = e
}

func (f *fetched) drop(changes []ledger.Change) {
	if len(f.young)+len(f.old) == 0 {
		return
	}
	for i := range changes {
		delete(f.young, changes[i].Point)
		delete(f.old, changes[i].Point)
	}
}

func (f *fetched) bytes() int64 { return int64(len(f.young)+len(f.old)) * slotBytes }
