package module

import (
	"context"
	"errors"
	"math/big"
	"runtime/debug"
	"strings"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/lib"

	"github.com/chaindyno/chaindyno/internal/strictyaml"
	"github.com/chaindyno/chaindyno/loadgen"
	"github.com/chaindyno/chaindyno/loadgen/connect"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/xk6-chain/runs"
)

// client is what connect returns: one VU's view of a run. It dials nothing
// before it is used.
type client struct {
	i      *instance
	run    *runs.Run
	conn   connection
	closed bool
	last   int64 // iteration of the last call that sent
}

// connect implements chain.connect.
func (i *instance) connect(call sobek.FunctionCall) sobek.Value {
	rt := i.vu.Runtime()
	if i.vu.State() != nil || i.vu.InitEnv() == nil {
		throw(rt, "connect", usagef("connect: only in the init context: call it at the top of the script, outside of any function"))
	}
	conn, err := parse(call.Argument(0))
	if err != nil {
		throw(rt, "connect", err)
	}
	run, err := i.hub.Run(runs.Target{Scenario: conn.scenario, Connect: func(s *scenario.Scenario) (driver.Driver, error) {
		return connect.Driver(s, s.Target.Submit)
	}})
	if err != nil {
		throw(rt, "connect", usagef("connect: %s", inScript(err)))
	}
	i.watch()
	c := &client{i: i, run: run, conn: conn}
	o := rt.NewObject()
	for name, f := range map[string]func(sobek.FunctionCall) sobek.Value{
		"submit": c.submit, "submitBatch": c.submitBatch, "transfer": c.transfer, "sign": c.sign,
		"committed": c.committed, "tip": c.tip, "proof": c.proof, "block": c.block, "waitReady": c.waitReady, "close": c.close,
	} {
		i.set(o, name, f)
	}
	return o
}

// ready checks that a method may be called here and now.
func (c *client) ready(method string) {
	rt := c.i.vu.Runtime()
	if c.i.vu.State() == nil {
		throw(rt, method, usagef("%s: not in the init context: call it in setup, in the function that k6 iterates, or in teardown", method))
	}
	if c.closed {
		throw(rt, method, &chainError{kind: kindClosed, msg: method + ": the client was closed"})
	}
}

// close implements client.close: this VU calls it no more.
func (c *client) close(sobek.FunctionCall) sobek.Value {
	c.closed = true
	return sobek.Undefined()
}

// start makes sure that the run has begun. It may be called on any goroutine,
// with the state of the VU's.
func (c *client) start(ctx context.Context, state *lib.State) (*loadgen.Driven, error) {
	if d := c.run.Driven(); d != nil {
		return d, nil
	}
	wallets, part, err := shares(state.Options)
	if err != nil {
		return nil, err
	}
	d, err := c.run.Start(ctx, runs.Start{
		Wallets: wallets, Part: part, Version: k6Version(),
		Begun: func(d *loadgen.Driven) func() {
			c.i.untilEnd()
			return startPump(c.i.metrics, d, state, c.conn.target).end
		},
	})
	if err == nil {
		return d, nil
	}
	var wrong *strictyaml.Error
	switch {
	case errors.As(err, &wrong):
		return nil, usagef("connect: %s", inScript(err))
	case loadgen.IsUsage(err):
		return nil, &chainError{kind: kindUnreachable, msg: "target " + c.conn.target + ": " + err.Error()}
	}
	return nil, err
}

// shares says how lanes are shared out: among the VUs that this instance may
// have, with one share for setup and teardown, and among the instances by their
// execution segments.
func shares(o lib.Options) (wallets int, part func(int) (int, int), err error) {
	et, err := lib.NewExecutionTuple(o.ExecutionSegment, o.ExecutionSegmentSequence)
	if err != nil {
		return 0, nil, err
	}
	wallets = int(lib.GetMaxPossibleVUs(o.Scenarios.GetFullExecutionRequirements(et))) + 1
	if o.ExecutionSegment == nil {
		return wallets, nil, nil
	}
	fromText, toText, ok := strings.Cut(o.ExecutionSegment.String(), ":")
	from, ok1 := new(big.Rat).SetString(fromText)
	to, ok2 := new(big.Rat).SetString(toText)
	if !ok || !ok1 || !ok2 {
		return 0, nil, usagef("execution segment %s can't be read", o.ExecutionSegment)
	}
	if from.Sign() == 0 && to.Cmp(big.NewRat(1, 1)) == 0 {
		return wallets, nil, nil
	}
	return wallets, func(lanes int) (int, int) { return below(lanes, from), below(lanes, to) }, nil
}

// below is the number of lanes below a share of them, rounded down: every
// instance rounds the ends that it has in common with another one alike.
func below(lanes int, share *big.Rat) int {
	n := new(big.Int).Mul(big.NewInt(int64(lanes)), share.Num())
	return int(n.Div(n, share.Denom()).Int64())
}

func k6Version() string {
	info, _ := debug.ReadBuildInfo()
	if info != nil {
		for _, m := range info.Deps {
			if m.Path == "go.k6.io/k6/v2" {
				return m.Version
			}
		}
	}
	return "of an unknown version"
}

// limited bounds a question by the client's timeout.
func (c *client) limited(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, timeout)
}

// timeoutOf reads {timeout: '10s'}.
func (c *client) timeoutOf(method string, arg sobek.Value, otherwise time.Duration) time.Duration {
	if absent(arg) {
		return otherwise
	}
	rt := c.i.vu.Runtime()
	m, ok := object(arg)
	if !ok {
		throw(rt, method, usagef("%s: want options such as {timeout: '10s'}, got %s", method, describe(arg)))
	}
	if err := known(method, m, "timeout"); err != nil {
		throw(rt, method, err)
	}
	d, err := durationOf(m["timeout"])
	if err != nil {
		throw(rt, method, usagef("%s: timeout: %v", method, err))
	}
	return d
}
