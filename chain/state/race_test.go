//go:build race

package state

import (
	"flag"
	"os"
	"testing"
)

// TestMain runs fewer property checks under the race detector, where Pebble
// checks its own invariants at length: races show in a few.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("rapid.checks", "12"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
