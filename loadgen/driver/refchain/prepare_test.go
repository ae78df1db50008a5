package refchain

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

func testInfo() *client.Info {
	return &client.Info{Params: ledger.TestParams(), Limits: client.Limits{PayloadBytes: ledger.MaxTxBytes}}
}

func TestCheckPlan(t *testing.T) {
	good := driver.Plan{Lanes: 128, Workload: driver.Workload{Inputs: 2, Outputs: 2}}
	if err := checkPlan(&good, testInfo()); err != nil {
		t.Fatalf("a good plan: %v", err)
	}
	for _, tc := range []struct {
		name   string
		change func(*driver.Plan, *client.Info)
		want   string
	}{
		{"not dev", func(_ *driver.Plan, i *client.Info) { i.Params.Dev = false }, `network "test"`},
		{"option", func(p *driver.Plan, _ *client.Info) { p.Options = map[string]string{"a": ""} }, "a; permitted: submit"},
		{"value of an option", func(p *driver.Plan, _ *client.Info) { p.Options = map[string]string{"submit": "carrier"} }, "permitted: stream, unary"},
		{"scheme", func(p *driver.Plan, _ *client.Info) { p.Workload.Scheme = "secp256k1" }, "ed25519"},
		{"no inputs", func(p *driver.Plan, _ *client.Info) { p.Workload.Inputs = 0 }, "1 to 500"},
		{"many inputs", func(p *driver.Plan, _ *client.Info) { p.Workload.Inputs = 501 }, "1 to 500"},
		{"outputs", func(p *driver.Plan, _ *client.Info) { p.Workload.Outputs = 1 }, "2 (inputs) and more"},
		{"size", func(p *driver.Plan, _ *client.Info) { p.Workload.Outputs = 4000 }, "112271 bytes, permitted 100000"},
		{"no lanes", func(p *driver.Plan, _ *client.Info) { p.Lanes = 0 }, "1 to 128"},
		{"many lanes", func(p *driver.Plan, _ *client.Info) { p.Lanes = 129 }, "permitted 1 to 128, since the network has 256"},
		{"negative share", func(p *driver.Plan, _ *client.Info) { p.Workload.DoubleSpends = -0.1 }, "together at most 1"},
		{"shares over 1", func(p *driver.Plan, _ *client.Info) {
			p.Workload.DoubleSpends, p.Workload.InvalidSignatures = 0.6, 0.6
		}, "together at most 1"},
		{"skew", func(p *driver.Plan, _ *client.Info) { p.Workload.KeySkew = 11 }, "0 (uniform) to 10"},
	} {
		p, i := good, testInfo()
		tc.change(&p, i)
		err := checkPlan(&p, i)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want something with %q", tc.name, err, tc.want)
		}
	}
}

func TestTxSize(t *testing.T) {
	p := ledger.TestParams()
	for _, w := range []driver.Workload{{Inputs: 1, Outputs: 2}, {Inputs: 3, Outputs: 5}} {
		l, _ := testLane(p, w, 1)
		tx, err := l.Next(nil)
		if err != nil || len(tx.Payload) != txSize(p.DevScheme, w.Inputs, w.Outputs) {
			t.Errorf("%+v has %d bytes, not %d: %v", w, len(tx.Payload), txSize(p.DevScheme, w.Inputs, w.Outputs), err)
		}
	}
}

func TestCheckFunds(t *testing.T) {
	p := ledger.TestParams()
	plan := driver.Plan{Lanes: 2, Txs: 10, Workload: driver.Workload{Inputs: 1, Outputs: 2}}
	need := 5*cost(&plan.Workload, p) + 1
	coins := testCoins(p, 2)
	coins[0].value, coins[1].value = need, need
	if err := checkFunds(&plan, p, coins); err != nil {
		t.Errorf("just enough: %v", err)
	}
	coins[1].value--
	if err := checkFunds(&plan, p, coins); err == nil || !strings.Contains(err.Error(), "lane 1") {
		t.Errorf("one unit short: %v", err)
	}
}

func TestRichest(t *testing.T) {
	s := scan{unspent: map[ledger.OutPoint]coin{}}
	for i, v := range []uint64{5, 9, 7, 9, 1} {
		at := ledger.OutPoint{Index: uint32(i)}
		s.unspent[at] = coin{point: at, value: v, key: uint32(i)}
	}
	got, err := s.richest(3)
	if err != nil || len(got) != 3 || got[0].key != 1 || got[1].key != 3 || got[2].key != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := s.richest(6); err == nil || !strings.Contains(err.Error(), "need 6 outputs, but earlier runs left 5") {
		t.Errorf("got %v", err)
	}
}

func FuzzParseHandout(f *testing.F) {
	h := handout{genesis: ledger.Hash{1}, coins: testCoins(ledger.TestParams(), 3)}
	f.Add(h.append(nil))
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHandout(b)
		if err == nil && !bytes.Equal(h.append(nil), b) {
			t.Fatal("encoded again, the handout differs")
		}
	})
}

func TestHandout(t *testing.T) {
	h := handout{genesis: ledger.Hash{1}, coins: testCoins(ledger.TestParams(), 3)}
	got, err := parseHandout(h.append(nil))
	if err != nil || got.genesis != h.genesis || !slices.Equal(got.coins, h.coins) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestRejects: every kind of the chain has a counterpart, and those that
// concern transactions one of their own.
func TestRejects(t *testing.T) {
	for r := ledger.RejectBusy; r < ledger.RejectBlock; r++ {
		a := toAck(r)
		_, known := rejects[r]
		if named := !strings.HasPrefix(r.String(), "reject("); named != known {
			t.Errorf("%s is in the table: %v", r, known)
		}
		if a.Status != driver.StatusRejected || (a.Kind == driver.RejectOther) == known {
			t.Errorf("%s becomes %v", r, a)
		}
		if a.Kind.String() != r.String() && a.Detail != r.String() {
			t.Errorf("%s becomes %v: its own word is lost", r, a)
		}
	}
	if a := toAck(ledger.RejectNone); a != (driver.Ack{Status: driver.StatusAccepted}) {
		t.Errorf("none becomes %v", a)
	}
	if a := toAck(ledger.RejectWork); a.Kind != driver.RejectOther || a.Detail != "work" {
		t.Errorf("a kind of blocks becomes %v", a)
	}
}

// TestAckMeans: the numbers are converted, not mapped.
func TestAckMeans(t *testing.T) {
	for a, b := range map[client.AckMeans]driver.AckMeans{
		client.AckReceived: driver.AckReceived, client.AckVerified: driver.AckVerified, client.AckPooled: driver.AckPooled,
	} {
		if uint8(a) != uint8(b) {
			t.Errorf("%d is %s", a, b)
		}
	}
}
