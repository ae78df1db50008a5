package drivertest

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// checkInfo: complete, and the same when asked again by several at once.
func checkInfo(s *suite) {
	i := s.info
	if i.Family == "" || i.Network == "" {
		s.Errorf("Family %q and Network %q must be named", i.Family, i.Network)
	}
	if i.Finality < driver.FinalityProbabilistic || i.Finality > driver.FinalityCheckpoint {
		s.Errorf("Finality is %v", i.Finality)
	}
	if i.AckMeans < driver.AckReceived || i.AckMeans > driver.AckPooled {
		s.Errorf("AckMeans is %v", i.AckMeans)
	}
	if i.LaneWindow < 1 || i.BatchMax < 1 || i.PayloadMax < 1 {
		s.Errorf("LaneWindow %d, BatchMax %d and PayloadMax %d must be 1 or more", i.LaneWindow, i.BatchMax, i.PayloadMax)
	}
	s.checkKindNames()
	again := make(chan driver.Info, 4)
	for range cap(again) {
		go func() {
			info, err := s.d.Info(s.ctx)
			if err != nil {
				s.Errorf("Info again: %v", err)
			}
			info.Tip = i.Tip // the one thing that changes by itself
			again <- info
		}()
	}
	for range cap(again) {
		if info := <-again; !reflect.DeepEqual(info, i) {
			s.Errorf("Info changed from %+v to %+v", i, info)
		}
	}
}

func (s *suite) checkKindNames() {
	if len(s.info.Kinds) == 0 || s.info.Kinds[0].Expect != driver.RejectNone {
		s.Fatalf("Kinds %v must begin with one that succeeds", s.info.Kinds)
	}
	seen := map[string]bool{}
	for _, k := range s.info.Kinds {
		if k.Name == "" || seen[k.Name] {
			s.Errorf("kind %q has no name, or one that is taken", k.Name)
		}
		seen[k.Name] = true
	}
}

// checkPrepare: the handout says what was asked, and survives a wire.
func checkPrepare(s *suite) {
	p := s.plan()
	h := s.prepare(p)
	if h.Lanes < p.Lanes {
		s.Errorf("asked for %d lanes, got %d", p.Lanes, h.Lanes)
	}
	if !reflect.DeepEqual(h.Plan, p) {
		s.Errorf("the handout's plan is %+v, asked for %+v", h.Plan, p)
	}
	data, err := json.Marshal(h)
	if err != nil {
		s.Fatalf("handout: %v", err)
	}
	var copied driver.Handout
	if err := json.Unmarshal(data, &copied); err != nil {
		s.Fatalf("handout: %v", err)
	}
	session := s.open(copied, 0, p.Lanes)
	v := s.follow(copied.Start)
	v.awaitAll(s.pump(session, 1))
	v.stop()
	s.closeSession(session)
	for _, lanes := range []int{0, -1, s.info.LanesMax + 1} {
		if lanes == 1 { // LanesMax is 0: no bound
			continue
		}
		p.Lanes = lanes
		if _, err := s.d.Prepare(s.ctx, p); err == nil {
			s.Errorf("Prepare took %d lanes", lanes)
		}
	}
	cancelled, cancel := context.WithCancel(s.ctx)
	cancel()
	if _, err := s.d.Prepare(cancelled, s.plan()); err == nil {
		s.Errorf("Prepare succeeded with a cancelled context")
	}
}

// checkOpen: a session has the lanes of its segment; wrong segments are refused.
func checkOpen(s *suite) {
	h := s.prepare(s.plan())
	half := s.opts.Lanes / 2
	for _, seg := range []driver.Segment{{From: 0, To: half}, {From: half, To: s.opts.Lanes, Target: 1}} {
		session, err := s.d.Open(s.ctx, h, seg)
		if err != nil {
			s.Fatalf("Open(%+v): %v", seg, err)
		}
		if n := len(session.Lanes()); n != seg.To-seg.From {
			s.Errorf("Open(%+v) has %d lanes", seg, n)
		}
		s.closeSession(session)
	}
	for _, seg := range []driver.Segment{{From: -1, To: 1}, {From: 1, To: 1}, {From: 2, To: 1}, {From: 0, To: h.Lanes + 1}} {
		if session, err := s.d.Open(s.ctx, h, seg); err == nil {
			s.closeSession(session)
			s.Errorf("Open took segment %+v of %d lanes", seg, h.Lanes)
		}
	}
	if session, err := s.d.Open(s.ctx, driver.Handout{Lanes: 1}, driver.Segment{To: 1}); err == nil {
		s.closeSession(session)
		s.Errorf("Open took a handout that no Prepare made")
	}
}

// checkLanes: numbers without gaps, distinct IDs, payloads within bounds.
func checkLanes(s *suite) {
	h := s.prepare(s.plan())
	from := s.opts.Lanes / 2
	session := s.open(h, from, s.opts.Lanes)
	defer s.closeSession(session)
	ids := map[driver.ID]bool{}
	for i, l := range session.Lanes() {
		var buf []byte
		for seq := range uint64(s.rounds()) {
			tx, err := l.Next(buf[:0])
			if err != nil {
				s.Fatalf("Next %d of lane %d: %v", seq, from+i, err)
			}
			buf = tx.Payload
			if tx.Seq != seq || int(tx.Lane) != from+i {
				s.Errorf("transaction says lane %d, number %d; it is number %d of lane %d", tx.Lane, tx.Seq, seq, from+i)
			}
			if len(tx.Payload) == 0 || len(tx.Payload) > s.info.PayloadMax {
				s.Errorf("payload of %d bytes; PayloadMax is %d", len(tx.Payload), s.info.PayloadMax)
			}
			if int(tx.Kind) >= len(s.info.Kinds) {
				s.Errorf("kind %d, but there are %d", tx.Kind, len(s.info.Kinds))
			}
			if !s.info.LateID && ids[tx.ID] {
				s.Errorf("ID %s twice", tx.ID)
			}
			ids[tx.ID] = true
		}
	}
}

// checkDeterministic: fresh lanes of one handout build the same transactions,
// whatever the order in which the lanes are asked.
func checkDeterministic(s *suite) {
	p := s.plan()
	p.Workload = s.mixedWorkload()
	h := s.prepare(p)
	one, two := s.open(h, 0, p.Lanes), s.open(h, 0, p.Lanes)
	defer s.closeSession(one)
	defer s.closeSession(two)
	var want [][]driver.Tx
	for _, l := range one.Lanes() {
		var txs []driver.Tx
		for range s.rounds() {
			txs = append(txs, s.next(l))
		}
		want = append(want, txs)
	}
	lanes := two.Lanes()
	for round := range s.rounds() {
		for i := len(lanes) - 1; i >= 0; i-- {
			got, want := s.next(lanes[i]), want[i][round]
			if got.ID != want.ID || got.Seq != want.Seq || got.Kind != want.Kind || !bytes.Equal(got.Payload, want.Payload) {
				s.Errorf("transaction %d of lane %d is %s of kind %d, and was %s of kind %d before", round, i, got.ID, got.Kind, want.ID, want.Kind)
			}
		}
	}
}

// mixedWorkload has some of every kind that can be asked for.
func (s *suite) mixedWorkload() driver.Workload {
	w := s.opts.Workload
	for _, k := range s.info.Kinds {
		switch k.Expect {
		case driver.RejectSignature:
			w.InvalidSignatures = 0.25
		case driver.RejectDoubleSpend:
			w.DoubleSpends = 0.25
		}
	}
	return w
}
