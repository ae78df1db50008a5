package loadgen

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/inflight"
)

// awaitEvery is how often the chain is asked for a transaction that it has in
// its pool and that is not this run's.
const awaitEvery = 200 * time.Millisecond

// Await waits for the fate of one transaction: of this run, or of anybody's if
// the chain can be asked. It is Succeeded for one that is in a block. The error
// is driver.ErrNotFound where nobody knows of it.
func (d *Driven) Await(ctx context.Context, id driver.ID) (inflight.Fate, error) {
	told := make(chan inflight.Fate, 1)
	d.await(id, told)
	defer d.forget(id, told)
	for {
		// Asked after told is in place: a fate that came before is with the chain.
		_, ours := d.e.table.Find(id)
		if !ours {
			place, err := d.locate(ctx, id)
			switch {
			case err != nil:
				return 0, err
			case place == driver.PlaceBlock:
				return inflight.FateSucceeded, nil
			case place == driver.PlaceUnknown:
				return d.unknown(told, id)
			}
		}
		wait := time.NewTimer(awaitEvery)
		var over <-chan time.Time
		if !ours {
			over = wait.C
		}
		select {
		case fate := <-told:
			wait.Stop()
			return fate, nil
		case <-over:
		case <-ctx.Done():
			wait.Stop()
			return 0, ctx.Err()
		}
	}
}

// unknown is for a transaction that neither table nor chain has: it may have
// got its fate between the two questions.
func (d *Driven) unknown(told chan inflight.Fate, id driver.ID) (inflight.Fate, error) {
	select {
	case fate := <-told:
		return fate, nil
	default:
		return 0, fmt.Errorf("transaction %s: %w", id, driver.ErrNotFound)
	}
}

func (d *Driven) locate(ctx context.Context, id driver.ID) (driver.Place, error) {
	l, ok := d.e.drv.(driver.Locator)
	if !ok {
		return 0, errors.New("this chain can't be asked for a transaction")
	}
	places, err := l.Locate(ctx, []driver.ID{id})
	if err == nil && len(places) != 1 {
		err = fmt.Errorf("%d answers to one question", len(places))
	}
	if err != nil {
		return 0, err
	}
	return places[0], nil
}

func (d *Driven) await(id driver.ID, told chan inflight.Fate) {
	d.awaitMu.Lock()
	defer d.awaitMu.Unlock()
	d.awaited[id] = append(d.awaited[id], told)
	d.awaiting.Store(int64(len(d.awaited)))
}

func (d *Driven) forget(id driver.ID, told chan inflight.Fate) {
	d.awaitMu.Lock()
	defer d.awaitMu.Unlock()
	d.awaited[id] = slices.DeleteFunc(d.awaited[id], func(c chan inflight.Fate) bool { return c == told })
	if len(d.awaited[id]) == 0 {
		delete(d.awaited, id)
	}
	d.awaiting.Store(int64(len(d.awaited)))
}

// tell passes a fate on to those who wait for it.
func (d *Driven) tell(en *inflight.Entry) {
	d.awaitMu.Lock()
	defer d.awaitMu.Unlock()
	for _, c := range d.awaited[en.ID] {
		select {
		case c <- en.Fate:
		default:
		}
	}
}
