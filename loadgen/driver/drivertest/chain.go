package drivertest

import (
	"context"
	"errors"
	"slices"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// checkFollow: two followers are told the same chain, without a gap, while
// transactions come in.
func checkFollow(s *suite) {
	h, session := s.start()
	one, two := s.follow(h.Start), s.follow(h.Start)
	for range 3 {
		all := s.pump(session, s.rounds())
		one.awaitAll(all)
		two.awaitAll(all)
		s.settleAll(session, all, driver.InBlock)
	}
	one.awaitBlocks(1)
	blocks := one.snapshot()
	last := blocks[len(blocks)-1].Ref
	two.await("block that the other follower has, or a later one", func() bool { return two.tip().Height >= last.Height })
	s.compare(blocks, two.snapshot())
	one.stop()
	two.stop()
	s.closeSession(session)
}

// compare checks that two views agree up to the fork that a reorganisation
// between looking at them may have made.
func (s *suite) compare(a, b []viewed) {
	s.Helper()
	common := 0
	for common < min(len(a), len(b)) && a[common].Ref == b[common].Ref {
		if !slices.Equal(a[common].txs, b[common].txs) {
			s.Errorf("block %d has %d transactions for one follower and others for another", a[common].Height, len(a[common].txs))
		}
		common++
	}
	const deepest = 20 // reorganisations that may come between
	if common < min(len(a), len(b))-deepest || common == 0 {
		s.Errorf("two followers agree on %d blocks only, of %d and %d", common, len(a), len(b))
	}
}

// checkFollowResume: from any block seen before, the chain goes on from there;
// from before genesis it begins with genesis; from an unknown block it fails.
func checkFollowResume(s *suite) {
	h, session := s.start()
	v := s.follow(h.Start)
	all := s.pump(session, s.rounds())
	v.awaitAll(all)
	v.awaitBlocks(3)
	blocks := v.snapshot()
	v.stop()
	for _, i := range []int{0, len(blocks) / 2, len(blocks) - 1} {
		again := s.follow(blocks[i].Ref)
		again.await("block after the one followed from", func() bool { return len(again.blocks) > 0 && again.tip().Height > blocks[i].Height })
		if i+1 < len(blocks) && s.info.Finality == driver.FinalityInstant && again.snapshot()[0].Ref != blocks[i+1].Ref {
			s.Errorf("from block %d the chain goes on otherwise than before", blocks[i].Height)
		}
		again.stop()
	}
	if !s.opts.NoGenesis {
		whole := s.follow(driver.Ref{})
		whole.awaitAll(all)
		whole.stop()
	}
	err := s.d.Follow(s.ctx, driver.Ref{Height: 1, ID: driver.ID{1, 2, 3}}, func(driver.Update) error { return nil })
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		s.Errorf("Follow from an unknown block: %v", err)
	}
	s.closeSession(session)
}

var errEmit = errors.New("emit has had enough")

// checkFollowEnds: Follow returns emit's error and calls it no more, and
// returns when its context ends.
func checkFollowEnds(s *suite) {
	h, session := s.start()
	v := s.follow(h.Start)
	v.awaitAll(s.pump(session, 1))
	v.stop()
	calls := 0
	err := s.d.Follow(s.ctx, h.Start, func(driver.Update) error {
		calls++
		return errEmit
	})
	if !errors.Is(err, errEmit) || calls != 1 {
		s.Errorf("emit failed at its first call; it was called %d times, and Follow returned: %v", calls, err)
	}
	cancelled, cancel := context.WithCancel(s.ctx)
	err = s.d.Follow(cancelled, h.Start, func(driver.Update) error {
		cancel()
		return nil
	})
	if s.ctx.Err() != nil {
		s.Errorf("Follow did not return when its context was cancelled: %v", err)
	}
	cancel()
	s.closeSession(session)
}

// checkLocate: what is in a block is found there, what was never sent is not.
func checkLocate(s *suite) {
	l, ok := s.d.(driver.Locator)
	if !ok {
		s.Skipf("the driver is no Locator")
	}
	h, session := s.start()
	v := s.follow(h.Start)
	all := s.pump(session, 1)
	ids := []driver.ID{{1}}
	for _, x := range all {
		ids = append(ids, s.id(x))
	}
	ids = append(ids, driver.ID{2})
	s.checkPlaces(l, ids, driver.PlacePooled, driver.PlaceBlock)
	v.awaitAll(all)
	s.checkPlaces(l, ids, driver.PlaceBlock)
	if places, err := l.Locate(s.ctx, nil); err != nil || len(places) != 0 {
		s.Errorf("Locate of nothing: %d places, %v", len(places), err)
	}
	v.stop()
	s.closeSession(session)
}

// checkPlaces locates IDs of which the first and last are unknown, and the
// others are in one of the places.
func (s *suite) checkPlaces(l driver.Locator, ids []driver.ID, places ...driver.Place) {
	s.Helper()
	got, err := l.Locate(s.ctx, ids)
	if err != nil || len(got) != len(ids) {
		s.Fatalf("Locate: %d places for %d IDs, %v", len(got), len(ids), err)
	}
	for i, p := range got {
		sentOne := i > 0 && i < len(ids)-1
		lost := s.opts.Loses && p == driver.PlaceUnknown
		if sentOne && !slices.Contains(places, p) && !lost || !sentOne && p != driver.PlaceUnknown {
			s.Errorf("Locate: ID %d of %d is at place %d", i, len(ids), p)
		}
	}
}

// checkAudit: supply as scheduled, digests, headers to the tip, and proofs that
// hold for what is there and for nothing else.
func checkAudit(s *suite) {
	a, ok := s.d.(driver.Auditor)
	if !ok {
		s.Skipf("the driver is no Auditor")
	}
	h, session := s.start()
	v := s.follow(h.Start)
	all := s.pump(session, 1)
	v.awaitAll(all)
	if _, have, want, err := a.Supply(s.ctx); err != nil || have != want || want == 0 {
		s.Errorf("Supply: have %d, want %d, %v", have, want, err)
	}
	digests, err := a.Digests(s.ctx)
	if err != nil || len(digests) == 0 {
		s.Fatalf("Digests: %d, %v", len(digests), err)
	}
	for _, d := range digests {
		if d.Node == "" || d.Digest == (driver.ID{}) || d.Tip == (driver.Ref{}) {
			s.Errorf("digest %+v is not complete", d)
		}
	}
	tip, err := a.Headers(s.ctx)
	if followed := v.snapshot(); err != nil || tip.Height < followed[0].Height {
		s.Errorf("Headers: tip %d, %v; followed from %d on", tip.Height, err, followed[0].Height)
	}
	proved := false
	for try := 0; try < 20 && !proved; try++ {
		v.awaitBlocks(1) // the newest block is not proved: it may be gone before it is asked for
		proved = s.checkProofs(a, v)
	}
	if !proved {
		s.Errorf("nothing could be proved in %d blocks", len(v.snapshot()))
	}
	v.stop()
	s.closeSession(session)
}

// checkProofs asks for proofs of what the chain holds, and of what it does not.
// It returns whether something was proved, or nothing need be: blocks that go
// again may all be gone by the time that they are asked for.
func (s *suite) checkProofs(a driver.Auditor, v *view) (proved bool) {
	s.Helper()
	blocks := v.snapshot()
	proved = s.opts.Loses
	for i, b := range blocks {
		if len(b.txs) == 0 || i > 0 && s.info.Finality != driver.FinalityInstant && i > len(blocks)-2 {
			continue
		}
		tx := b.txs[len(b.txs)-1].ID
		if err := a.Prove(s.ctx, tx, b.Ref); err != nil && s.info.Finality == driver.FinalityInstant {
			s.Errorf("Prove of a transaction in block %d: %v", b.Height, err)
		} else if err == nil {
			proved = true
		}
		if err := a.Prove(s.ctx, driver.ID{9}, b.Ref); err == nil {
			s.Errorf("Prove proved that block %d holds a transaction that nobody sent", b.Height)
		}
		wrong := driver.Ref{Height: b.Height, ID: driver.ID{7}}
		if err := a.Prove(s.ctx, tx, wrong); err == nil {
			s.Errorf("Prove proved a transaction in a block that does not exist")
		}
	}
	return proved
}

// checkSeal: where blocks are made on demand, as many come as were asked for.
func checkSeal(s *suite) {
	if !s.info.OnDemand {
		s.Skipf("blocks come by themselves")
	}
	sealer, ok := s.d.(driver.Sealer)
	if !ok {
		s.Fatalf("Info.OnDemand is set, but the driver is no Sealer")
	}
	h := s.prepare(s.plan())
	if err := sealer.Seal(s.ctx, 3); err != nil {
		s.Fatalf("Seal: %v", err)
	}
	info, err := s.d.Info(s.ctx)
	if err != nil || info.Tip.Height != h.Start.Height+3 {
		s.Errorf("after 3 blocks the tip went from %d to %d (%v)", h.Start.Height, info.Tip.Height, err)
	}
}

// checkInspect: every node has a name.
func checkInspect(s *suite) {
	i, ok := s.d.(driver.Inspector)
	if !ok {
		s.Skipf("the driver is no Inspector")
	}
	stats, err := i.Inspect(s.ctx)
	if err != nil || len(stats) == 0 {
		s.Fatalf("Inspect: %d nodes, %v", len(stats), err)
	}
	for _, n := range stats {
		if n.Node == "" {
			s.Errorf("a node has no name")
		}
	}
}

// checkClose: closing twice is harmless.
func checkClose(s *suite) {
	_, session := s.start()
	s.pump(session, 1)
	for range 2 {
		s.closeSession(session)
	}
	for range 2 {
		if err := s.d.Close(); err != nil {
			s.Errorf("Driver.Close: %v", err)
		}
	}
}
