//go:build !slowverify

package ingest

import "time"

// SlowVerify says whether this build gives a tenth of its verification
// throughput away: see the build tag slowverify. Where it is false, nothing is
// compiled of it.
const SlowVerify = false

func giveAway(time.Duration) {}
