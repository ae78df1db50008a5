package drivertest

import (
	"context"
	"sync"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// start prepares the usual plan and opens all its lanes in one session.
func (s *suite) start() (driver.Handout, driver.Session) {
	s.Helper()
	h := s.prepare(s.plan())
	return h, s.open(h, 0, s.opts.Lanes)
}

// checkAcks: each transaction of each batch is answered once, and what was
// accepted is in the chain once, under its ID.
func checkAcks(s *suite) {
	h, session := s.start()
	v := s.follow(h.Start)
	v.awaitAll(s.pump(session, s.rounds()))
	v.stop()
	s.closeSession(session)
}

// checkAcksCancelled: a cancelled context changes what the answers are, not
// that there is one for each.
func checkAcksCancelled(s *suite) {
	_, session := s.start()
	cancelled, cancel := context.WithCancel(s.ctx)
	cancel()
	lanes := session.Lanes()
	half := len(lanes) / 2
	before := s.begin(cancelled, session, s.batch(lanes[:half]))

	during, stop := context.WithCancel(s.ctx)
	go stop()
	meanwhile := s.begin(during, session, s.batch(lanes[half:]))
	s.closeSession(session)
	for _, a := range []*answers{before, meanwhile} {
		a.mu.Lock()
		if a.left > 0 {
			s.Errorf("%d of %d acks had not come when the session was closed", a.left, len(a.acks))
		}
		a.mu.Unlock()
	}
}

func (s *suite) batch(lanes []driver.Lane) []driver.Tx {
	s.Helper()
	batch := make([]driver.Tx, min(len(lanes), s.info.BatchMax))
	for i := range batch {
		batch[i] = s.next(lanes[i])
	}
	return batch
}

// batchMost bounds the batch that checkBatchMax sends.
const batchMost = 8192

// checkBatchMax: the largest batch that Info permits is taken and answered.
func checkBatchMax(s *suite) {
	p := s.plan()
	p.Lanes = min(s.info.BatchMax, batchMost)
	if s.info.LanesMax > 0 {
		p.Lanes = min(p.Lanes, s.info.LanesMax)
	}
	h := s.prepare(p)
	session := s.open(h, 0, p.Lanes)
	v := s.follow(h.Start)
	v.awaitAll(s.pump(session, 1))
	v.stop()
	s.closeSession(session)
}

// checkHostilePayloads: what is no transaction is refused, and the session and
// the rest of the batch live on.
func checkHostilePayloads(s *suite) {
	h, session := s.start()
	lanes := session.Lanes()
	good := s.next(lanes[0])
	hostile := [][]byte{{}, {0}, []byte("not a transaction"), make([]byte, s.info.PayloadMax+1), s.opts.Corrupt(good.Payload), append([]byte{0}, good.Payload...)}
	for _, payload := range hostile {
		bad := driver.Tx{Lane: 1, Payload: payload}
		acks := s.wait(s.begin(s.ctx, session, []driver.Tx{bad}))
		if acks[0].Status == driver.StatusAccepted {
			s.Errorf("a payload of %d bytes that is no transaction was accepted", len(payload))
		}
	}
	acks := s.submit(session, []driver.Tx{good})
	s.judge(good, acks[0])
	lanes[0].Settle(good, settlement(acks[0]))
	v := s.follow(h.Start)
	v.awaitAll(append(s.pump(session, 1), sent{good, acks[0]}))
	v.stop()
	s.closeSession(session)
}

// checkKinds: transactions that are to be refused are, for the reason that
// Info.Kinds names and no other, and no lane dies of it.
func checkKinds(s *suite) {
	p := s.plan()
	p.Workload = s.mixedWorkload()
	h := s.prepare(p)
	session := s.open(h, 0, p.Lanes)
	v := s.follow(h.Start)
	counts := make([]int, len(s.info.Kinds))
	for range 8 {
		all := s.pump(session, s.rounds())
		v.awaitAll(all)
		s.settleAll(session, all, driver.InBlock)
		for _, x := range all {
			counts[x.tx.Kind]++
		}
	}
	for k, n := range counts {
		if n == 0 && s.asked(k, p.Workload) {
			s.Errorf("of %d transactions none was of kind %s", 8*s.rounds()*p.Lanes, s.info.Kinds[k].Name)
		}
	}
	v.stop()
	s.closeSession(session)
}

// asked says whether the workload asks for a kind.
func (s *suite) asked(kind int, w driver.Workload) bool {
	switch s.info.Kinds[kind].Expect {
	case driver.RejectSignature:
		return w.InvalidSignatures > 0
	case driver.RejectDoubleSpend:
		return w.DoubleSpends > 0
	}
	return kind == 0
}

// settleAll tells the lanes of a session what became of their accepted
// transactions, as the generator does: without the payload.
func (s *suite) settleAll(session driver.Session, all []sent, what driver.Settlement) {
	lanes := session.Lanes()
	first := ^uint32(0)
	for _, x := range all {
		first = min(first, x.tx.Lane)
	}
	for _, x := range all {
		if x.accepted() {
			lanes[x.tx.Lane-first].Settle(driver.Tx{ID: s.id(x), Seq: x.tx.Seq, Lane: x.tx.Lane, Kind: x.tx.Kind}, what)
		}
	}
}

// checkAhead: lanes may build ahead of the answers, as for a pre-signed deck.
func checkAhead(s *suite) {
	h, session := s.start()
	lanes := session.Lanes()
	deck := make([][]driver.Tx, s.rounds())
	for r := range deck {
		for _, l := range lanes {
			deck[r] = append(deck[r], s.next(l))
		}
	}
	v := s.follow(h.Start)
	var all []sent
	for _, row := range deck {
		for from := 0; from < len(row); from += s.info.BatchMax {
			part := row[from:min(from+s.info.BatchMax, len(row))]
			for i, ack := range s.submit(session, part) {
				s.judge(part[i], ack)
				lanes[from+i].Settle(part[i], settlement(ack))
				all = append(all, sent{part[i], ack})
			}
		}
	}
	v.awaitAll(all)
	s.settleAll(session, all, driver.InBlock)
	s.settleAll(session, all, driver.Held)
	after := s.pump(session, 1)
	for _, x := range after {
		if x.tx.Seq != uint64(len(deck)) {
			s.Errorf("after %d transactions built ahead, lane %d goes on with number %d", len(deck), x.tx.Lane, x.tx.Seq)
		}
	}
	v.awaitAll(after)
	v.stop()
	s.closeSession(session)
}

// checkRewind: a lane whose transaction was refused goes on from the last one
// that was accepted, with the next number.
func checkRewind(s *suite) {
	h, session := s.start()
	v := s.follow(h.Start)
	all := s.pump(session, 1)
	for _, l := range session.Lanes() {
		tx := s.next(l)
		bad := tx
		bad.Payload = s.opts.Corrupt(tx.Payload)
		acks := s.wait(s.begin(s.ctx, session, []driver.Tx{bad}))
		if acks[0].Status == driver.StatusAccepted {
			s.Fatalf("a corrupted payload was accepted")
		}
		l.Settle(bad, driver.Refused)
		after := s.next(l)
		if after.Seq != tx.Seq+1 {
			s.Errorf("after number %d was refused, the lane goes on with %d", tx.Seq, after.Seq)
		}
		ack := s.submit(session, []driver.Tx{after})[0]
		s.judge(after, ack)
		l.Settle(after, settlement(ack))
		all = append(all, sent{after, ack})
	}
	v.awaitAll(all)
	v.stop()
	s.closeSession(session)
}

// checkLost: a lane one of whose transactions never arrived goes on from the
// last one that is in a block.
func checkLost(s *suite) {
	h, session := s.start()
	v := s.follow(h.Start)
	all := s.pump(session, 1)
	v.awaitAll(all)
	s.settleAll(session, all, driver.InBlock)
	for _, l := range session.Lanes() {
		tx := s.next(l)
		l.Settle(driver.Tx{ID: tx.ID, Seq: tx.Seq, Lane: tx.Lane, Kind: tx.Kind}, driver.Lost)
	}
	v.awaitAll(s.pump(session, 1))
	v.stop()
	s.closeSession(session)
}

// checkTwice: a transaction that is sent again, before or after it is in a
// block, is in the chain once.
func checkTwice(s *suite) {
	h, session := s.start()
	v := s.follow(h.Start)
	all := s.pump(session, 1)
	again := make([]driver.Tx, 0, len(all))
	for _, x := range all {
		again = append(again, x.tx)
	}
	again = again[:min(len(again), s.info.BatchMax)]
	s.wait(s.begin(s.ctx, session, again))
	v.awaitAll(all)
	s.wait(s.begin(s.ctx, session, again))
	v.awaitBlocks(2)
	v.checkOnce(all)
	v.stop()
	s.closeSession(session)
}

// checkSessions: sessions of disjoint segments work at the same time.
func checkSessions(s *suite) {
	h := s.prepare(s.plan())
	half := s.opts.Lanes / 2
	sessions := []driver.Session{s.open(h, 0, half), s.open(h, half, s.opts.Lanes)}
	results := make([][]sent, len(sessions))
	var wg sync.WaitGroup
	for i, session := range sessions {
		wg.Go(func() { results[i] = s.pump(session, s.rounds()) })
	}
	wg.Wait()
	v := s.follow(h.Start)
	v.awaitAll(append(results[0], results[1]...))
	v.stop()
	for _, session := range sessions {
		s.closeSession(session)
	}
}
