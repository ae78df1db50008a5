package ingest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testConfig() Config {
	return Config{QueueTxs: 4096, BatchSize: 64, Linger: 2 * time.Millisecond, Verifiers: 2}
}

// transfer returns the encoding of a signed transaction; n makes it differ
// from others.
func transfer(p *ledger.Params, n uint32) []byte {
	key := ledger.DevKey(p.DevSeed, p.DevScheme, n%4)
	prev := ledger.OutPoint{TxID: ledger.Hash{1}, Index: n}
	return ledger.AppendTransfer(nil, p.GenesisHash(), []ledger.Spend{{Prev: prev, Key: key}}, []ledger.Output{{Value: 5}})
}

// unsigned is the same without a signature, for tests that check none.
func unsigned(n uint32) []byte {
	raw := make([]byte, 7+36+32+64+28)
	raw[0], raw[1], raw[3] = byte(ledger.SchemeEd25519), 1, 1
	raw[7], raw[8], raw[9], raw[10] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
	raw[len(raw)-28] = 1 // value
	return raw
}

// number returns what unsigned was given.
func number(tx *ledger.Tx) uint32 {
	id := tx.Prev(0).TxID
	return uint32(id[0]) | uint32(id[1])<<8 | uint32(id[2])<<16 | uint32(id[3])<<24
}

func unsignedBatch(first, n int, done func(*Batch)) *Batch {
	b := &Batch{Done: done}
	for i := range n {
		b.Payloads = append(b.Payloads, unsigned(uint32(first+i)))
	}
	return b
}

// recorder is a sink that notes what it is offered.
type recorder struct {
	mu     sync.Mutex
	txs    []ledger.Tx
	at     []time.Time
	answer func(tx *ledger.Tx) ledger.Reject // nil accepts all
}

func (r *recorder) Offer(txs []ledger.Tx, _, _ time.Time, answers []ledger.Reject) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range txs {
		if answers[i] != ledger.RejectNone {
			continue
		}
		if r.answer != nil {
			answers[i] = r.answer(&txs[i])
		}
		r.txs, r.at = append(r.txs, txs[i]), append(r.at, time.Now())
	}
}

// anySignature is a verifier that takes a while and finds nothing wrong.
type anySignature func()

func (f anySignature) Verify([]ledger.Tx, []ledger.Reject) { f() }

func newTest(t testing.TB, cfg Config, sink Sink, ev Events, verify func()) *Ingest {
	t.Helper()
	in, err := New(cfg, ledger.TestParams(), sink, ev)
	if err != nil {
		t.Fatal(err)
	}
	if verify != nil {
		in.newVerifier = func() verifier { return anySignature(verify) }
	}
	return in
}

// start runs the stage; the function that it returns ends it.
func start(in *Ingest) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- in.Run(ctx) }()
	return func() {
		cancel()
		<-ended
	}
}

func submitWait(in *Ingest, b *Batch) {
	answered := make(chan struct{})
	b.Done = func(*Batch) { close(answered) }
	in.Submit(b)
	<-answered
}

func TestVerdicts(t *testing.T) {
	p := ledger.TestParams()
	flip := func(raw []byte, at int) []byte {
		raw = slices.Clone(raw)
		raw[at] ^= 1
		return raw
	}
	good := transfer(p, 1)
	key := ledger.DevKey(p.DevSeed, p.DevScheme, 0)
	spend := ledger.Spend{Prev: ledger.OutPoint{TxID: ledger.Hash{7}}, Key: key}
	worthless := ledger.AppendTransfer(nil, p.GenesisHash(), []ledger.Spend{spend}, []ledger.Output{{}})
	twice := ledger.AppendTransfer(nil, p.GenesisHash(), []ledger.Spend{spend, spend}, []ledger.Output{{Value: 1}})
	elsewhere := ledger.AppendTransfer(nil, ledger.Hash{9}, []ledger.Spend{spend}, []ledger.Output{{Value: 1}})
	cases := []struct {
		name    string
		payload []byte
		want    ledger.Reject
		parses  bool
	}{
		{"good", good, ledger.RejectNone, true},
		{"signature changed", flip(good, 7+36+32), ledger.RejectSignature, true},
		{"value changed", flip(good, len(good)-28), ledger.RejectSignature, true},
		{"signed for another network", elsewhere, ledger.RejectSignature, true},
		{"empty", nil, ledger.RejectMalformed, false},
		{"cut short", good[:len(good)-1], ledger.RejectMalformed, false},
		{"a byte too many", append(slices.Clone(good), 0), ledger.RejectMalformed, false},
		{"unknown scheme", append([]byte{3}, good[1:]...), ledger.RejectMalformed, false},
		{"too many inputs", append([]byte{1, 0xff, 0xff}, good[3:]...), ledger.RejectTooLarge, false},
		{"coinbase", ledger.AppendCoinbase(nil, 1, 0, []ledger.Output{{Value: 1}}), ledger.RejectCoinbase, true},
		{"worthless output", worthless, ledger.RejectValue, true},
		{"one output spent twice", twice, ledger.RejectInputTwice, true},
		{"good again", transfer(p, 2), ledger.RejectNone, true},
		{"refused by the sink", transfer(p, 3), ledger.RejectFee, true},
	}
	refused, _, _ := ledger.ParseTx(cases[len(cases)-1].payload, ledger.MaxTxBytes)
	sink := &recorder{answer: func(tx *ledger.Tx) ledger.Reject {
		if tx.ID() == refused.ID() {
			return ledger.RejectFee
		}
		return ledger.RejectNone
	}}
	in := newTest(t, testConfig(), sink, Events{}, nil)
	defer start(in)()
	b := &Batch{}
	for _, c := range cases {
		b.Payloads = append(b.Payloads, c.payload)
	}
	submitWait(in, b)
	for i, c := range cases {
		if b.Answers[i] != c.want {
			t.Errorf("%s: answered %v, want %v", c.name, b.Answers[i], c.want)
		}
		if b.IDs[i].IsZero() == c.parses {
			t.Errorf("%s: ID %v, want one: %v", c.name, b.IDs[i], c.parses)
		}
	}
	if len(sink.txs) != 3 {
		t.Errorf("the sink was offered %d transactions, want 3", len(sink.txs))
	}
	good[0]++ // the message may be used again
	if tx := &sink.txs[0]; tx.Bytes()[0] == good[0] {
		t.Error("a transaction shares its encoding with the message")
	}
	checkStats(t, in, b)
}

// checkStats compares the counters with the answers of all batches.
func checkStats(t *testing.T, in *Ingest, batches ...*Batch) {
	t.Helper()
	var want [ledger.RejectBlock]uint64
	received := uint64(0)
	for _, b := range batches {
		received += uint64(len(b.Payloads))
		for _, kind := range b.Answers {
			want[kind]++
		}
	}
	got := in.Stats()
	if got.Answers != want || got.Received != received || got.Queued != 0 {
		t.Errorf("stats are %+v, want answers %v of %d received, none queued", got, want, received)
	}
}

func TestBusyAtOnce(t *testing.T) {
	cfg := testConfig()
	cfg.QueueTxs = 10
	in := newTest(t, cfg, &recorder{}, Events{}, func() {})
	steps := []struct {
		txs  int
		want ledger.Reject // RejectNone: queued
	}{
		{6, ledger.RejectNone}, {5, ledger.RejectBusy}, {11, ledger.RejectTooLarge},
		{4, ledger.RejectNone}, {1, ledger.RejectBusy}, {0, ledger.RejectBusy},
	}
	var queued []*Batch
	var all []*Batch
	for i, s := range steps {
		answered := false
		b := unsignedBatch(100*i, s.txs, func(*Batch) { answered = true })
		in.Submit(b)
		if all = append(all, b); s.want == ledger.RejectNone {
			queued = append(queued, b)
		}
		if answered != (s.want != ledger.RejectNone) {
			t.Errorf("step %d: answered at once: %v", i, answered)
		}
		for _, kind := range b.Answers {
			if kind != s.want {
				t.Errorf("step %d: answered %v, want %v", i, kind, s.want)
			}
		}
	}
	answers := make(chan *Batch, len(queued))
	for _, b := range queued {
		b.Done = func(b *Batch) { answers <- b }
	}
	stop := start(in)
	for range queued {
		if b := <-answers; slices.ContainsFunc(b.Answers, func(r ledger.Reject) bool { return r != ledger.RejectNone }) {
			t.Errorf("queued transactions were answered %v", b.Answers)
		}
	}
	stop()
	checkStats(t, in, all...)
}

func TestBusyAfterTheEnd(t *testing.T) {
	in := newTest(t, testConfig(), &recorder{}, Events{}, func() {})
	start(in)()
	b := unsignedBatch(0, 3, nil)
	submitWait(in, b)
	if want := []ledger.Reject{ledger.RejectBusy, ledger.RejectBusy, ledger.RejectBusy}; !slices.Equal(b.Answers, want) {
		t.Errorf("answers are %v, want %v", b.Answers, want)
	}
}

// TestStop: the end waits for the jobs that verifiers have begun with, and the
// rest of the queue is busy.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		in := newTest(t, cfg, &recorder{}, Events{}, func() { time.Sleep(time.Second) })
		stop := start(in)
		var batches []*Batch
		for i := range 20 {
			batches = append(batches, unsignedBatch(i*cfg.BatchSize, cfg.BatchSize, func(*Batch) {}))
			in.Submit(batches[i])
		}
		begin := time.Now()
		time.Sleep(1500 * time.Millisecond)
		stop()
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("ended after %v, want when the second pair of jobs was verified", took)
		}
		for i, b := range batches {
			want := ledger.RejectBusy
			if i < 2*cfg.Verifiers {
				want = ledger.RejectNone
			}
			if b.Answers[0] != want {
				t.Errorf("batch %d was answered %v, want %v", i, b.Answers[0], want)
			}
		}
	})
}

// TestLinger: what waits for company waits for Linger after the first and no
// longer, and not at all where a job is worth an idle verifier.
func TestLinger(t *testing.T) {
	cfg := Config{QueueTxs: 4096, BatchSize: 1024, Linger: 2 * time.Millisecond, Verifiers: 2}
	type submit struct {
		at  time.Duration
		txs int
	}
	cases := []struct {
		name    string
		submits []submit
		jobs    []int
		waited  []time.Duration // per batch
	}{
		{"one", []submit{{0, 1}}, []int{1}, []time.Duration{2 * time.Millisecond}},
		{"two within", []submit{{0, 1}, {1500 * time.Microsecond, 3}}, []int{4}, []time.Duration{2 * time.Millisecond, 500 * time.Microsecond}},
		{"two apart", []submit{{0, 1}, {3 * time.Millisecond, 1}}, []int{1, 1}, []time.Duration{2 * time.Millisecond, 2 * time.Millisecond}},
		{"worthwhile", []submit{{0, 100}, {time.Millisecond, 28}}, []int{128}, []time.Duration{time.Millisecond, 0}},
		{"shared out", []submit{{0, 1000}}, []int{500, 500}, []time.Duration{0}},
		{"shared out, odd", []submit{{0, 1001}}, []int{501, 500}, []time.Duration{0}},
		{"longer than two jobs", []submit{{0, 2100}}, []int{1024, 1024, 52}, []time.Duration{2 * time.Millisecond}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var jobs []int
				ev := Events{Job: func(txs, _ int, _ time.Duration) {
					mu.Lock()
					defer mu.Unlock()
					jobs = append(jobs, txs)
				}}
				in := newTest(t, cfg, &recorder{}, ev, func() {})
				stop := start(in)
				synctest.Wait()
				begin := time.Now()
				waited := make([]time.Duration, len(c.submits))
				for i, s := range c.submits {
					time.Sleep(time.Until(begin.Add(s.at)))
					in.Submit(unsignedBatch(10_000*i, s.txs, func(b *Batch) { waited[i] = time.Since(b.Received) }))
					synctest.Wait()
				}
				time.Sleep(time.Second)
				stop()
				slices.SortFunc(jobs, func(a, b int) int { return b - a })
				if !slices.Equal(jobs, c.jobs) || !slices.Equal(waited, c.waited) {
					t.Errorf("jobs of %v after %v, want %v after %v", jobs, waited, c.jobs, c.waited)
				}
			})
		})
	}
}

func TestConfig(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"queue_txs": func(c *Config) { c.QueueTxs = 0 }, "batch_size": func(c *Config) { c.BatchSize = MaxBatchSize + 1 },
		"linger": func(c *Config) { c.Linger = -1 }, "verifiers": func(c *Config) { c.Verifiers = 0 },
	} {
		cfg := testConfig()
		change(&cfg)
		if _, err := New(cfg, ledger.TestParams(), &recorder{}, Events{}); err == nil {
			t.Errorf("%s out of range was accepted", name)
		}
	}
}
