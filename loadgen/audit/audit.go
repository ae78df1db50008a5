// Package audit checks the chain itself after a run: that every transaction
// the run counts as succeeded is there, exactly once, and that the chain still
// adds up.
package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/reports/result"
)

// The levels, each with what the ones before it check.
const (
	LevelOff     = "off"
	LevelHeaders = "headers" // the header chain proves itself
	LevelCounts  = "counts"  // and every transaction once, supply, proofs, one tip
	LevelFull    = "full"    // with many more proofs
)

// proofs is how many inclusions are proved against headers, spread evenly.
var proofs = map[string]int{LevelCounts: 16, LevelFull: 512}

// Claim is what the run says happened.
type Claim struct {
	Level   string
	Start   driver.Ref   // blocks after this one belong to the run
	Tip     driver.Ref   // last block that the run saw
	Spool   *Spool       // closed; every inclusion that the run counts
	Want    uint64       // how many inclusions the ledger of counts has
	Dir     string       // for scratch files, which are removed
	Durable []driver.Ref // blocks announced as synced and never reverted, ascending
}

// Run performs the audit. It never fails by itself: what can't be checked is a
// failed check.
func Run(ctx context.Context, drv driver.Driver, c Claim) result.Audit {
	a := result.Audit{Level: c.Level, OK: true}
	if c.Level == LevelOff {
		return a
	}
	add := func(name string, detail string, err error) {
		check := result.AuditCheck{Name: name, OK: err == nil, Detail: detail}
		if err != nil {
			check.Detail = oneLine(err)
			a.OK = false
		}
		a.Checks = append(a.Checks, check)
	}
	auditor, can := drv.(driver.Auditor)
	if can {
		tip, err := auditor.Headers(ctx)
		add("headers", fmt.Sprintf("the header chain proves itself from genesis to height %d", tip.Height), err)
	} else {
		add("headers", "not checked: this driver has no means to", nil)
	}
	if c.Level == LevelHeaders {
		return a
	}
	limited, stop := context.WithTimeout(ctx, walkFloor+time.Duration(c.Spool.Count())*walkPerTx)
	defer stop()
	w, detail, err := walked(limited, drv, c)
	add("transactions", detail, err)
	if err == nil { // or the walk did not come to see them all
		detail, err = durable(w)
		add("durable blocks", detail, err)
	}
	if can {
		detail, err = supply(ctx, auditor)
		add("supply", detail, err)
		detail, err = prove(ctx, auditor, w.sample)
		add("proofs", detail, err)
		detail, err = digests(ctx, auditor)
		add("nodes", detail, err)
	}
	return a
}

// A walk may take so long: a chain that never gets back to the tip that the run
// saw must not hold the report for ever.
const (
	walkFloor = time.Minute
	walkPerTx = 100 * time.Microsecond
)

// walks is how often the chain is walked anew because it was reorganised
// meanwhile, as the tip of a network with several miners may be at any time.
const walks = 5

var (
	errDone        = errors.New("walked") // ends a walk at the tip
	errReorganised = errors.New("the chain was reorganised while it was audited")
)

// walked walks until the chain keeps still for it.
func walked(ctx context.Context, drv driver.Driver, c Claim) (w *walk, detail string, err error) {
	for range walks {
		w = &walk{claim: c, every: max(1, c.Spool.Count()/uint64(proofs[c.Level]))}
		if detail, err = w.run(ctx, drv); !errors.Is(err, errReorganised) {
			break
		}
	}
	return w, detail, err
}

// walk follows the chain once more and compares it with the spool.
type walk struct {
	claim  Claim
	once   *once       // every transaction of the blocks walked
	every  uint64      // one inclusion in so many is proved
	sample []Inclusion //
	found  uint64
	blocks int
	others uint64
	digest [32]byte // running hash of the digests of ranges of 10,000 IDs
	inRun  int
	hash   []byte
	seen   map[driver.Ref]bool // durable blocks not met yet
}

func (w *walk) run(ctx context.Context, drv driver.Driver) (string, error) {
	w.seen = make(map[driver.Ref]bool, len(w.claim.Durable))
	for _, r := range w.claim.Durable {
		w.seen[r] = true
	}
	if err := w.claim.Spool.Err(); err != nil {
		return "", fmt.Errorf("the record of inclusions could not be kept: %w", err)
	}
	if have := w.claim.Spool.Count(); have != w.claim.Want {
		return "", fmt.Errorf("%d inclusions were recorded, the ledger of counts has %d", have, w.claim.Want)
	}
	if w.claim.Tip.Height <= w.claim.Start.Height && w.claim.Want == 0 {
		return "no block was made", nil
	}
	once, err := newOnce(w.claim.Dir)
	if err != nil {
		return "", err
	}
	defer once.remove()
	w.once = once
	spool, err := openRuns(w.claim.Spool.path)
	if err != nil {
		return "", err
	}
	defer spool.f.Close()
	err = drv.Follow(ctx, w.claim.Start, func(u driver.Update) error {
		if len(u.Revert) > 0 {
			return errReorganised
		}
		for i := range u.Apply {
			if err := w.block(&u.Apply[i], spool); err != nil {
				return err
			}
			if u.Apply[i].Height >= w.claim.Tip.Height {
				return errDone
			}
		}
		return nil
	})
	if !errors.Is(err, errDone) {
		return "", fmt.Errorf("blocks %d to %d could not be read again: %w", w.claim.Start.Height+1, w.claim.Tip.Height, err)
	}
	if spool.ok || w.found != w.claim.Spool.Count() {
		return "", fmt.Errorf("%d of %d counted transactions are in the chain; first missing at height %d", w.found, w.claim.Spool.Count(), spool.at.Height)
	}
	w.closeRange()
	if err := once.check(); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d of %d found exactly once in %d blocks, beside %d of others; digest %x",
		w.found, w.claim.Spool.Count(), w.blocks, w.others, w.digest[:8]), nil
}

// block compares one block with its share of the spool.
func (w *walk) block(b *driver.Block, spool *runs) error {
	w.blocks++
	delete(w.seen, b.Ref)
	here := make(map[driver.ID]int, len(b.Txs))
	for i := range b.Txs {
		here[b.Txs[i].ID]++
		if err := w.once.add(b.Txs[i].ID); err != nil {
			return err
		}
	}
	w.others += uint64(len(b.Txs))
	if spool.ok && spool.at.Height < b.Height {
		return fmt.Errorf("counted block %d (%s) is not in the chain", spool.at.Height, spool.at.ID)
	}
	if !spool.ok || spool.at != b.Ref {
		return nil
	}
	for _, id := range spool.ids {
		if here[id] != 1 {
			return fmt.Errorf("transaction %s is %d times in block %d", id, here[id], b.Height)
		}
		here[id] = -1 // a second claim of the same one fails
		w.note(id, b.Ref)
	}
	w.others -= uint64(len(spool.ids))
	return spool.next()
}

// note counts one inclusion, samples it, and adds it to the digest.
func (w *walk) note(id driver.ID, at driver.Ref) {
	if w.found%w.every == 0 {
		w.sample = append(w.sample, Inclusion{ID: id, At: at})
	}
	w.found++
	w.hash = append(w.hash, id[:]...)
	if w.inRun++; w.inRun == 10_000 {
		w.closeRange()
	}
}

func (w *walk) closeRange() {
	if w.inRun == 0 {
		return
	}
	w.digest = sha256.Sum256(append(w.digest[:], w.hash...))
	w.hash, w.inRun = w.hash[:0], 0
}

func durable(w *walk) (string, error) {
	for _, r := range w.claim.Durable {
		if w.seen[r] {
			return "", fmt.Errorf("%d blocks announced as durable are missing; first at height %d (%s)", len(w.seen), r.Height, r.ID)
		}
	}
	return fmt.Sprintf("all %d blocks announced as durable are there", len(w.claim.Durable)), nil
}

func supply(ctx context.Context, a driver.Auditor) (string, error) {
	at, have, want, err := a.Supply(ctx)
	if err == nil && have != want {
		err = fmt.Errorf("%d in existence at height %d, the schedule says %d", have, at.Height, want)
	}
	return fmt.Sprintf("%d in existence at height %d, as scheduled", have, at.Height), err
}

func prove(ctx context.Context, a driver.Auditor, sample []Inclusion) (string, error) {
	for _, s := range sample {
		if err := a.Prove(ctx, s.ID, s.At); err != nil {
			return "", fmt.Errorf("transaction %s at height %d: %w", s.ID, s.At.Height, err)
		}
	}
	return fmt.Sprintf("%d sampled inclusions proved against headers alone", len(sample)), nil
}

// Nodes of a network need some time to agree after the load, the more so after
// a fault.
const (
	agreeWithin = 20 * time.Second
	agreeEvery  = 100 * time.Millisecond
)

// digests waits until all nodes have one tip and compares what they made of it.
func digests(ctx context.Context, a driver.Auditor) (string, error) {
	limited, stop := context.WithTimeout(ctx, agreeWithin)
	defer stop()
	for {
		nodes, err := a.Digests(ctx)
		if err == nil {
			err = agree(nodes)
		}
		if err == nil {
			return fmt.Sprintf("%d with one tip at height %d and one digest %s", len(nodes), nodes[0].Tip.Height, nodes[0].Digest.String()[:16]), nil
		}
		if errors.Is(err, errDiffer) || len(nodes) < 2 { // no wait mends that
			return "", err
		}
		select {
		case <-limited.Done():
			return "", err
		case <-time.After(agreeEvery):
		}
	}
}

// errDiffer says that nodes at one tip have different outputs, which no time
// mends.
var errDiffer = errors.New("the same block, and other outputs")

func agree(nodes []driver.NodeDigest) error {
	if len(nodes) == 0 {
		return errors.New("no node answered")
	}
	first := nodes[0]
	for _, n := range nodes[1:] {
		switch {
		case n.Tip != first.Tip:
			return fmt.Errorf("%s is at %d (%s), %s at %d (%s)", first.Node, first.Tip.Height, first.Tip.ID, n.Node, n.Tip.Height, n.Tip.ID)
		case n.Digest != first.Digest:
			return fmt.Errorf("%w at height %d: %s has %s, %s has %s", errDiffer, n.Tip.Height, first.Node, first.Digest, n.Node, n.Digest)
		}
	}
	return nil
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
