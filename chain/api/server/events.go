package server

import (
	"context"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/internal/guard"
)

// Events are told what happens at the door, from many goroutines at once. They
// must not block; nil ones are left out.
type Events struct {
	// Denied is called for each caller that is turned away before a handler
	// runs: for its "handshake" (no TLS, no certificate, a wrong or expired one),
	// or its "token".
	Denied func(why string)
	// Closed is called for each connection that is ended because too much of
	// what came over it was of no use.
	Closed func()
	// Called is called for each call that is let in, with the method's full name.
	Called func(method string)
}

func (e *Events) denied(why string) {
	if e.Denied != nil {
		e.Denied(why)
	}
}

func (e *Events) closed() {
	if e.Closed != nil {
		e.Closed()
	}
}

func (e *Events) called(method string) {
	if e.Called != nil {
		e.Called(method)
	}
}

// junkTxs is how many transactions that are none weigh as much as one futile
// call.
const junkTxs = 256

// judge blames a connection for a batch that is mostly junk: what cannot even
// be parsed, and not what is merely refused.
func judge(ctx context.Context, answers []ledger.Reject) {
	junk := 0
	for _, a := range answers {
		if a == ledger.RejectMalformed || a == ledger.RejectTooLarge {
			junk++
		}
	}
	if 2*junk > len(answers) {
		guard.Of(ctx).Blame(1 + junk/junkTxs)
		return
	}
	guard.Of(ctx).Useful()
}
