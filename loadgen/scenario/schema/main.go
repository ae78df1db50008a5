// Command schema writes the JSON Schema of scenario files.
package main

import (
	"fmt"
	"os"

	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

func main() {
	if err := os.WriteFile(os.Args[1], scenario.JSONSchema(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
