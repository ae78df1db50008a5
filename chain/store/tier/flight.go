package tier

import (
	"context"
	"sync"
)

// flights lets one load run for each key; others who want the key wait for it.
type flights struct {
	mu    sync.Mutex
	byKey map[string]*flight
}

// flight is one load. Its result is set before done is closed.
type flight struct {
	done    chan struct{}
	waiters int // under flights.mu
	cancel  context.CancelFunc

	got  item
	from Level
	err  error
}

// do returns what load returns, or ctx's error as soon as ctx ends. load runs
// in a goroutine of its own, so that it goes on for the others when one who
// waits leaves; its context ends when the last has left.
func (f *flights) do(ctx context.Context, key string, load func(context.Context) (item, Level, error)) (item, Level, error) {
	f.mu.Lock()
	fl := f.byKey[key]
	if fl == nil {
		fl = &flight{done: make(chan struct{})}
		var own context.Context
		own, fl.cancel = context.WithCancel(context.WithoutCancel(ctx))
		f.byKey[key] = fl
		go func() {
			fl.got, fl.from, fl.err = load(own)
			f.mu.Lock()
			f.forget(key, fl)
			f.mu.Unlock()
			close(fl.done)
		}()
	}
	fl.waiters++
	f.mu.Unlock()
	select {
	case <-fl.done:
		return fl.got, fl.from, fl.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl.waiters--; fl.waiters == 0 {
		f.forget(key, fl)
	}
	return item{}, 0, ctx.Err()
}

// forget ends a flight for those who come later. mu is held.
func (f *flights) forget(key string, fl *flight) {
	if f.byKey[key] == fl {
		delete(f.byKey, key)
	}
	fl.cancel()
}
