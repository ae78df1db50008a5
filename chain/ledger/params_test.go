package ledger

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParamsAreValid(t *testing.T) {
	for _, p := range []*Params{DevParams(), TestParams()} {
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if !p.Dev {
			t.Errorf("%s pays public keys without saying dev", p.Name)
		}
	}
}

// paramChanges are changes to the development parameters that Validate
// refuses, by the word that its message starts with.
var paramChanges = map[string]func(p *Params){
	"name":            func(p *Params) { p.Name = "" },
	"name ":           func(p *Params) { p.Name = strings.Repeat("x", 33) },
	"time_unit":       func(p *Params) { p.TimeUnit = 0 },
	"time_unit 1.":    func(p *Params) { p.TimeUnit = 1100 * time.Millisecond },
	"interval":        func(p *Params) { p.FixedDifficulty, p.Interval = false, time.Millisecond },
	"half_life":       func(p *Params) { p.FixedDifficulty, p.HalfLife = false, 59*time.Second },
	"bits":            func(p *Params) { p.Bits = 0 },
	"bits 0x0480":     func(p *Params) { p.Bits = 0x04800001 },
	"bits 0x21":       func(p *Params) { p.Bits = 0x21000001 },
	"max_money":       func(p *Params) { p.MaxMoney = 0 },
	"max_money 9":     func(p *Params) { p.MaxMoney = math.MaxInt64 + 1 },
	"max_block_bytes": func(p *Params) { p.MaxBlockBytes = MaxBlockBytes + 1 },
	"max_block_txs":   func(p *Params) { p.MaxBlockTxs = 0 },
	"dev_outputs":     func(p *Params) { p.Dev = false },
	"dev_outputs 6":   func(p *Params) { p.MaxBlockBytes = 1 << 20 },
	"dev_scheme":      func(p *Params) { p.DevScheme = SchemeNone },
	"subsidy":         func(p *Params) { p.HalvingEvery = 0 },
	"subsidy ":        func(p *Params) { p.MaxMoney = p.SupplyAt(math.MaxUint32) - 1 },
	"subsidy 5":       func(p *Params) { p.DevValue = 1 << 60 },
}

func TestValidateRefuses(t *testing.T) {
	for want, change := range paramChanges {
		p := DevParams()
		change(p)
		if err := p.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	p := DevParams()
	if p.MaxMoney = p.SupplyAt(math.MaxUint32); p.Validate() != nil {
		t.Errorf("MaxMoney that is just enough: %v", p.Validate())
	}
}

// Every consensus field must change the digest, and through it the genesis.
func TestDigestCoversEveryRule(t *testing.T) {
	seen := map[Hash]string{}
	for name, change := range map[string]func(p *Params){
		"nothing": func(*Params) {}, "Name": func(p *Params) { p.Name = "x" }, "Dev": func(p *Params) { p.Dev = false },
		"TimeUnit": func(p *Params) { p.TimeUnit++ }, "Bits": func(p *Params) { p.Bits++ },
		"FixedDifficulty": func(p *Params) { p.FixedDifficulty = false }, "Interval": func(p *Params) { p.Interval++ },
		"HalfLife": func(p *Params) { p.HalfLife++ }, "Subsidy": func(p *Params) { p.Subsidy++ },
		"HalvingEvery": func(p *Params) { p.HalvingEvery++ }, "MaxMoney": func(p *Params) { p.MaxMoney-- },
		"Maturity": func(p *Params) { p.Maturity++ }, "MinFee": func(p *Params) { p.MinFee++ },
		"MaxBlockBytes": func(p *Params) { p.MaxBlockBytes-- }, "MaxBlockTxs": func(p *Params) { p.MaxBlockTxs-- },
		"DevSeed": func(p *Params) { p.DevSeed++ }, "DevScheme": func(p *Params) { p.DevScheme = SchemeSecp256k1 },
		"DevOutputs": func(p *Params) { p.DevOutputs++ }, "DevValue": func(p *Params) { p.DevValue++ },
	} {
		p := TestParams()
		p.DevOutputs = 2
		change(p)
		for kind, h := range map[string]Hash{"digest": p.Digest(), "genesis": p.GenesisHash()} {
			if other, ok := seen[h]; ok {
				t.Errorf("%s of %s is that of %s", kind, name, other)
			}
			seen[h] = name
		}
	}
	p := TestParams()
	p.Epoch = p.Epoch.AddDate(1, 0, 0)
	if p.Digest() != TestParams().Digest() {
		t.Error("the epoch is part of the digest")
	}
}

// Known hashes: a change would make every stored chain and signature void.
func TestGenesisIsFixed(t *testing.T) {
	for p, want := range map[*Params]string{
		TestParams(): "7f73038cfaacc71e3f44ce25b25394499ad7ed2d318dac50840a555e380e8c6b",
		DevParams():  "50833c3213f86af2a536d97493ad6929b1a140297c06388abbf0ba38f5f2d489",
	} {
		if got := p.GenesisHash().String(); got != want {
			t.Errorf("%s: genesis %s, want %s", p.Name, got, want)
		}
	}
}

func TestGenesisPaysTheKeys(t *testing.T) {
	for _, scheme := range []Scheme{SchemeEd25519, SchemeSecp256k1} {
		p := TestParams()
		p.DevScheme, p.DevOutputs = scheme, 20
		g := p.Genesis()
		if r := CheckBlock(g, p); r != RejectNone {
			t.Fatalf("%v: %v", scheme, r)
		}
		tx := &g.Txs[0]
		for i := range p.DevOutputs {
			want := Output{Value: p.DevValue, Key: HashKey(scheme, DevKey(p.DevSeed, scheme, i).Public())}
			if got := tx.Out(int(i)); got != want {
				t.Errorf("%v: output %d is %+v", scheme, i, got)
			}
		}
		if tx.Outputs() != 20 || p.Genesis() != g {
			t.Errorf("%v: %d outputs, or not cached", scheme, tx.Outputs())
		}
	}
}

// A network that is not for development has a genesis that pays nobody.
func TestGenesisWithoutDevKeys(t *testing.T) {
	p := TestParams()
	p.Dev, p.DevOutputs = false, 0
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	if r := CheckBlock(p.Genesis(), p); r != RejectNone || p.SupplyAt(0) != 0 {
		t.Errorf("%v, supply %d", r, p.SupplyAt(0))
	}
	if d, err := Connect(p.Genesis(), 0, p, nil); err != nil || d.Created[0].Entry.Value != 0 {
		t.Errorf("connects as %+v, %v", d, err)
	}
}

func TestGenesisCacheIsBounded(t *testing.T) {
	for i := range 3 * genesisCached {
		p := TestParams()
		p.DevOutputs, p.DevSeed = 1, uint64(i+1000)
		hash := p.GenesisHash()
		if p.GenesisHash() != hash {
			t.Fatal("the genesis is not the same each time")
		}
		if n := len(genesisCache.byDigest); n > genesisCached {
			t.Fatalf("%d genesis blocks are kept", n)
		}
	}
}

func TestSupplyAgainstNaiveSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := TestParams()
		p.Subsidy = rapid.Uint64Range(0, 5000).Draw(t, "subsidy")
		p.HalvingEvery = rapid.SampledFrom([]uint32{0, 1, 2, 7, 100}).Draw(t, "halving")
		p.DevOutputs, p.DevValue = rapid.Uint32Range(1, 9).Draw(t, "outputs"), rapid.Uint64Range(0, 9).Draw(t, "value")
		height := rapid.Uint32Range(0, 300).Draw(t, "height")
		want := uint64(p.DevOutputs) * p.DevValue
		for h := uint32(1); h <= height; h++ {
			want += p.SubsidyAt(h)
		}
		if got := p.SupplyAt(height); got != want {
			t.Fatalf("SupplyAt(%d) = %d, want %d", height, got, want)
		}
	})
}

func TestSubsidySchedule(t *testing.T) {
	p := TestParams()
	p.Subsidy, p.HalvingEvery = 100, 10
	for height, want := range map[uint32]uint64{0: 0, 1: 100, 9: 100, 10: 50, 19: 50, 20: 25, 69: 1, 70: 0, 640: 0, math.MaxUint32: 0} {
		if got := p.SubsidyAt(height); got != want {
			t.Errorf("SubsidyAt(%d) = %d, want %d", height, got, want)
		}
	}
}

func TestUnits(t *testing.T) {
	p := DevParams()
	for _, tc := range []struct {
		after time.Duration
		want  uint32
	}{
		{-time.Hour, 0}, {0, 0}, {9 * time.Millisecond, 0}, {10 * time.Millisecond, 1}, {time.Hour, 360_000},
		{600 * 24 * time.Hour, math.MaxUint32},
	} {
		if got := p.Units(p.Epoch.Add(tc.after)); got != tc.want {
			t.Errorf("%s after the epoch: %d, want %d", tc.after, got, tc.want)
		}
	}
	if got := p.Clock(360_000); !got.Equal(p.Epoch.Add(time.Hour)) {
		t.Errorf("Clock(360000) = %s", got)
	}
}

func TestCheckHeaderTime(t *testing.T) {
	p := TestParams()
	p.TimeUnit = time.Second
	for _, tc := range []struct {
		time, median, now uint32
		want              Reject
	}{
		{100, 100, 100, RejectNone}, {99, 100, 100, RejectTimeOld}, {102, 100, 100, RejectNone},
		{103, 100, 100, RejectTimeNew}, {math.MaxUint32, 0, math.MaxUint32 - 1, RejectNone},
	} {
		if got := CheckHeaderTime(&Header{Time: tc.time}, tc.median, tc.now, p); got != tc.want {
			t.Errorf("%+v: %v", tc, got)
		}
	}
}

func BenchmarkGenesis(b *testing.B) {
	p := DevParams()
	for b.Loop() {
		p.devOutputs()
	}
}
