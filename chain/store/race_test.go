//go:build race

package store

import (
	"flag"
	"os"
	"testing"
)

// slow is the factor by which tests that try every place skip some.
const slow = 16

// TestMain runs fewer property checks under the race detector, where Pebble
// checks its own invariants at length: races show in a few.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("rapid.checks", "12"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
