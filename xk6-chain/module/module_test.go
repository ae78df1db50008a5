package module

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/modulestest"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/executor"
	"go.k6.io/k6/v2/metrics"
	"go.uber.org/goleak"

	"github.com/chaindyno/chaindyno/xk6-chain/runs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// vu is one VU with the module, on k6's own test runtime.
type vu struct {
	t   *testing.T
	rt  *modulestest.Runtime
	hub *runs.Hub
	reg *metrics.Registry

	mu      sync.Mutex
	samples []metrics.Sample
	out     chan metrics.SampleContainer
	taken   chan struct{}
}

func newVU(t *testing.T, hub *runs.Hub) *vu {
	t.Helper()
	v := &vu{t: t, rt: modulestest.NewRuntime(t), hub: hub, out: make(chan metrics.SampleContainer), taken: make(chan struct{})}
	v.reg = v.rt.VU.InitEnvField.Registry
	go func() {
		defer close(v.taken)
		for c := range v.out {
			v.mu.Lock()
			v.samples = append(v.samples, c.GetSamples()...)
			v.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		hub.Close()
		close(v.out)
		<-v.taken
	})
	if err := v.rt.VU.Runtime().Set("chain", New(hub).NewModuleInstance(v.rt.VU).Exports().Default); err != nil {
		t.Fatal(err)
	}
	return v
}

// start connects in the init context and goes on as VU id of vus.
func start(t *testing.T, hub *runs.Hub, connect string, id, vus int64) *vu {
	t.Helper()
	v := newVU(t, hub)
	v.must(`const client = chain.connect(` + connect + `)`)
	v.activate(id, vus)
	return v
}

func (v *vu) activate(id, vus int64) {
	cfg := executor.NewConstantVUsConfig("load")
	cfg.VUs.Int64, cfg.VUs.Valid = vus, true
	cfg.Duration.Valid = true
	tags := v.reg.RootTagSet().With("scenario", "load")
	v.rt.MoveToVUContext(&lib.State{
		VUID: uint64(id), Samples: v.out, Tags: lib.NewVUStateTags(tags), Options: lib.Options{Scenarios: lib.ScenarioConfigs{"load": cfg}},
	})
}

// run runs a script on the event loop.
func (v *vu) run(script string) (sobek.Value, error) {
	v.t.Helper()
	return v.rt.RunOnEventLoop(script)
}

func (v *vu) must(script string) sobek.Value {
	v.t.Helper()
	got, err := v.run(script)
	if err != nil {
		v.t.Fatalf("%s\n%v", script, err)
	}
	return got
}

// async runs statements with await; what they throw is the error.
func (v *vu) async(statements string) error {
	v.t.Helper()
	if _, err := v.run(`var failed = null; (async () => { ` + statements + ` })().catch((e) => { failed = e; })`); err != nil {
		return err
	}
	if e := v.rt.VU.Runtime().Get("failed"); !sobek.IsNull(e) {
		return fmt.Errorf("%s", e.String())
	}
	return nil
}

// sum adds up a metric's samples that have a tag's value.
func (v *vu) sum(name, tag, value string) (total float64, n int) {
	v.out <- metrics.Samples{} // taken after those before it were noted
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.samples {
		if got, _ := s.Tags.Get(tag); s.Metric.Name == name && (tag == "" || got == value) {
			total += s.Value
			n++
		}
	}
	return total, n
}

const nullChain = `{driver: 'null', options: {lanes: 400}}`

// TestConnectRefuses: a wrong call says which word of it is wrong.
func TestConnectRefuses(t *testing.T) {
	v := newVU(t, runs.NewHub())
	for call, want := range map[string]string{
		`chain.connect()`:                                                                                                        "want one object",
		`chain.connect('127.0.0.1:7700')`:                                                                                        `got "127.0.0.1:7700"`,
		`chain.connect({})`:                                                                                                      "driver: want a string, reference or null, got nothing",
		`chain.connect({driver: 7})`:                                                                                             "driver: want a string, reference or null, got 7",
		`chain.connect({driver: 'doge', target: '127.0.0.1:1'})`:                                                                 `driver: "doge" is not known; permitted: null, reference`,
		`chain.connect({driver: 'reference'})`:                                                                                   "submit: is absent",
		`chain.connect({driver: 'reference', target: 'nowhere'})`:                                                                "want host:port",
		`chain.connect({driver: 'reference', target: [1]})`:                                                                      "target: want strings, got 1",
		`chain.connect({driver: 'reference', target: {}})`:                                                                       "target: want host:port",
		`chain.connect({driver: 'reference', target: '192.0.2.1:7700'})`:                                                         "not a loopback address",
		`chain.connect({driver: 'null', target: '127.0.0.1:7700'})`:                                                              "null driver has no address",
		`chain.connect({driver: 'null', url: 'x'})`:                                                                              `"url" is not known; permitted: driver, options, target`,
		`chain.connect({driver: 'null', options: 3})`:                                                                            "options: want an object, got 3",
		`chain.connect({driver: 'null', options: {lane: 3}})`:                                                                    `connect: options: "lane" is not known; permitted: allowRemote, audit`,
		`chain.connect({driver: 'null', options: {lanes: 'many'}})`:                                                              "options.lanes: want auto or a number",
		`chain.connect({driver: 'null', options: {lanes: 1.5}})`:                                                                 "options.lanes: ",
		`chain.connect({driver: 'null', options: {drain: 'soon'}})`:                                                              "options.drain: want a duration",
		`chain.connect({driver: 'null', options: {doubleSpends: 2}})`:                                                            "options.doubleSpends: ",
		`chain.connect({driver: 'null', options: {timeout: 0}})`:                                                                 "options.timeout: 0s is out of range",
		`chain.connect({driver: 'null', options: {timeout: 'x'}})`:                                                               "options.timeout: want a duration",
		`chain.connect({driver: 'null', options: {allowRemote: 'yes'}})`:                                                         "options.allowRemote: want true or false",
		`chain.connect({driver: 'null', options: {driver: {speed: 3}}})`:                                                         `option "speed" is not known`,
		`chain.connect({driver: 'null', options: {driver: 3}})`:                                                                  "options.driver: want an object",
		`chain.connect({driver: 'null', options: {tls: {key: 'a', pin: 'b'}}})`:                                                  `options.tls: "pin" is not known`,
		`chain.connect({driver: 'null', options: {slo: ['p99 < 2s']}})`:                                                          "options.slo",
		`chain.connect({driver: 'reference', target: 'a:1', options: {tls: {ca: '/no/such'}}})`:                                  "no such file",
		`chain.connect({driver: 'reference', target: '127.0.0.1:1', options: {tokenEnv: 'NO_SUCH_TOKEN', tls: {ca: 'ca.pem'}}})`: "NO_SUCH_TOKEN is not set",
	} {
		got := v.must(`(() => { try { ` + call + `; return 'no error' } catch (e) { return e.name + ' ' + e.kind + ' ' + e.message } })()`).String()
		if !strings.HasPrefix(got, "ChainError usage ") || !strings.Contains(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", call, got, want)
		}
	}
}

// TestPlaces: connecting and sending have their places in a script.
func TestPlaces(t *testing.T) {
	v := newVU(t, runs.NewHub())
	v.must(`const client = chain.connect(` + nullChain + `)`)
	for _, method := range []string{"submit()", "submitBatch(3)", "transfer({})", "sign()", "committed('x')", "tip()", "proof('x')", "block(0)", "waitReady()"} {
		_, err := v.run(`client.` + method)
		if err == nil || !strings.Contains(err.Error(), "not in the init context") {
			t.Errorf("%s in the init context: %v", method, err)
		}
	}
	v.activate(1, 1)
	if _, err := v.run(`chain.connect(` + nullChain + `)`); err == nil || !strings.Contains(err.Error(), "only in the init context") {
		t.Errorf("connect in a VU: %v", err)
	}
	v.must(`client.submit(); client.close()`)
	_, err := v.run("\n\nclient.submit()")
	var thrown *sobek.Exception
	if !errors.As(err, &thrown) || !strings.Contains(thrown.String(), "the client was closed") || !strings.Contains(thrown.String(), ":3:") {
		t.Errorf("after close, with the script's line: %v", err)
	}
}

// TestArguments: a wrong argument is refused before anything is sent.
func TestArguments(t *testing.T) {
	v := start(t, runs.NewHub(), nullChain, 1, 1)
	for call, want := range map[string]string{
		`submitBatch()`:         "want a whole number or a list of transactions, got nothing",
		`submitBatch(0)`:        "permitted: 1 to 100000",
		`submitBatch(-5)`:       "permitted: 1 to 100000",
		`submitBatch(1.5)`:      "got 1.5",
		`submitBatch('100')`:    `got "100"`,
		`submitBatch([])`:       "0 transactions",
		`submitBatch([1])`:      "want a transaction of client.sign, bytes, or bytes in hexadecimal, got 1",
		`submit({})`:            "got an object",
		`submit('zz')`:          `got "zz"`,
		`submit('00ff')`:        "driver null takes no transactions that were signed elsewhere",
		`transfer({to: 3})`:     "to: want a string, got 3",
		`transfer({value: 0})`:  "value: want a whole number from 1, got 0",
		`transfer({amount: 1})`: `"amount" is not known; permitted: to, value`,
		`transfer({value: 5})`:  "no payments to a payee of choice",
		`sign(0)`:               "want a whole number from 1",
		`sign('a')`:             "want a whole number from 1",
		`committed()`:           "want a batch of client.submitBatch",
		`committed({})`:         "want a batch of client.submitBatch",
		`committed('abcd')`:     "64 hexadecimal digits",
		`committed('` + strings.Repeat("0", 64) + `', 5)`: "want options such as",
		`proof(5)`:            "64 hexadecimal digits, got 5",
		`block('tip')`:        "want a height",
		`block(-1)`:           "want a height",
		`tip({timeout: 'x'})`: "timeout: want a duration",
		`tip({wait: 'x'})`:    `"wait" is not known`,
	} {
		got := v.must(`(() => { try { client.` + call + `; return 'no error' } catch (e) { return e.kind + ' ' + e.message } })()`).String()
		if !strings.Contains(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", call, got, want)
		}
	}
	v.hub.End()
	if n, _ := v.sum("chain_tx_sent", "", ""); n != 0 {
		t.Errorf("%v sent", n)
	}
}

// TestFlow: a batch from the call to the block, with everything that can be
// asked about it, and the metrics of all that.
func TestFlow(t *testing.T) {
	hub := runs.NewHub()
	v := start(t, hub, `{driver: 'null', options: {lanes: 400, driver: {interval: '5ms'}}}`, 1, 3)
	err := v.async(`
		const eq = (a, b, what) => { if (a !== b) throw new Error(what + ': ' + a + ', want ' + b) };
		const ready = await client.waitReady({timeout: '5s'});
		eq(ready.id.length, 64, 'tip');
		const batch = client.submitBatch(250);
		eq(batch.sent, 250, 'sent'); eq(batch.accepted, 250, 'accepted'); eq(batch.dropped, 0, 'dropped');
		eq(new Set(batch.ids()).size, 250, 'ids');
		const fates = await client.committed(batch);
		eq(fates.succeeded, 250, 'succeeded');
		const id = client.submit();
		const fate = await client.committed(id, {timeout: 5000});
		eq(fate.fate, 'succeeded', 'fate'); eq(fate.id, id, 'id');
		const proof = await client.proof(id);
		const block = await client.block(proof.block.height);
		eq(block.txs[proof.index], id, 'proved'); eq(block.id, proof.block.id, 'block');
		const tip = await client.tip();
		if (tip.height < proof.block.height) throw new Error('tip ' + tip.height);
		const [a, b] = client.sign(2);
		eq(client.submit(b), b.id, 'signed'); eq(client.submitBatch([a]).ids()[0], a.id, 'signed, in a list');
		eq(a.payload.byteLength > 0, true, 'payload');
		try { client.submit(a); throw new Error('sent twice') } catch (e) { if (!e.message.includes('sent already')) throw e }
		const missing = await client.proof('ab'.repeat(32)).then(() => 'found', (e) => e.name + ' ' + e.kind);
		eq(missing, 'ChainError not_found', 'missing');
		eq(await client.committed('ab'.repeat(32)).then(() => 'found', (e) => e.kind), 'not_found', 'nobody knows it');
		eq(await client.block(1e9).then(() => 'found', (e) => e.kind), 'not_found', 'block of the future');
	`)
	if err != nil {
		t.Fatal(err)
	}
	hub.End()
	for name, want := range map[string]float64{"chain_tx_sent": 253, "chain_tx_accepted": 253, "chain_tx_succeeded": 253} {
		if got, _ := v.sum(name, "kind", "transfer"); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
		if got, _ := v.sum(name, "target", "null"); got != want {
			t.Errorf("%s of the target is %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"chain_tx_rejected", "chain_tx_lost", "chain_commit_p99"} { // 253 samples are too few for a p99
		if got, n := v.sum(name, "", ""); n != 0 {
			t.Errorf("%s is %v", name, got)
		}
	}
	if got, n := v.sum("chain_commit_p50", "", ""); n == 0 || got <= 0 {
		t.Errorf("p50 %v in %d samples", got, n)
	}
	if _, n := v.sum("chain_batch_ack", "scenario", "load"); n != 4 {
		t.Errorf("%d samples of answers, want one a call: 4", n)
	}
	if _, n := v.sum("chain_batch_commit", "scenario", "load"); n != 1 {
		t.Errorf("%d samples of commits, want one for the batch that was waited for", n)
	}
	if _, err := v.run(`client.submit()`); err == nil || !strings.Contains(err.Error(), "the run has ended") {
		t.Errorf("after the end: %v", err)
	}
}

// TestRefusals: what the chain refuses is an exception with its kind, and a
// batch of which some is accepted is none.
func TestRefusals(t *testing.T) {
	hub := runs.NewHub()
	v := start(t, hub, `{driver: 'null', options: {lanes: 50, invalidSignatures: 1}}`, 1, 1)
	v.must(`
		var seen = [];
		try { client.submit() } catch (e) { seen.push(e.name, e.kind) }
		try { client.submitBatch(10) } catch (e) { seen.push(e.kind, e.batch.rejected, e.batch.kinds.signature) }`)
	if got := v.must(`seen.join()`).String(); got != "ChainError,signature,signature,10,10" {
		t.Errorf("got %s", got)
	}
	half := start(t, runs.NewHub(), `{driver: 'null', options: {lanes: 20, doubleSpends: 0.5}}`, 1, 1)
	got := half.must(`var b; for (let i = 0; i < 20; i++) b = client.submitBatch(100); [b.accepted + b.rejected, b.rejected > 0, b.rejected === b.kinds.double_spend].join()`)
	if got.String() != "100,true,true" {
		t.Errorf("got %s", got)
	}
	hub.End()
	if n, _ := v.sum("chain_tx_rejected", "kind", "invalid_signature"); n != 11 {
		t.Errorf("%v rejected, want 11", n)
	}
	if n, _ := v.sum("chain_tx_succeeded", "", ""); n != 0 {
		t.Errorf("%v succeeded", n)
	}
}

// TestNothingHangs: promises and calls end in time, whatever the chain does.
func TestNothingHangs(t *testing.T) {
	v := start(t, runs.NewHub(), `{driver: 'null', options: {lanes: 50, drain: '1s', timeout: '100ms', driver: {seal: 'demand', lane_window: 1}}}`, 1, 1)
	if err := v.async(`const b = client.submitBatch(5); await client.committed(b, {timeout: '50ms'})`); err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("no block comes: %v", err)
	}
	if _, err := v.run(`client.submitBatch(25)`); err != nil { // 25 lanes for one of two wallets
		t.Errorf("20 of 25 can be sent: %v", err)
	}
	if _, err := v.run(`client.submit()`); err == nil || !strings.Contains(err.Error(), "no lane of this VU was free") {
		t.Errorf("no lane is free: %v", err)
	}
}

// TestCancelled: when k6 ends the iteration, promises are rejected at once.
func TestCancelled(t *testing.T) {
	v := start(t, runs.NewHub(), `{driver: 'null', options: {lanes: 50, drain: '1s', driver: {seal: 'demand'}}}`, 1, 1)
	v.must(`var batch = client.submitBatch(5)`)
	timer := time.AfterFunc(100*time.Millisecond, v.rt.CancelContext)
	defer timer.Stop()
	if err := v.async(`await client.committed(batch, {timeout: '1h'}).catch((e) => { throw new Error(e.kind) })`); err == nil || !strings.Contains(err.Error(), "cancelled") {
		t.Errorf("got %v", err)
	}
}

// TestDeadTarget: a target that is not there is an error of the call, in time,
// and may come to life.
func TestDeadTarget(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	l.Close()
	v := start(t, runs.NewHub(), `{driver: 'reference', target: '`+dead+`', options: {lanes: 50, timeout: '1s'}}`, 1, 1)
	for _, call := range []string{`client.submit()`, `client.submitBatch(10)`, `client.sign()`} {
		got := v.must(`(() => { try { ` + call + `; return 'no error' } catch (e) { return e.kind + ' ' + e.message } })()`).String()
		if !strings.HasPrefix(got, "unreachable target "+dead) {
			t.Errorf("%s: %s", call, got)
		}
	}
	if err := v.async(`await client.waitReady({timeout: '300ms'}).then(() => {}, (e) => { throw new Error(e.kind) })`); err == nil || !strings.Contains(err.Error(), "unreachable") && !strings.Contains(err.Error(), "timeout") {
		t.Errorf("waitReady: %v", err)
	}
	if err := v.async(`await client.tip()`); err == nil {
		t.Error("a dead target has a tip")
	}
}

// TestVUsShareARun: the same connect in several VUs is one run, whose wallets
// have no lane in common; a VU that was not planned for has no wallet.
func TestVUsShareARun(t *testing.T) {
	hub := runs.NewHub()
	const vus = 3
	var all []*vu
	for id := range int64(vus) {
		all = append(all, start(t, hub, nullChain, id+1, vus))
	}
	var wg sync.WaitGroup
	for _, v := range all {
		wg.Go(func() {
			if _, err := v.run(`for (let i = 0; i < 10; i++) client.submitBatch(130)`); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	late := start(t, hub, nullChain, vus+1, vus)
	if _, err := late.run(`client.submit()`); err == nil || !strings.Contains(err.Error(), "wallet 4: there are 4") {
		t.Errorf("a VU too many: %v", err)
	}
	hub.End()
	var sent, rejected, succeeded float64
	for _, v := range all {
		s, _ := v.sum("chain_tx_sent", "", "")
		r, _ := v.sum("chain_tx_rejected", "", "")
		ok, _ := v.sum("chain_tx_succeeded", "", "")
		sent, rejected, succeeded = sent+s, rejected+r, succeeded+ok
	}
	if sent != vus*1300 || rejected != 0 || succeeded != sent {
		t.Errorf("%v sent, %v rejected, %v succeeded", sent, rejected, succeeded)
	}
}

// TestShares: the lanes of instances with execution segments are all lanes, each
// once, however unevenly they are cut.
func TestShares(t *testing.T) {
	for _, cuts := range [][]string{{"0", "1/2", "1"}, {"0", "1/3", "2/3", "1"}, {"0", "1/7", "1/2", "9/10", "1"}} {
		for _, lanes := range []int{10, 20000, 65536} {
			next := 0
			for k := range len(cuts) - 1 {
				seg, err := lib.NewExecutionSegmentFromString(cuts[k] + ":" + cuts[k+1])
				if err != nil {
					t.Fatal(err)
				}
				cfg := executor.NewConstantVUsConfig("load")
				cfg.VUs.Int64, cfg.VUs.Valid = 12, true
				o := lib.Options{ExecutionSegment: seg, Scenarios: lib.ScenarioConfigs{"load": cfg}}
				wallets, part, err := shares(o)
				if err != nil || part == nil || wallets < 2 || wallets > 13 {
					t.Fatalf("%v: %d wallets, %v", seg, wallets, err)
				}
				from, to := part(lanes)
				if from != next {
					t.Errorf("%v of %d lanes begins at %d, the one before has ended at %d", seg, lanes, from, next)
				}
				next = to
			}
			if next != lanes {
				t.Errorf("%v: %d of %d lanes are shared out", cuts, next, lanes)
			}
		}
	}
	if _, part, err := shares(lib.Options{}); err != nil || part != nil {
		t.Errorf("without a segment: %v", err)
	}
}
