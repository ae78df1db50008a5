// Command k6 is k6 with the module k6/x/chain and the output chaindyno.
package main

import (
	"os"

	"go.k6.io/k6/v2/cmd"

	_ "github.com/chaindyno/chaindyno/xk6-chain" // registers them
)

func main() {
	setDefault("K6_AUTO_EXTENSION_RESOLUTION", "false") // everything a script asks for is in this binary
	setDefault("K6_NO_USAGE_REPORT", "true")
	cmd.Execute()
}

func setDefault(name, value string) {
	if _, ok := os.LookupEnv(name); !ok {
		_ = os.Setenv(name, value) // fails for names that no environment can hold
	}
}
