package module

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/grafana/sobek"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// reader is the driver, if it can be asked such things.
func (c *client) reader(method string) driver.Reader {
	r, ok := c.run.Driver.(driver.Reader)
	if !ok {
		throw(c.i.vu.Runtime(), method, usagef("%s: driver %s can't be asked for it", method, c.conn.scenario.Target.Driver))
	}
	return r
}

// ask puts a question and promises its answer.
func ask[T any](c *client, method string, timeout time.Duration, question func(context.Context) (T, error), answer func(T) map[string]any) sobek.Value {
	return c.promise(method, func(ctx context.Context) (func() sobek.Value, error) {
		ctx, cancel := c.limited(ctx, timeout)
		defer cancel()
		v, err := question(ctx)
		return func() sobek.Value {
			o := c.i.vu.Runtime().NewObject()
			c.fields(o, answer(v))
			return o
		}, err
	})
}

// tip implements client.tip: a promise for the best block.
func (c *client) tip(call sobek.FunctionCall) sobek.Value {
	c.ready("tip")
	return ask(c, "tip", c.timeoutOf("tip", call.Argument(0), c.conn.timeout), c.reader("tip").Tip, refFields)
}

func refFields(r driver.Ref) map[string]any {
	return map[string]any{"height": r.Height, "id": r.ID.String()}
}

// proof implements client.proof: a promise for a proof of inclusion, which was
// checked against the block's header.
func (c *client) proof(call sobek.FunctionCall) sobek.Value {
	c.ready("proof")
	rt := c.i.vu.Runtime()
	text, ok := call.Argument(0).Export().(string)
	id, err := parseID(text)
	if !ok || err != nil {
		throw(rt, "proof", usagef("proof: want a transaction's ID of 64 hexadecimal digits, got %s", describe(call.Argument(0))))
	}
	r := c.reader("proof")
	return ask(c, "proof", c.timeoutOf("proof", call.Argument(1), c.conn.timeout),
		func(ctx context.Context) (driver.Proof, error) { return r.Proof(ctx, id) },
		func(p driver.Proof) map[string]any {
			block := rt.NewObject()
			c.fields(block, refFields(p.Block))
			return map[string]any{"txid": p.Tx.String(), "block": block, "index": p.Index, "count": p.Count, "path": c.names(p.Path)}
		})
}

// block implements client.block: a promise for the block at a height.
func (c *client) block(call sobek.FunctionCall) sobek.Value {
	c.ready("block")
	height, ok := call.Argument(0).Export().(int64)
	if !ok || height < 0 {
		throw(c.i.vu.Runtime(), "block", usagef("block: want a height, a whole number from 0, got %s", describe(call.Argument(0))))
	}
	r := c.reader("block")
	return ask(c, "block", c.timeoutOf("block", call.Argument(1), c.conn.timeout),
		func(ctx context.Context) (driver.BlockInfo, error) { return r.Block(ctx, uint64(height)) },
		func(b driver.BlockInfo) map[string]any {
			m := refFields(b.Ref)
			m["parent"], m["bytes"], m["txs"] = b.Parent.String(), b.Bytes, c.names(b.Txs)
			return m
		})
}

func (c *client) names(ids []driver.ID) sobek.Value {
	list := make([]any, len(ids))
	for k, id := range ids {
		list[k] = id.String()
	}
	return c.i.vu.Runtime().NewArray(list...)
}

const (
	// readyTimeout is how long waitReady waits where it is not told.
	readyTimeout = 30 * time.Second
	// readyEvery is how often it tries.
	readyEvery = 250 * time.Millisecond
)

// waitReady implements client.waitReady: a promise for the target to be there
// and the lanes to be funded. It resolves to the best block.
func (c *client) waitReady(call sobek.FunctionCall) sobek.Value {
	c.ready("waitReady")
	state, r := c.i.vu.State(), c.reader("waitReady")
	timeout := c.timeoutOf("waitReady", call.Argument(0), readyTimeout)
	return ask(c, "waitReady", timeout, func(ctx context.Context) (driver.Ref, error) {
		for {
			_, err := c.start(ctx, state)
			if err == nil {
				return r.Tip(ctx)
			}
			if kind := classify("", err).kind; kind != kindUnreachable {
				return driver.Ref{}, err
			}
			select {
			case <-ctx.Done():
				return driver.Ref{}, err
			case <-time.After(readyEvery):
			}
		}
	}, refFields)
}

func parseID(text string) (id driver.ID, err error) {
	b, err := hex.DecodeString(text)
	if err == nil && len(b) != len(id) {
		err = fmt.Errorf("%d bytes", len(b))
	}
	if err == nil {
		id = driver.ID(b)
	}
	return id, err
}
