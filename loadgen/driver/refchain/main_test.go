package refchain

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// submit waits for every ack.
func submit(ctx context.Context, s driver.Session, batch []driver.Tx) []driver.Ack {
	type answer struct {
		i int
		a driver.Ack
	}
	got := make(chan answer, len(batch))
	s.Submit(ctx, batch, func(i int, a driver.Ack) { got <- answer{i, a} })
	acks := make([]driver.Ack, len(batch))
	for range batch {
		a := <-got
		acks[a.i] = a.a
	}
	return acks
}
