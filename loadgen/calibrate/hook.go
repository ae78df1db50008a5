package calibrate

import (
	"context"
	"fmt"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen"
	"github.com/chaindyno/chaindyno/reports/result"
)

// ceilingFor is how long the generator's ceiling is measured.
const ceilingFor = 1500 * time.Millisecond

// Hook returns what loadgen.Options.Calibrate wants: before the load the
// verification limit, the rate with cached keys, signing, hashing, the
// lateness of waits and the generator's ceiling; after it the verification
// limit once more, since a machine's speed may change under a run. What can't
// be measured is said to warn and left at 0.
func Hook(e Effort, scheme ledger.Scheme, warn func(error)) func(context.Context, *result.Calibration, bool) {
	return func(ctx context.Context, c *result.Calibration, after bool) {
		verify, err := Verify(ctx, e, scheme, false)
		if err != nil {
			warn(err)
			return
		}
		if after {
			c.VerifyAfter = verify
			return
		}
		c.VerifyBefore = verify
		if err := rest(ctx, c, scheme); err != nil {
			warn(err)
		}
	}
}

// rest measures quickly what is shown beside the verification limit.
func rest(ctx context.Context, c *result.Calibration, scheme ledger.Scheme) (err error) {
	if c.VerifyCached, err = Verify(ctx, Quick, scheme, true); err != nil {
		return err
	}
	c.SignRate = Sign(ctx, Quick, scheme)
	c.HashRate = Hash(ctx, Quick)
	sleep, pacer := loadgen.Overshoot(50)
	c.SleepOvershootNs, c.PacerOvershootNs = int64(sleep), int64(pacer)
	c.GeneratorCeiling, err = Ceiling(ctx, ceilingFor)
	return err
}

// Machine measures everything by itself, without a run.
func Machine(ctx context.Context, e Effort, scheme ledger.Scheme) (*result.Calibration, error) {
	c := &result.Calibration{SignaturesPerTx: 1}
	var err error
	Hook(e, scheme, func(failed error) { err = failed })(ctx, c, false)
	if err == nil {
		err = ctx.Err()
	}
	c.VerificationLimit = c.VerifyBefore
	return c, err
}

// Scheme returns the scheme of a name; "" is the reference chain's default.
func Scheme(name string) (ledger.Scheme, error) {
	switch name {
	case "", ledger.SchemeEd25519.String():
		return ledger.SchemeEd25519, nil
	case ledger.SchemeSecp256k1.String():
		return ledger.SchemeSecp256k1, nil
	}
	return 0, fmt.Errorf("signature scheme %q is not known; permitted: %s, %s", name, ledger.SchemeEd25519, ledger.SchemeSecp256k1)
}
