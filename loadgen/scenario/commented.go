package scenario

import (
	_ "embed"
	"slices"
)

//go:embed commented.yaml
var commented []byte

// Commented returns a file that explains every key and parses to Default.
func Commented() []byte { return slices.Clone(commented) }
