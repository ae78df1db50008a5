package drivertest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/driver/null"
)

// mutant is a driver with one defect: each field replaces one thing.
type mutant struct {
	*null.Driver
	info    func(*driver.Info)
	prepare func(*driver.Plan, *driver.Handout, *error)
	open    func(driver.Handout, driver.Segment, error) (driver.Handout, driver.Segment)
	follow  func(from driver.Ref, emit func(driver.Update) error) (driver.Ref, func(driver.Update) error)
	submit  func(ctx context.Context, s driver.Session, batch []driver.Tx, ack func(int, driver.Ack))
	lane    func(driver.Lane) driver.Lane
	locate  func([]driver.Place)
	supply  func(have *uint64)
	prove   func(error) error
	close   func() error
}

func (m *mutant) Info(ctx context.Context) (driver.Info, error) {
	i, err := m.Driver.Info(ctx)
	if m.info != nil {
		m.info(&i)
	}
	return i, err
}

func (m *mutant) Prepare(ctx context.Context, p driver.Plan) (driver.Handout, error) {
	h, err := m.Driver.Prepare(ctx, p)
	if m.prepare != nil {
		m.prepare(&p, &h, &err)
	}
	return h, err
}

func (m *mutant) Open(ctx context.Context, h driver.Handout, s driver.Segment) (driver.Session, error) {
	session, err := m.Driver.Open(ctx, h, s)
	if m.open != nil {
		h, s = m.open(h, s, err)
		session, err = m.Driver.Open(ctx, h, s)
	}
	if err != nil {
		return nil, err
	}
	return &mutantSession{Session: session, m: m}, nil
}

func (m *mutant) Follow(ctx context.Context, from driver.Ref, emit func(driver.Update) error) error {
	if m.follow != nil {
		from, emit = m.follow(from, emit)
	}
	return m.Driver.Follow(ctx, from, emit)
}

func (m *mutant) Locate(ctx context.Context, ids []driver.ID) ([]driver.Place, error) {
	places, err := m.Driver.Locate(ctx, ids)
	if m.locate != nil {
		m.locate(places)
	}
	return places, err
}

func (m *mutant) Supply(ctx context.Context) (driver.Ref, uint64, uint64, error) {
	at, have, want, err := m.Driver.Supply(ctx)
	if m.supply != nil {
		m.supply(&have)
	}
	return at, have, want, err
}

func (m *mutant) Prove(ctx context.Context, tx driver.ID, at driver.Ref) error {
	err := m.Driver.Prove(ctx, tx, at)
	if m.prove != nil {
		err = m.prove(err)
	}
	return err
}

func (m *mutant) Close() error {
	err := m.Driver.Close()
	if m.close != nil {
		err = m.close()
	}
	return err
}

type mutantSession struct {
	driver.Session
	m    *mutant
	once sync.Once
	all  []driver.Lane
}

func (s *mutantSession) Lanes() []driver.Lane {
	s.once.Do(func() {
		s.all = s.Session.Lanes()
		for i := range s.all {
			if s.m.lane != nil {
				s.all[i] = s.m.lane(s.all[i])
			}
		}
	})
	return slices.Clone(s.all)
}

func (s *mutantSession) Submit(ctx context.Context, batch []driver.Tx, ack func(int, driver.Ack)) {
	if s.m.submit == nil {
		s.Session.Submit(ctx, batch, ack)
		return
	}
	s.m.submit(ctx, s.Session, batch, ack)
}

// mutantLane changes what a lane builds or is told.
type mutantLane struct {
	driver.Lane
	next   func(*driver.Tx)
	settle func(driver.Tx, driver.Settlement) bool // false: keep it from the lane
}

func (l *mutantLane) Next(dst []byte) (driver.Tx, error) {
	tx, err := l.Lane.Next(dst)
	if l.next != nil {
		l.next(&tx)
	}
	return tx, err
}

func (l *mutantLane) Settle(tx driver.Tx, s driver.Settlement) {
	if l.settle == nil || l.settle(tx, s) {
		l.Lane.Settle(tx, s)
	}
}

func emitting(change func(*driver.Update)) func(driver.Ref, func(driver.Update) error) (driver.Ref, func(driver.Update) error) {
	return func(from driver.Ref, emit func(driver.Update) error) (driver.Ref, func(driver.Update) error) {
		return from, func(u driver.Update) error {
			change(&u)
			return emit(u)
		}
	}
}

func settling(f func(driver.Tx, driver.Settlement) bool) func(driver.Lane) driver.Lane {
	return func(l driver.Lane) driver.Lane { return &mutantLane{Lane: l, settle: f} }
}

func building(f func(*driver.Tx)) func(driver.Lane) driver.Lane {
	return func(l driver.Lane) driver.Lane { return &mutantLane{Lane: l, next: f} }
}

func acking(change func(i int, a *driver.Ack)) func(context.Context, driver.Session, []driver.Tx, func(int, driver.Ack)) {
	return func(ctx context.Context, s driver.Session, batch []driver.Tx, ack func(int, driver.Ack)) {
		s.Submit(ctx, batch, func(i int, a driver.Ack) {
			change(i, &a)
			ack(i, a)
		})
	}
}

// mutants are drivers with a defect each, and the check that has to find it.
var mutants = []struct {
	name  string
	check string
	make  func() *mutant
}{
	{"kind names repeat", "info", func() *mutant {
		return &mutant{info: func(i *driver.Info) { i.Kinds[1].Name = i.Kinds[0].Name }}
	}},
	{"no window", "info", func() *mutant { return &mutant{info: func(i *driver.Info) { i.LaneWindow = 0 }} }},
	{"Info changes", "info", func() *mutant {
		n := 0
		var mu sync.Mutex
		return &mutant{info: func(i *driver.Info) {
			mu.Lock()
			defer mu.Unlock()
			n++
			i.Client = fmt.Sprint(n)
		}}
	}},
	{"too few lanes", "prepare", func() *mutant {
		return &mutant{prepare: func(_ *driver.Plan, h *driver.Handout, _ *error) { h.Lanes-- }}
	}},
	{"plan forgotten", "prepare", func() *mutant {
		return &mutant{prepare: func(_ *driver.Plan, h *driver.Handout, _ *error) { h.Plan.Seed = 77 }}
	}},
	{"any number of lanes", "prepare", func() *mutant {
		return &mutant{prepare: func(p *driver.Plan, h *driver.Handout, err *error) {
			if p.Lanes < 1 {
				*err = nil
			}
		}}
	}},
	{"segment widened", "open", func() *mutant {
		return &mutant{open: func(h driver.Handout, s driver.Segment, _ error) (driver.Handout, driver.Segment) {
			s.From = 0
			return h, s
		}}
	}},
	{"wrong segments mended", "open", func() *mutant {
		return &mutant{open: func(h driver.Handout, s driver.Segment, err error) (driver.Handout, driver.Segment) {
			if err != nil {
				s = driver.Segment{To: 1}
			}
			return h, s
		}}
	}},
	{"numbers with gaps", "lanes", func() *mutant { return &mutant{lane: building(func(tx *driver.Tx) { tx.Seq *= 2 })} }},
	{"lanes numbered by segment", "lanes", func() *mutant { return &mutant{lane: building(func(tx *driver.Tx) { tx.Lane = 0 })} }},
	{"one ID for all", "lanes", func() *mutant { return &mutant{lane: building(func(tx *driver.Tx) { tx.ID = driver.ID{1} })} }},
	{"payload over the bound", "lanes", func() *mutant { return &mutant{info: func(i *driver.Info) { i.PayloadMax-- }} }},
	{"IDs by chance", "deterministic", func() *mutant {
		n := byte(0)
		return &mutant{lane: building(func(tx *driver.Tx) { n++; tx.ID[31] = n })}
	}},
	{"an ack is missing", "acks", func() *mutant {
		return &mutant{submit: func(ctx context.Context, s driver.Session, batch []driver.Tx, ack func(int, driver.Ack)) {
			s.Submit(ctx, batch, func(i int, a driver.Ack) {
				if i < len(batch)-1 {
					ack(i, a)
				}
			})
		}}
	}},
	{"an ack comes twice", "acks", func() *mutant {
		return &mutant{submit: func(ctx context.Context, s driver.Session, batch []driver.Tx, ack func(int, driver.Ack)) {
			s.Submit(ctx, batch, func(i int, a driver.Ack) {
				ack(i, a)
				if i == 0 {
					ack(i, a)
				}
			})
		}}
	}},
	{"an index out of range", "acks", func() *mutant {
		return &mutant{submit: func(ctx context.Context, s driver.Session, batch []driver.Tx, ack func(int, driver.Ack)) {
			s.Submit(ctx, batch, func(i int, a driver.Ack) { ack(i+1, a) })
		}}
	}},
	{"accepted with a reason", "acks", func() *mutant {
		return &mutant{submit: acking(func(_ int, a *driver.Ack) { a.Kind = driver.RejectFee })}
	}},
	{"IDs of blocks are others", "acks", func() *mutant {
		return &mutant{follow: emitting(func(u *driver.Update) {
			for i, b := range u.Apply {
				u.Apply[i].Txs = slices.Clone(b.Txs)
				for k := range b.Txs {
					u.Apply[i].Txs[k].ID[0] ^= 1
				}
			}
		})}
	}},
	{"included twice", "acks", func() *mutant {
		return &mutant{follow: emitting(func(u *driver.Update) {
			for i, b := range u.Apply {
				u.Apply[i].Txs = slices.Concat(b.Txs, b.Txs)
			}
		})}
	}},
	{"a cancelled batch is forgotten", "acks_cancelled", func() *mutant {
		return &mutant{submit: func(ctx context.Context, s driver.Session, batch []driver.Tx, ack func(int, driver.Ack)) {
			if ctx.Err() == nil {
				s.Submit(ctx, batch, ack)
			}
		}}
	}},
	{"batches are cut", "batch_max", func() *mutant {
		return &mutant{info: func(i *driver.Info) { i.BatchMax *= 2 }}
	}},
	{"garbage is accepted", "hostile_payloads", func() *mutant {
		return &mutant{submit: acking(func(_ int, a *driver.Ack) {
			if a.Kind == driver.RejectMalformed {
				*a = driver.Ack{Status: driver.StatusAccepted}
			}
		})}
	}},
	{"double spends under another kind", "kinds", func() *mutant {
		return &mutant{submit: acking(func(_ int, a *driver.Ack) {
			if a.Kind == driver.RejectDoubleSpend {
				a.Kind = driver.RejectMissingInput
			}
		})}
	}},
	{"a kind is never built", "kinds", func() *mutant {
		return &mutant{prepare: func(_ *driver.Plan, h *driver.Handout, _ *error) { h.Plan.Workload.DoubleSpends = 0 }}
	}},
	{"lanes can't look ahead", "ahead", func() *mutant {
		return &mutant{lane: func(l driver.Lane) driver.Lane {
			var last driver.Tx
			return &mutantLane{Lane: l, next: func(tx *driver.Tx) {
				if tx.Seq > 1 {
					*tx = last
				}
				last = *tx
			}}
		}}
	}},
	{"refusals are ignored", "rewind", func() *mutant {
		return &mutant{lane: settling(func(_ driver.Tx, s driver.Settlement) bool { return s != driver.Refused })}
	}},
	{"losses are ignored", "lost", func() *mutant {
		return &mutant{lane: settling(func(_ driver.Tx, s driver.Settlement) bool { return s != driver.Lost })}
	}},
	{"a transaction comes again later", "twice", func() *mutant {
		var first driver.Included
		return &mutant{follow: emitting(func(u *driver.Update) {
			for i, b := range u.Apply {
				if len(b.Txs) > 0 {
					first = b.Txs[0]
				} else if first != (driver.Included{}) {
					u.Apply[i].Txs = []driver.Included{first}
				}
			}
		})}
	}},
	{"sessions share state", "sessions", func() *mutant {
		return &mutant{open: func(h driver.Handout, s driver.Segment, _ error) (driver.Handout, driver.Segment) {
			return h, driver.Segment{From: 0, To: s.To - s.From}
		}}
	}},
	{"blocks are skipped", "follow", func() *mutant {
		return &mutant{follow: emitting(func(u *driver.Update) {
			if len(u.Apply) > 0 && u.Apply[0].Height%2 == 0 {
				u.Apply = u.Apply[1:]
			}
		})}
	}},
	{"reverts are kept quiet", "follow", func() *mutant {
		return &mutant{follow: emitting(func(u *driver.Update) { u.Revert = nil })}
	}},
	{"followers differ", "follow", func() *mutant {
		n := 0
		var mu sync.Mutex
		return &mutant{follow: func(from driver.Ref, emit func(driver.Update) error) (driver.Ref, func(driver.Update) error) {
			mu.Lock()
			defer mu.Unlock()
			n++
			extra := driver.Included{ID: driver.ID{byte(n)}}
			return from, func(u driver.Update) error {
				for i, b := range u.Apply {
					u.Apply[i].Txs = append(slices.Clone(b.Txs), extra)
				}
				return emit(u)
			}
		}}
	}},
	{"follows from the tip", "follow_resume", func() *mutant {
		m := &mutant{}
		m.follow = func(from driver.Ref, emit func(driver.Update) error) (driver.Ref, func(driver.Update) error) {
			if i, err := m.Driver.Info(context.Background()); err == nil && from != i.Tip {
				from = i.Tip
			}
			return from, emit
		}
		return m
	}},
	{"an unknown block is taken for genesis", "follow_resume", func() *mutant {
		return &mutant{follow: func(from driver.Ref, emit func(driver.Update) error) (driver.Ref, func(driver.Update) error) {
			if from.ID[0] == 1 && from.Height == 1 {
				return driver.Ref{}, emit
			}
			return from, emit
		}}
	}},
	{"emit's error is ignored", "follow_ends", func() *mutant {
		return &mutant{follow: func(from driver.Ref, emit func(driver.Update) error) (driver.Ref, func(driver.Update) error) {
			return from, func(u driver.Update) error {
				_ = emit(u)
				return nil
			}
		}}
	}},
	{"places in another order", "locate", func() *mutant {
		return &mutant{locate: func(p []driver.Place) { slices.Sort(p) }}
	}},
	{"everything is found", "locate", func() *mutant {
		return &mutant{locate: func(p []driver.Place) {
			for i := range p {
				p[i] = driver.PlaceBlock
			}
		}}
	}},
	{"money out of nothing", "audit", func() *mutant { return &mutant{supply: func(have *uint64) { *have++ }} }},
	{"everything is proved", "audit", func() *mutant { return &mutant{prove: func(error) error { return nil }} }},
	{"nothing is proved", "audit", func() *mutant {
		return &mutant{prove: func(error) error { return fmt.Errorf("no") }}
	}},
	{"closing twice fails", "close", func() *mutant {
		n := 0
		return &mutant{close: func() error {
			if n++; n > 1 {
				return fmt.Errorf("closed already")
			}
			return nil
		}}
	}},
}

// TestMutants tests the suite: each defect is found by the check that is there
// for it.
func TestMutants(t *testing.T) {
	opts := Options{Timeout: time.Second}.withDefaults() // defects that hang are found by running into it
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(checks, func(c check) bool { return c.name == m.check })
			if i < 0 {
				t.Fatalf("there is no check %q", m.check)
			}
			if said := runQuietly(t, m.make, checks[i], opts); len(said) == 0 {
				t.Errorf("check %s did not find it", m.check)
			} else {
				t.Log(said[0])
			}
		})
	}
}

// TestNoDefect shows that the harness of TestMutants finds nothing by itself.
func TestNoDefect(t *testing.T) {
	opts := Options{}.withDefaults()
	for _, c := range checks {
		if said := runQuietly(t, func() *mutant { return &mutant{} }, c, opts); len(said) > 0 {
			t.Errorf("check %s: %s", c.name, said[0])
		}
	}
}

// runQuietly runs one check against a mutant of a reorganising null driver and
// returns what the check complained of.
func runQuietly(t *testing.T, build func() *mutant, c check, opts Options) []string {
	b := map[string]string{"interval": "1ms"}
	if c.name == "follow" {
		b["reorg_every"], b["reorg_depth"] = "3", "2"
	}
	inner, err := null.FromOptions(b)
	if err != nil {
		t.Fatal(err)
	}
	d := build()
	d.Driver = inner
	quiet := &recording{ctx: t.Context()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s, finish := newSuite(quiet, d, opts)
		defer finish()
		c.run(s)
	}()
	<-done
	return quiet.said()
}

// recording is a tester that keeps complaints to itself.
type recording struct {
	ctx  context.Context
	mu   sync.Mutex
	list []string
}

func (r *recording) Helper()                  {}
func (r *recording) Context() context.Context { return r.ctx }

func (r *recording) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, fmt.Sprintf(format, args...))
}

func (r *recording) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recording) Skipf(string, ...any) { runtime.Goexit() }

func (r *recording) said() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}
