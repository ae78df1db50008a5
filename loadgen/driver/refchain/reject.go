package refchain

import (
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// rejects maps the chain's kinds to those that all chains share. Kinds that
// are not in it concern blocks, or are newer than this driver.
var rejects = map[ledger.Reject]driver.Reject{
	ledger.RejectNone:         driver.RejectNone,
	ledger.RejectBusy:         driver.RejectBusy,
	ledger.RejectMalformed:    driver.RejectMalformed,
	ledger.RejectTooLarge:     driver.RejectTooLarge,
	ledger.RejectSignature:    driver.RejectSignature,
	ledger.RejectDoubleSpend:  driver.RejectDoubleSpend,
	ledger.RejectMissingInput: driver.RejectMissingInput,
	ledger.RejectKeyMismatch:  driver.RejectSignature,
	ledger.RejectValue:        driver.RejectValue,
	ledger.RejectFee:          driver.RejectFee,
	ledger.RejectImmature:     driver.RejectImmature,
	ledger.RejectDuplicate:    driver.RejectDuplicate,
	ledger.RejectDepth:        driver.RejectDepth,
	ledger.RejectCoinbase:     driver.RejectMalformed,
	ledger.RejectUnauthorized: driver.RejectUnauthorized,
	ledger.RejectInputTwice:   driver.RejectMalformed,
}

// toAck turns an answer into an Ack. Detail keeps the chain's own word where
// the shared kind says less.
func toAck(r ledger.Reject) driver.Ack {
	if r == ledger.RejectNone {
		return driver.Ack{Status: driver.StatusAccepted}
	}
	kind, ok := rejects[r]
	if !ok {
		kind = driver.RejectOther
	}
	a := driver.Ack{Status: driver.StatusRejected, Kind: kind}
	if kind.String() != r.String() {
		a.Detail = r.String()
	}
	return a
}
