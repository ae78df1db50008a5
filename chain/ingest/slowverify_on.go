//go:build slowverify

package ingest

import (
	"crypto/sha512"
	"time"
)

// SlowVerify: this build gives a tenth of its verification throughput away.
//
// It exists to prove that an instrument sees what it claims to see: a build that
// is known to be slower by a tenth has to come out worse when it is compared with
// one that is not, and two builds that are the same must not (tools/ab.sh). What is
// taken away is real work on the verifier's own goroutine and core, not a pause:
// a pause would leave the core to others, and cost a busy machine nothing. No such
// build can be mistaken for another: its version names the tag, and so do the
// settings that its node tells.
const SlowVerify = true

// giveAway keeps the core busy for a ninth of the time that a job took, so that
// ten ninths pass for what one would take: nine tenths of the throughput. The work
// is the hash that an Ed25519 check begins with, in pieces far shorter than the
// check of one signature, so that small jobs lose a tenth as well. No hash is faster
// than a tenth of a microsecond, so that it ends even where a clock stands still
// (testing/synctest).
func giveAway(took time.Duration) {
	var block [128]byte
	end := time.Now().Add(took / 9)
	for left := took / 9 / (100 * time.Nanosecond); left > 0 && time.Now().Before(end); left-- {
		sum := sha512.Sum512(block[:])
		copy(block[:], sum[:])
	}
}
