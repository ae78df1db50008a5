package module

import (
	"context"
	"errors"
	"fmt"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"

	"github.com/chaindyno/chaindyno/loadgen"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// The kinds of errors besides those of rejections, which are driver.Reject's.
const (
	kindUsage       = "usage"       // the script's mistake
	kindUnreachable = "unreachable" // the target is not there, or not as it must be
	kindClosed      = "closed"      // the client was closed, or the test has ended
	kindOverload    = "overload"    // no lane or no room in time
	kindTimeout     = "timeout"     // no answer in time
	kindNotFound    = "not_found"   // the chain does not have it
	kindCancelled   = "cancelled"   // k6 has ended the iteration
	kindFailed      = "failed"      // anything else
)

// chainError is what a script sees as an Error with name, kind and message.
type chainError struct {
	kind, msg string
	batch     func() sobek.Value // what was done of the call; nil: nothing
}

func (e *chainError) Error() string { return e.msg }

func usagef(format string, a ...any) error {
	return &chainError{kind: kindUsage, msg: fmt.Sprintf(format, a...)}
}

// classify gives an error of below a kind.
func classify(what string, err error) *chainError {
	var already *chainError
	if errors.As(err, &already) {
		return already
	}
	kind := kindFailed
	switch {
	case errors.Is(err, loadgen.ErrEnded):
		kind = kindClosed
	case errors.Is(err, driver.ErrNotFound):
		kind = kindNotFound
	case errors.Is(err, context.Canceled):
		kind = kindCancelled
	case errors.Is(err, context.DeadlineExceeded):
		kind = kindTimeout
	}
	return &chainError{kind: kind, msg: what + ": " + err.Error()}
}

// newError makes an Error without content. It takes the script's line from the
// call that it runs in.
func newError(rt *sobek.Runtime) *sobek.Object {
	o, err := rt.New(rt.GlobalObject().Get("Error"))
	if err != nil {
		common.Throw(rt, err) // the script has put something else in its place
	}
	return o
}

// fill makes the Error that a script catches.
func (e *chainError) fill(rt *sobek.Runtime, o *sobek.Object) sobek.Value {
	fields := map[string]any{"name": "ChainError", "kind": e.kind, "message": e.msg}
	if e.batch != nil {
		fields["batch"] = e.batch()
	}
	for name, v := range fields {
		if err := o.Set(name, v); err != nil {
			return rt.NewGoError(e)
		}
	}
	return o
}

// throw ends the call with an exception.
func throw(rt *sobek.Runtime, what string, err error) {
	panic(classify(what, err).fill(rt, newError(rt)))
}

// promise runs f beside the script and settles with what it returns. f must end
// when ctx does; then is called on the VU's goroutine.
func (c *client) promise(what string, f func(ctx context.Context) (func() sobek.Value, error)) sobek.Value {
	rt, ctx := c.i.vu.Runtime(), c.i.vu.Context()
	p, resolve, reject := rt.NewPromise()
	failure := newError(rt) // here, where the script's line is known
	later := c.i.vu.RegisterCallback()
	go func() {
		then, err := f(ctx)
		later(func() error {
			if err != nil {
				return reject(classify(what, err).fill(rt, failure))
			}
			return resolve(then())
		})
	}()
	return rt.ToValue(p)
}
