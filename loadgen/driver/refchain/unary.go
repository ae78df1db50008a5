package refchain

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// How transactions are submitted: the driver's option "submit".
const (
	optionSubmit = "submit"
	submitStream = "stream" // batches over one stream, answers as they come (default)
	submitUnary  = "unary"  // one call for each transaction, each waited for
)

// checkOptions refuses options that the driver does not have.
func checkOptions(options map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if name != optionSubmit {
			return fmt.Errorf("unknown option of the reference driver: %s; permitted: %s", name, optionSubmit)
		}
	}
	how, given := options[optionSubmit]
	if permitted := []string{submitStream, submitUnary}; given && !slices.Contains(permitted, how) {
		return fmt.Errorf("option %s of the reference driver is %q; permitted: %s", optionSubmit, how, strings.Join(permitted, ", "))
	}
	return nil
}

// unary submits by synchronous calls, to measure what batches and streams gain.
type unary struct{ *session }

// Submit implements driver.Session. It returns when every transaction is
// answered.
func (u unary) Submit(ctx context.Context, batch []driver.Tx, ack func(i int, a driver.Ack)) {
	for i := range batch {
		ack(i, u.call(ctx, batch[i].Payload))
	}
}

func (u unary) call(ctx context.Context, payload []byte) driver.Ack {
	if ctx.Err() != nil {
		return driver.Ack{Status: driver.StatusRejected, Kind: driver.RejectBusy, Detail: "cancelled before it was sent"}
	}
	limited, cancel := context.WithTimeout(ctx, u.timeout)
	defer cancel()
	answer, _, err := u.client.Submit(limited, payload)
	switch {
	case err == nil:
		return toAck(answer)
	case limited.Err() != nil && ctx.Err() == nil:
		return driver.Ack{Status: driver.StatusUnknown, Kind: driver.RejectTimeout}
	}
	if errors.Is(err, client.ErrUnreachable) {
		u.turn()
	}
	return driver.Ack{Status: driver.StatusUnknown, Kind: driver.RejectDisconnected, Detail: err.Error()}
}
