// Package chain is a k6 extension: the module k6/x/chain, and the output
// chaindyno.
package chain

import (
	"go.k6.io/k6/v2/js/modules"
	k6output "go.k6.io/k6/v2/output"

	"github.com/chaindyno/chaindyno/xk6-chain/module"
	"github.com/chaindyno/chaindyno/xk6-chain/output"
	"github.com/chaindyno/chaindyno/xk6-chain/runs"
)

func init() {
	hub := runs.NewHub()
	modules.Register("k6/x/chain", module.New(hub))
	k6output.RegisterExtension("chaindyno", output.New(hub))
}
