package tier

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// remote is L2. It is either up, and then asked, or left alone: until the
// first connection stands, and after failuresInARow, until a probe in the
// background has succeeded. So a Redis that is dead, hangs or was never there
// costs readers three timeouts and nothing more.
type remote struct {
	cfg Config
	ev  Events

	client atomic.Pointer[rueidis.Client] // nil while there is no connection
	up     atomic.Bool
	inARow atomic.Int32 // failures since the last answer
	broken chan error   // to the prober: up has become false

	queue       chan write
	queuedBytes atomic.Int64

	failures, poisoned, dropped, oversized atomic.Uint64
}

// write is a value to be set, or without a value a key to be deleted.
type write struct {
	key   string
	value []byte
}

func newRemote(cfg Config, ev Events) *remote {
	return &remote{cfg: cfg, ev: ev, broken: make(chan error, 1), queue: make(chan write, queueMax)}
}

// get reads a value of at most so many bytes; of a longer one, which is wrong,
// one byte more. asked is false while Redis is left alone.
func (r *remote) get(ctx context.Context, key string, most int) (b []byte, found, asked bool) {
	c := r.client.Load()
	if c == nil || !r.up.Load() {
		return nil, false, false
	}
	limited, cancel := context.WithTimeout(ctx, getTimeout)
	defer cancel()
	// Not GET: whoever writes to Redis could make us read half a gigabyte.
	b, err := (*c).Do(limited, (*c).B().Getrange().Key(key).Start(0).End(int64(most)).Build()).AsBytes()
	switch {
	case err == nil:
		r.inARow.Store(0)
		return b, len(b) > 0, true
	case isWrongType(err):
		return nil, true, true
	case ctx.Err() == nil: // it was not the caller who gave up
		r.failed(err)
	}
	return nil, false, true
}

// isWrongType says whether there is something else than a string at a key.
func isWrongType(err error) bool {
	e, ok := rueidis.IsRedisErr(err)
	return ok && strings.HasPrefix(e.Error(), "WRONGTYPE")
}

// failed counts. A Redis that answers, if only with an error, costs no time
// and goes on being asked.
func (r *remote) failed(err error) {
	r.failures.Add(1)
	if _, answered := rueidis.IsRedisErr(err); answered {
		r.inARow.Store(0)
		return
	}
	if r.inARow.Add(1) >= failuresInARow && r.up.CompareAndSwap(true, false) {
		r.broken <- err // empty: up was true, and becomes true only after it was read
	}
}

// put sets a key in the background; without a value it deletes it. What finds
// the queue full is dropped. Who reads the key will ask for at most so many
// bytes.
func (r *remote) put(key string, value []byte, most int) {
	size := int64(len(value))
	switch {
	case !r.up.Load():
		return
	case size > int64(min(most, valueMax)):
		r.oversized.Add(1)
		return
	case r.queuedBytes.Add(size) <= queueBytesMax:
		select {
		case r.queue <- write{key, value}:
			return
		default:
		}
	}
	r.queuedBytes.Add(-size)
	r.dropped.Add(1)
}

// run connects, probes and writes until ctx ends.
func (r *remote) run(ctx context.Context) error {
	var children sync.WaitGroup
	children.Go(func() { r.write(ctx) })
	r.probe(ctx)
	r.up.Store(false)
	children.Wait()
	r.disconnect()
	return nil
}

func (r *remote) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-r.queue:
			r.queuedBytes.Add(-int64(len(w.value)))
			if c := r.client.Load(); c != nil && r.up.Load() {
				r.do(ctx, *c, w)
			}
		}
	}
}

func (r *remote) do(ctx context.Context, c rueidis.Client, w write) {
	limited, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	cmd := c.B().Del().Key(w.key).Build()
	if w.value != nil {
		cmd = c.B().Set().Key(w.key).Value(rueidis.BinaryString(w.value)).PxMilliseconds(r.cfg.TTL.Milliseconds()).Build()
	}
	if err := c.Do(limited, cmd).Error(); err == nil {
		r.inARow.Store(0)
	} else if ctx.Err() == nil {
		r.failed(err)
	}
}

// probe brings Redis up, and again whenever it has broken.
func (r *remote) probe(ctx context.Context) {
	for wait := probeFirst; ; wait = min(2*wait, probeLongest) {
		if r.connect(ctx) == nil {
			since := time.Now()
			r.inARow.Store(0)
			r.up.Store(true)
			r.tell(true, nil)
			select {
			case <-ctx.Done():
				return
			case err := <-r.broken:
				r.tell(false, err)
				r.disconnect() // other connections are dead too, and do not know it yet
			}
			if time.Since(since) > probeLongest {
				wait = probeFirst // it was well, and did not just answer the probe
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (r *remote) tell(up bool, err error) {
	if f := r.ev.Redis; f != nil {
		f(up, err)
	}
}

func (r *remote) disconnect() {
	if c := r.client.Swap(nil); c != nil {
		(*c).Close()
	}
}

// connect makes sure that Redis answers.
func (r *remote) connect(ctx context.Context) error {
	if r.client.Load() == nil {
		o, err := r.cfg.client()
		if err != nil {
			return err
		}
		c, err := rueidis.NewClient(o)
		if err != nil {
			return err
		}
		r.client.Store(&c)
	}
	limited, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c := *r.client.Load()
	answer, err := c.Do(limited, c.B().Ping().Build()).ToString()
	if err == nil && answer != "PONG" {
		err = errors.New("what answers is no Redis")
	}
	return err
}
