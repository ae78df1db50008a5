package tier

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/rueidis"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/internal/redistest"
)

// l2Only is a configuration without L1, so that all reads reach Redis.
func l2Only(s *redistest.Server) Config {
	c := DefaultConfig()
	c.L1Bytes, c.Redis = 0, s.Addr
	return c
}

// vandal is somebody else with access to Redis.
type vandal struct {
	t testing.TB
	c rueidis.Client
}

func newVandal(t testing.TB, s *redistest.Server) vandal {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return vandal{t, c}
}

func (v vandal) do(words ...string) rueidis.RedisMessage {
	v.t.Helper()
	m, err := v.c.Do(context.Background(), v.c.B().Arbitrary(words...).Build()).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		v.t.Fatal(words[0], err)
	}
	return m
}

func (v vandal) keys() []string {
	v.t.Helper()
	m := v.do("KEYS", "*")
	keys, err := m.AsStrSlice()
	if err != nil {
		v.t.Fatal(err)
	}
	return keys
}

// reads are one read of each kind of a block, and what the store says.
func reads(t testing.TB, tiers *Tiers, w *world, b *ledger.Block) {
	t.Helper()
	id := b.Txs[1].ID()
	at, err := w.Find(id, Location{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tiers.body(t.Context(), b); err != nil || !bytes.Equal(got, b.Append(nil)) {
		t.Fatalf("block: %d bytes, %v", len(got), err)
	}
	if got, tx, err := tiers.Tx(t.Context(), id); err != nil || got != at || !bytes.Equal(tx, b.Txs[1].Bytes()) {
		t.Fatalf("transaction: %+v, %x, %v", got, tx, err)
	}
	if got, p, err := tiers.Proof(t.Context(), id); err != nil || got != at || !cmp.Equal(p, ledger.MerkleProof(b.IDs(), 1)) {
		t.Fatalf("proof: %+v, %+v, %v", got, p, err)
	}
}

// loads counts reads of the store.
func (w *world) loads() int64 { return w.bodies.Load() + w.txs.Load() + w.proofs.Load() }

// What one node has read, another gets from Redis; another network does not.
func TestRedisIsShared(t *testing.T) {
	s := redistest.Start(t)
	w := newWorld()
	b := w.block(t, 1, 5)
	v := newVandal(t, s)
	reads(t, start(t, w, l2Only(s)), w, b)
	await(t, "three keys", func() bool { return len(v.keys()) == 3 })
	for _, k := range v.keys() {
		ttl := v.do("PTTL", k)
		if ms, err := ttl.AsInt64(); err != nil || ms <= 0 || ms > DefaultConfig().TTL.Milliseconds() {
			t.Errorf("%s lives for %d ms, %v", k, ms, err)
		}
		if !strings.HasPrefix(k, "chaindyno:0102030000000000:") {
			t.Errorf("key %s is not of this network", k)
		}
	}
	var got Stats
	var loads int64
	for range 5 { // on a busy machine Redis may not answer in time
		before := w.loads()
		second := start(t, w, l2Only(s))
		reads(t, second, w, b)
		if got, loads = second.Stats(), w.loads()-before; got.Failures == 0 {
			break
		}
	}
	if loads != 0 {
		t.Errorf("the second node read the store %d times", loads)
	}
	if got.Tiers[L2].Hits != 3 || got.Tiers[L2].Misses != 0 || got.Poisoned+got.Failures != 0 {
		t.Errorf("%+v", got)
	}
}

// TestPoisons overwrites each kind of content with each kind of wrong value:
// the answer is the store's, the value is counted, and then replaced.
func TestPoisons(t *testing.T) {
	s := redistest.Start(t)
	w := newWorld()
	b, other := w.block(t, 1, 5), w.block(t, 2, 5)
	v := newVandal(t, s)
	first := start(t, w, l2Only(s))
	reads(t, first, w, b)
	reads(t, first, w, other)
	await(t, "six keys", func() bool { return len(v.keys()) == 6 })
	good := map[string]string{}
	for _, k := range v.keys() {
		m := v.do("GET", k)
		good[k], _ = m.ToString()
	}
	for name, poison := range map[string]func(key string){
		"another's": func(key string) {
			for k, value := range good {
				if k != key && strings.Split(k, ":")[2] == strings.Split(key, ":")[2] {
					v.do("SET", key, value)
				}
			}
		},
		"garbage":   func(key string) { v.do("SET", key, strings.Repeat("\xa5\x00", len(good[key])/2)) },
		"truncated": func(key string) { v.do("SET", key, good[key][:len(good[key])/2]) },
		"longer":    func(key string) { v.do("APPEND", key, "\x00") },
		"huge":      func(key string) { v.do("SETRANGE", key, "5000000", "x") },
		"a bit":     func(key string) { v.do("SETBIT", key, "300", fmt.Sprint(1-good[key][37]>>3&1)) },
		"a list":    func(key string) { v.do("DEL", key); v.do("RPUSH", key, "a", "b") },
	} {
		t.Run(name, func(t *testing.T) {
			for k := range good {
				poison(k)
			}
			tiers, before := start(t, w, l2Only(s)), w.loads()
			reads(t, tiers, w, b)
			reads(t, tiers, w, other)
			if st := tiers.Stats(); w.loads()-before != 6 || st.Tiers[L2].Hits != 0 {
				t.Errorf("%d reads of the store, %+v", w.loads()-before, st)
			}
			await(t, "the right values to be back", func() bool {
				reads(t, tiers, w, b) // again, where Redis took too long
				reads(t, tiers, w, other)
				for k, want := range good {
					if m := v.do("TYPE", k); must(m.ToString()) != "string" {
						return false
					}
					if m := v.do("GET", k); must(m.ToString()) != want {
						return false
					}
				}
				return true
			})
			if n := tiers.Stats().Poisoned; n < 6 {
				t.Errorf("%d of 6 wrong values were counted", n)
			}
		})
	}
}

func must(s string, _ error) string { return s }

// A Redis that is killed, paused or never there is left alone after a few
// failures, and asked again when it is back.
func TestRedisGoesAndComes(t *testing.T) {
	s := redistest.Start(t)
	w := newWorld()
	b := w.block(t, 1, 5)
	tiers := start(t, w, l2Only(s))
	for name, fault := range map[string]struct{ off, on func() }{
		"killed": {s.Kill, s.Restart},
		"paused": {s.Pause, s.Resume},
	} {
		t.Run(name, func(t *testing.T) {
			before := tiers.Stats().Failures
			fault.off()
			await(t, "Redis to be left alone", func() bool {
				reads(t, tiers, w, b)
				return !tiers.Stats().L2Up
			})
			if n := tiers.Stats().Failures - before; n < failuresInARow {
				t.Errorf("left alone after %d failures", n)
			}
			asked := tiers.Stats().Tiers[L2]
			for range 100 {
				reads(t, tiers, w, b)
			}
			if tiers.Stats().Tiers[L2] != asked {
				t.Errorf("asked while it was left alone")
			}
			fault.on()
			await(t, "Redis to be up again", func() bool { return tiers.Stats().L2Up })
			hits := tiers.Stats().Tiers[L2].Hits
			await(t, "hits", func() bool {
				reads(t, tiers, w, b)
				return tiers.Stats().Tiers[L2].Hits > hits
			})
		})
	}
}

// A Redis that was never there is never asked.
func TestNeverThere(t *testing.T) {
	w := newWorld()
	b := w.block(t, 1, 3)
	cfg := DefaultConfig()
	cfg.L1Bytes, cfg.Redis = 0, "127.0.0.1:1"
	tiers, err := New(cfg, genesis, w, Events{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tiers.Run(ctx) }()
	for range 100 {
		reads(t, tiers, w, b)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if st := tiers.Stats(); st.L2Up || st.Failures != 0 || st.Tiers[L2].Misses != 0 || st.Tiers[L3].Hits != 300 {
		t.Errorf("%+v", st)
	}
}

// What is too large for Redis, or finds the queue full, is left out and
// counted.
func TestLeftOut(t *testing.T) {
	r := newRemote(DefaultConfig(), Events{})
	r.up.Store(true) // and nobody writes
	r.put("large", make([]byte, valueMax+1), ledger.MaxBlockBytes)
	r.put("not read", make([]byte, 100), 99)
	if r.oversized.Load() != 2 || len(r.queue) != 0 {
		t.Errorf("%d oversized, %d queued", r.oversized.Load(), len(r.queue))
	}
	for range queueMax + 5 {
		r.put("key", []byte{1}, 1)
	}
	if r.dropped.Load() != 5 || len(r.queue) != queueMax || r.queuedBytes.Load() != queueMax {
		t.Errorf("%d dropped, %d queued, %d bytes", r.dropped.Load(), len(r.queue), r.queuedBytes.Load())
	}
	r = newRemote(DefaultConfig(), Events{})
	r.up.Store(true)
	for range queueBytesMax/valueMax + 3 {
		r.put("key", make([]byte, valueMax), valueMax)
	}
	if r.dropped.Load() != 3 || r.queuedBytes.Load() != queueBytesMax {
		t.Errorf("%d dropped, %d bytes", r.dropped.Load(), r.queuedBytes.Load())
	}
}

// Whatever a server says that is no Redis, answers come from the store.
func TestNoRedis(t *testing.T) {
	w := newWorld()
	b := w.block(t, 1, 3)
	for name, says := range map[string]string{
		"garbage":          "\x00\xff\x13\x37",
		"another protocol": "HTTP/1.1 400 Bad Request\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			met := make(chan struct{}, 1)
			var all sync.WaitGroup
			all.Go(func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					select {
					case met <- struct{}{}:
					default:
					}
					all.Go(func() {
						defer c.Close()
						for range 1000 { // more than anybody asks
							if _, err := io.WriteString(c, says); err != nil {
								return
							}
						}
						_, _ = io.Copy(io.Discard, c)
					})
				}
			})
			cfg := DefaultConfig()
			cfg.L1Bytes, cfg.Redis = 0, l.Addr().String()
			tiers, err := New(cfg, genesis, w, Events{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- tiers.Run(ctx) }()
			<-met
			for range 100 {
				reads(t, tiers, w, b)
			}
			await(t, "a second attempt, or to be up", func() bool {
				reads(t, tiers, w, b)
				return len(met) > 0 || tiers.Stats().L2Up
			})
			for range 100 {
				reads(t, tiers, w, b)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			l.Close()
			all.Wait()
			if n := tiers.Stats().Tiers[L2].Hits; n != 0 {
				t.Errorf("%d answers were taken from it", n)
			}
		})
	}
}
