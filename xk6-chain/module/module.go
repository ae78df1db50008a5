// Package module is the JavaScript module k6/x/chain: it turns calls of a script
// into calls of a driven run, and what becomes of them into k6's metrics.
package module

import (
	"sync/atomic"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/modules"

	"github.com/chaindyno/chaindyno/xk6-chain/runs"
)

// Root is the module as k6 registers it, one for all VUs.
type Root struct{ hub *runs.Hub }

// New returns the module. Its runs go to the hub.
func New(hub *runs.Hub) *Root { return &Root{hub: hub} }

// NewModuleInstance implements modules.Module.
func (r *Root) NewModuleInstance(vu modules.VU) modules.Instance {
	i := &instance{hub: r.hub, vu: vu}
	if env := vu.InitEnv(); env != nil {
		i.metrics = newMetrics(env.Registry)
	}
	return i
}

// instance is the module in one VU. Its methods run on the VU's goroutine.
type instance struct {
	hub     *runs.Hub
	vu      modules.VU
	metrics *series

	watching  bool                      // for the starts of iterations
	began     atomic.Pointer[time.Time] // when the present iteration did; nil = unknown
	iteration atomic.Int64              // counts their starts
}

// Exports implements modules.Instance.
func (i *instance) Exports() modules.Exports {
	o := i.vu.Runtime().NewObject()
	i.set(o, "connect", i.connect)
	return modules.Exports{Default: o, Named: map[string]any{"connect": i.connect}}
}

// set gives an object a method.
func (i *instance) set(o *sobek.Object, name string, f func(sobek.FunctionCall) sobek.Value) {
	if err := o.Set(name, f); err != nil {
		panic(err) // the object is an ordinary one of our own
	}
}

// k6's events, by the numbers and names that its internal package gives them:
// extensions see them only through this interface.
const (
	eventTestEnd   = 3
	eventIterStart = 4
	eventExit      = 6
)

// watch notes from now on when iterations start.
func (i *instance) watch() {
	local := i.vu.Events().Local
	if i.watching || local == nil {
		return
	}
	i.watching = true
	_, events := local.Subscribe(eventIterStart)
	go func() { // ends when k6 unsubscribes, at the latest with the process
		for e := range events {
			if e.Type.String() == "IterStart" {
				now := time.Now()
				i.began.Store(&now)
				i.iteration.Add(1)
			}
			e.Done()
		}
	}()
}

// intended is when what is sent now was due: at the iteration's start. Outside
// of iterations, as in setup, it is now.
func (i *instance) intended() time.Time {
	if at := i.began.Load(); at != nil {
		return *at
	}
	return time.Now()
}

// untilEnd ends the hub's runs when the test ends, while k6 still takes samples,
// and closes them when k6 exits.
func (i *instance) untilEnd() {
	global := i.vu.Events().Global
	if global == nil {
		return
	}
	id, events := global.Subscribe(eventTestEnd, eventExit)
	go func() {
		for e := range events {
			switch e.Type.String() {
			case "TestEnd":
				i.hub.End()
			case "Exit":
				i.hub.Close()
				e.Done()
				global.Unsubscribe(id)
				return
			}
			e.Done()
		}
	}()
}
