package module

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/grafana/sobek"

	"github.com/chaindyno/chaindyno/loadgen"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// batchMost bounds one call.
const batchMost = 100_000

// hidden are the names under which objects that a script holds keep what they
// stand for.
const (
	hiddenCall = "__chainCall"
	hiddenTx   = "__chainTx"
)

// submit implements client.submit: one transaction, and its ID. It throws
// unless the transaction is accepted.
func (c *client) submit(call sobek.FunctionCall) sobek.Value {
	c.ready("submit")
	o := loadgen.Order{Next: 1}
	if arg := call.Argument(0); !absent(arg) {
		o = loadgen.Order{}
		c.add("submit", &o, arg)
	}
	return c.one("submit", o)
}

// transfer implements client.transfer: a payment to a payee of choice.
func (c *client) transfer(call sobek.FunctionCall) sobek.Value {
	c.ready("transfer")
	p, err := payment(call.Argument(0))
	if err != nil {
		throw(c.i.vu.Runtime(), "transfer", err)
	}
	return c.one("transfer", loadgen.Order{Pay: []driver.Payment{p}})
}

func payment(arg sobek.Value) (p driver.Payment, err error) {
	m, ok := object(arg)
	if !ok && !absent(arg) {
		return p, usagef("transfer: want an object such as {to: 'key hash', value: 1000}, got %s", describe(arg))
	}
	if err := known("transfer", m, "to", "value"); err != nil {
		return p, err
	}
	if to, ok := m["to"]; ok {
		if p.To, ok = to.(string); !ok {
			return p, usagef("transfer: to: want a string, got %s", describeAny(to))
		}
	}
	if v, ok := m["value"]; ok {
		n, ok := v.(int64)
		if !ok || n < 1 {
			return p, usagef("transfer: value: want a whole number from 1, got %s", describeAny(v))
		}
		p.Value = uint64(n)
	}
	return p, nil
}

// one sends one transaction and returns its ID.
func (c *client) one(method string, o loadgen.Order) sobek.Value {
	rt := c.i.vu.Runtime()
	sent := c.send(method, o)
	a := sent.Answers()
	if a.Accepted != 1 {
		throw(rt, method, refusal(method, &a))
	}
	return rt.ToValue(sent.IDs()[0].String())
}

// submitBatch implements client.submitBatch: n transactions of the workload, or
// those given. It throws if not one of them is accepted.
func (c *client) submitBatch(call sobek.FunctionCall) sobek.Value {
	c.ready("submitBatch")
	rt := c.i.vu.Runtime()
	o := c.order(call.Argument(0))
	sent := c.send("submitBatch", o)
	a := sent.Answers()
	if a.Accepted == 0 {
		e := refusal("submitBatch", &a)
		e.batch = func() sobek.Value { return c.batch(sent, &a) }
		throw(rt, "submitBatch", e)
	}
	return c.batch(sent, &a)
}

func (c *client) order(arg sobek.Value) (o loadgen.Order) {
	rt := c.i.vu.Runtime()
	var exported any
	if !absent(arg) {
		exported = arg.Export()
	}
	switch v := exported.(type) {
	case int64:
		if v < 1 || v > batchMost {
			throw(rt, "submitBatch", usagef("submitBatch: %d transactions; permitted: 1 to %d", v, batchMost))
		}
		o.Next = int(v)
	case []any:
		list := arg.ToObject(rt)
		if len(v) < 1 || len(v) > batchMost {
			throw(rt, "submitBatch", usagef("submitBatch: %d transactions; permitted: 1 to %d", len(v), batchMost))
		}
		for k := range v {
			c.add("submitBatch", &o, list.Get(rt.ToValue(k).String()))
		}
	default:
		throw(rt, "submitBatch", usagef("submitBatch: want a whole number or a list of transactions, got %s", describeAny(exported)))
	}
	return o
}

// add adds one transaction that a script holds: of client.sign, or one that was
// signed elsewhere, as bytes or in hexadecimal.
func (c *client) add(method string, o *loadgen.Order, v sobek.Value) {
	rt := c.i.vu.Runtime()
	bad := func() {
		throw(rt, method, usagef("%s: want a transaction of client.sign, bytes, or bytes in hexadecimal, got %s", method, describe(v)))
	}
	if absent(v) {
		bad()
	}
	if obj, ok := v.(*sobek.Object); ok {
		if x := obj.Get(hiddenTx); x != nil {
			if signed, ok := x.Export().(*loadgen.Signed); ok {
				o.Signed = append(o.Signed, signed)
				return
			}
		}
	}
	var payload []byte
	switch x := v.Export().(type) {
	case string:
		var err error
		if payload, err = hex.DecodeString(x); err != nil || len(x) == 0 {
			bad()
		}
	case []byte:
		payload = append(payload, x...)
	case sobek.ArrayBuffer:
		payload = append(payload, x.Bytes()...)
	default:
		bad()
	}
	reads, ok := c.run.Driver.(driver.Decoder)
	if !ok {
		throw(rt, method, usagef("%s: driver %s takes no transactions that were signed elsewhere", method, c.conn.scenario.Target.Driver))
	}
	tx, err := reads.Decode(payload)
	if err != nil {
		throw(rt, method, &chainError{kind: driver.RejectMalformed.String(), msg: method + ": " + err.Error()})
	}
	o.Foreign = append(o.Foreign, tx)
}

// sign implements client.sign: n transactions, built and signed and not sent.
func (c *client) sign(call sobek.FunctionCall) sobek.Value {
	c.ready("sign")
	rt := c.i.vu.Runtime()
	n := int64(1)
	if arg := call.Argument(0); !absent(arg) {
		var ok bool
		if n, ok = arg.Export().(int64); !ok || n < 1 || n > batchMost {
			throw(rt, "sign", usagef("sign: want a whole number from 1 to %d, got %s", batchMost, describe(arg)))
		}
	}
	all, err := c.wallet("sign").Sign(int(n))
	if err != nil {
		throw(rt, "sign", err)
	}
	list := make([]any, len(all))
	for k, x := range all {
		o := rt.NewObject()
		c.fields(o, map[string]any{"id": x.ID().String(), "payload": rt.NewArrayBuffer(append([]byte(nil), x.Payload()...))})
		c.hide(o, hiddenTx, x)
		list[k] = o
	}
	return rt.NewArray(list...)
}

// wallet is this VU's.
func (c *client) wallet(method string) *loadgen.Wallet {
	rt, state := c.i.vu.Runtime(), c.i.vu.State()
	d, err := c.start(c.i.vu.Context(), state)
	if err != nil {
		throw(rt, method, err)
	}
	w, err := d.Wallet(int(state.VUID))
	if err != nil {
		throw(rt, method, err)
	}
	return w
}

// send sends an order and feeds the metrics. It throws what keeps the order from
// being carried out.
func (c *client) send(method string, o loadgen.Order) *loadgen.Call {
	rt, state := c.i.vu.Runtime(), c.i.vu.State()
	w := c.wallet(method)
	o.Intended, o.Timeout = c.i.intended(), c.conn.timeout
	p := newPusher(c.i.vu, c.conn.target)
	begin := time.Now()
	sent, err := w.Send(c.i.vu.Context(), o)
	took := time.Since(begin)
	if sent != nil {
		a := sent.Answers()
		c.i.metrics.call(p, c.run.Driven().Info().Kinds, &a, took)
		name, _ := p.tags.Get("scenario")
		c.run.Sent(name, c.last != c.i.iteration.Load() || state.VUID == 0, a.Asked)
		c.last = c.i.iteration.Load()
	}
	if err != nil {
		throw(rt, method, err)
	}
	return sent
}

// refusal is the error of a call of which nothing was accepted: its kind is the
// one that most of its transactions met.
func refusal(method string, a *loadgen.Answers) *chainError {
	kind, most := "", 0
	for _, r := range driver.Rejects() { // in their order, so that equal calls give equal errors
		if n := a.Kinds[r]; n > most {
			kind, most = r.String(), n
		}
	}
	e := &chainError{kind: kind, msg: method + ": refused: " + kind}
	switch {
	case most == 0 && a.Dropped > 0:
		e.kind, e.msg = kindOverload, method+": not sent: no lane of this VU was free, or no room in flight, in time"
	case most == 0:
		e.kind, e.msg = kindTimeout, method+": no answer in time"
	case a.Unknown > a.Rejected:
		e.msg = method + ": no answer: " + kind + "; the chain may have it all the same"
	}
	if a.Detail != "" && a.Detail != kind {
		e.msg += " (" + a.Detail + ")"
	}
	return e
}

// batch is what a script holds of a call.
func (c *client) batch(sent *loadgen.Call, a *loadgen.Answers) sobek.Value {
	rt := c.i.vu.Runtime()
	rejects := rt.NewObject()
	for r, n := range a.Kinds {
		c.fields(rejects, map[string]any{r.String(): n})
	}
	o := rt.NewObject()
	c.fields(o, map[string]any{
		"asked": a.Asked, "sent": a.Sent, "accepted": a.Accepted, "rejected": a.Rejected, "unknown": a.Unknown, "dropped": a.Dropped, "kinds": rejects,
	})
	c.i.set(o, "ids", func(sobek.FunctionCall) sobek.Value {
		ids := sent.IDs()
		list := make([]any, len(ids))
		for k, id := range ids {
			list[k] = id.String()
		}
		return rt.NewArray(list...)
	})
	c.hide(o, hiddenCall, sent)
	return o
}

func (c *client) fields(o *sobek.Object, values map[string]any) {
	for name, v := range values {
		if err := o.Set(name, v); err != nil {
			panic(err) // the object is an ordinary one of our own
		}
	}
}

// hide keeps a Go value with an object, out of the script's sight.
func (c *client) hide(o *sobek.Object, name string, v any) {
	if err := o.DefineDataProperty(name, c.i.vu.Runtime().ToValue(v), sobek.FLAG_FALSE, sobek.FLAG_FALSE, sobek.FLAG_FALSE); err != nil {
		panic(err)
	}
}

// committedTimeout is how long committed waits where it is not told.
const committedTimeout = time.Minute

// committed implements client.committed: a promise for the fates of a batch, or
// of the transaction with an ID.
func (c *client) committed(call sobek.FunctionCall) sobek.Value {
	c.ready("committed")
	rt, state := c.i.vu.Runtime(), c.i.vu.State()
	timeout := c.timeoutOf("committed", call.Argument(1), committedTimeout)
	arg := call.Argument(0)
	if obj, ok := arg.(*sobek.Object); ok {
		if x := obj.Get(hiddenCall); x != nil {
			if sent, ok := x.Export().(*loadgen.Call); ok {
				return c.committedCall(sent, timeout)
			}
		}
	}
	text, ok := "", !absent(arg)
	if ok {
		text, ok = arg.Export().(string)
	}
	id, err := parseID(text)
	if !ok || err != nil {
		throw(rt, "committed", usagef("committed: want a batch of client.submitBatch, or a transaction's ID of 64 hexadecimal digits, got %s", describe(arg)))
	}
	return c.promise("committed", func(ctx context.Context) (func() sobek.Value, error) {
		ctx, cancel := c.limited(ctx, timeout)
		defer cancel()
		d, err := c.start(ctx, state)
		if err != nil {
			return nil, err
		}
		fate, err := d.Await(ctx, id)
		return func() sobek.Value {
			o := rt.NewObject()
			c.fields(o, map[string]any{"id": id.String(), "fate": fate.String()})
			return o
		}, err
	})
}

func (c *client) committedCall(sent *loadgen.Call, timeout time.Duration) sobek.Value {
	rt := c.i.vu.Runtime()
	p, due := newPusher(c.i.vu, c.conn.target), c.i.intended()
	return c.promise("committed", func(ctx context.Context) (func() sobek.Value, error) {
		ctx, cancel := c.limited(ctx, timeout)
		defer cancel()
		f, err := sent.Wait(ctx)
		if err == nil {
			p.now = time.Now()
			p.add(c.i.metrics.commit, p.tags, milliseconds(p.now.Sub(due)))
			p.push()
		}
		return func() sobek.Value {
			o := rt.NewObject()
			c.fields(o, map[string]any{"succeeded": f.Succeeded, "failed": f.Failed, "refused": f.Refused, "lost": f.Lost, "other": f.Other})
			return o
		}, err
	})
}
