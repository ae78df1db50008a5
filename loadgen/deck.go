package loadgen

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// A deck is the pre-signed transactions of one sender, on disk: row r holds
// the r-th transaction of each of its lanes, since lanes take turns and a row
// is used up as a whole. A row is a table of offsets (u32 each, from the row's
// start) and then, for each lane, a card: kind u8, length u32, ID, payload.
//
// A deck is read by its sender's goroutine alone.
type deck struct {
	f      *os.File
	starts []int64 // where each row begins; one more entry for the end
	lanes  int
	rows   [deckRows]deckRow // row r is kept at r % deckRows
}

// deckRows bounds the rows in memory. Lanes that lag behind by more read from
// the file.
const deckRows = 8

type deckRow struct {
	r    int
	data []byte
}

const cardHead = 1 + 4 + 32

// buildDecks signs n transactions ahead for each group of lanes, in dir, and
// returns a deck for each group. signed is called with the number of
// transactions after each row. A lane that has nothing more to sign ends the
// decks early; lanes sign live past the end.
func buildDecks(ctx context.Context, dir string, groups [][]driver.Lane, n uint64, signed func(int)) ([]*deck, error) {
	total := 0
	for _, g := range groups {
		total += len(g)
	}
	rows := int((n + uint64(total) - 1) / uint64(total))
	decks := make([]*deck, len(groups))
	errs := make([]error, len(groups))
	var (
		wg   sync.WaitGroup
		next atomic.Int64
	)
	for range min(runtime.GOMAXPROCS(0), len(groups)) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(groups) {
					return
				}
				path := filepath.Join(dir, fmt.Sprintf("deck-%d", i))
				decks[i], errs[i] = buildDeck(ctx, path, groups[i], rows, signed)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			closeDecks(decks)
			return nil, err
		}
	}
	return decks, nil
}

func closeDecks(decks []*deck) {
	for _, d := range decks {
		if d != nil {
			d.f.Close()
			os.Remove(d.f.Name())
		}
	}
}

func buildDeck(ctx context.Context, path string, lanes []driver.Lane, rows int, signed func(int)) (*deck, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("deck of signed transactions: %w", err)
	}
	d := &deck{f: f, lanes: len(lanes), starts: []int64{0}}
	for i := range d.rows {
		d.rows[i].r = -1
	}
	w := bufio.NewWriterSize(f, 1<<20)
	var row, scratch []byte
	for range rows {
		row, scratch, err = appendRow(row[:0], scratch, lanes)
		if errors.Is(err, driver.ErrExhausted) || errors.Is(err, driver.ErrStarved) {
			err = nil // the row is not used; lanes go on live, or tell so then
			break
		}
		if err != nil {
			break
		}
		if _, err = w.Write(row); err != nil || ctx.Err() != nil {
			break
		}
		d.starts = append(d.starts, d.starts[len(d.starts)-1]+int64(len(row)))
		signed(len(lanes))
	}
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		closeDecks([]*deck{d})
		return nil, fmt.Errorf("deck of signed transactions: %w", err)
	}
	return d, nil
}

// appendRow builds one row; scratch is a buffer to build payloads in.
func appendRow(row, scratch []byte, lanes []driver.Lane) (_, _ []byte, err error) {
	row = append(row, make([]byte, 4*len(lanes))...)
	for i, l := range lanes {
		tx, err := l.Next(scratch[:0])
		if err != nil {
			return row, scratch, fmt.Errorf("lane %d: %w", i, err)
		}
		scratch = tx.Payload
		binary.LittleEndian.PutUint32(row[4*i:], uint32(len(row)))
		row = append(row, tx.Kind)
		row = binary.LittleEndian.AppendUint32(row, uint32(len(tx.Payload)))
		row = append(row, tx.ID[:]...)
		row = append(row, tx.Payload...)
	}
	return row, scratch, nil
}

// read returns the transaction of a lane (index within the deck) in row r; ok
// is false past the end. The payload stays valid as long as it is referenced.
func (d *deck) read(lane, r int) (tx driver.Tx, ok bool, err error) {
	if r >= len(d.starts)-1 {
		return driver.Tx{}, false, nil
	}
	row := &d.rows[r%deckRows]
	if row.r < r { // first use of the row: keep it
		data := make([]byte, d.starts[r+1]-d.starts[r])
		if _, err := d.f.ReadAt(data, d.starts[r]); err != nil {
			return driver.Tx{}, false, fmt.Errorf("deck of signed transactions: %w", err)
		}
		*row = deckRow{r: r, data: data}
	}
	if row.r == r {
		return parseCard(row.data[binary.LittleEndian.Uint32(row.data[4*lane:]):]), true, nil
	}
	return d.readLate(lane, r)
}

// readLate reads a card of a row that is no longer in memory.
func (d *deck) readLate(lane, r int) (driver.Tx, bool, error) {
	var offsets [8]byte // of this card and, unless it is the last, of the next
	n, end := 4, d.starts[r+1]
	if lane < d.lanes-1 {
		n = 8
	}
	if _, err := d.f.ReadAt(offsets[:n], d.starts[r]+int64(4*lane)); err != nil {
		return driver.Tx{}, false, fmt.Errorf("deck of signed transactions: %w", err)
	}
	start := d.starts[r] + int64(binary.LittleEndian.Uint32(offsets[:4]))
	if n == 8 {
		end = d.starts[r] + int64(binary.LittleEndian.Uint32(offsets[4:]))
	}
	card := make([]byte, end-start)
	if _, err := d.f.ReadAt(card, start); err != nil {
		return driver.Tx{}, false, fmt.Errorf("deck of signed transactions: %w", err)
	}
	return parseCard(card), true, nil
}

func parseCard(card []byte) driver.Tx {
	n := cardHead + int(binary.LittleEndian.Uint32(card[1:]))
	return driver.Tx{Kind: card[0], ID: driver.ID(card[5:cardHead]), Payload: card[cardHead:n:n]}
}

// deckLane deals a lane's pre-signed transactions. What was signed ahead rests
// on every earlier one being accepted; once one is not, the lane signs live.
type deckLane struct {
	inner driver.Lane
	deck  *deck
	kinds []driver.Kind
	index int // within the deck
	id    uint32
	row   int
	live  bool
	fresh *atomic.Uint64 // counts what is signed live
}

// Next deals the next card, or signs live past the deck's end.
func (l *deckLane) Next(dst []byte) (driver.Tx, error) {
	if l.live {
		return l.sign(dst)
	}
	tx, ok, err := l.deck.read(l.index, l.row)
	if err != nil {
		return driver.Tx{}, err
	}
	if !ok {
		l.live = true
		return l.sign(dst)
	}
	tx.Lane, tx.Seq = l.id, uint64(l.row)
	l.row++
	return tx, nil
}

func (l *deckLane) sign(dst []byte) (driver.Tx, error) {
	l.fresh.Add(1)
	return l.inner.Next(dst)
}

// Settle hands on, and leaves the deck where its next card has become void.
func (l *deckLane) Settle(tx driver.Tx, s driver.Settlement) {
	switch s {
	case driver.Refused:
		l.live = l.live || l.kinds[tx.Kind].Expect == driver.RejectNone
	case driver.Lost, driver.Failed:
		l.live = true
	}
	l.inner.Settle(tx, s)
}
