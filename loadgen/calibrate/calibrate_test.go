package calibrate

import (
	"context"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// effort is as little as gives a figure at all: the test asks whether figures
// are there and of the right kind, not what they are.
var effort = Effort{Rounds: 1, Round: 30 * time.Millisecond}

func TestVerifyCountsSignatures(t *testing.T) {
	for _, scheme := range []ledger.Scheme{ledger.SchemeEd25519, ledger.SchemeSecp256k1} {
		for _, cached := range []bool{false, true} {
			rate, err := Verify(t.Context(), effort, scheme, cached)
			if err != nil || rate <= 0 {
				t.Errorf("%v, cached %v: %v/s, error %v", scheme, cached, rate, err)
			}
		}
	}
}

func TestVerifyStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Verify(ctx, Standard, ledger.SchemeEd25519, false); err == nil {
		t.Error("a cancelled calibration gave a figure")
	}
}

func TestHookMeasuresBeforeAndAfter(t *testing.T) {
	if testing.Short() {
		t.Skip("drives the generator for some seconds")
	}
	c, err := Machine(t.Context(), effort, ledger.SchemeEd25519)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]float64{
		"verify": c.VerifyBefore, "cached": c.VerifyCached, "sign": c.SignRate, "hash": c.HashRate, "ceiling": c.GeneratorCeiling,
	} {
		if v <= 0 {
			t.Errorf("%s: %v", name, v)
		}
	}
	if c.VerifyAfter != 0 {
		t.Errorf("measured after a load that there was not: %v", c.VerifyAfter)
	}
	Hook(effort, ledger.SchemeEd25519, func(err error) { t.Error(err) })(t.Context(), c, true)
	if c.VerifyAfter <= 0 {
		t.Error("nothing was measured after the load")
	}
}

func TestScheme(t *testing.T) {
	for name, want := range map[string]ledger.Scheme{"": ledger.SchemeEd25519, "ed25519": ledger.SchemeEd25519, "secp256k1": ledger.SchemeSecp256k1} {
		if got, err := Scheme(name); got != want || err != nil {
			t.Errorf("%q: %v, error %v", name, got, err)
		}
	}
	if _, err := Scheme("rsa"); err == nil {
		t.Error("rsa is taken")
	}
}
