package tier

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// Config says how much is kept and where. DefaultConfig fills everything.
type Config struct {
	L1Bytes int64         // held in process; 0: no L1
	Redis   string        // host:port, or a redis://, rediss:// or unix:// URL; empty: no L2
	TTL     time.Duration // that Redis keeps a value for
}

// DefaultConfig returns the defaults: an L1 and no L2.
func DefaultConfig() Config { return Config{L1Bytes: 64 << 20, TTL: 10 * time.Minute} }

// Validate reports the first value out of its range. It never prints the URL,
// which may hold a password.
func (c Config) Validate() error {
	switch {
	case c.L1Bytes < 0:
		return fmt.Errorf("L1 of %d bytes; permitted is 0 or more", c.L1Bytes)
	case c.Redis != "" && c.TTL < time.Second:
		return fmt.Errorf("TTL %v; permitted is 1s or more", c.TTL)
	}
	_, err := c.client()
	return err
}

// Limits on L2. They are short: a tier that has to be waited for is none.
const (
	getTimeout     = 100 * time.Millisecond // of one read
	putTimeout     = time.Second            // of one write, in the background
	dialTimeout    = 500 * time.Millisecond
	connections    = 32
	failuresInARow = 3 // after which Redis is left alone until a probe succeeds
	probeFirst     = 250 * time.Millisecond
	probeLongest   = 8 * time.Second // between two probes

	valueMax      = 4 << 20  // bytes; larger values are left out of L2: the disk is as fast
	queueMax      = 4096     // writes that wait; beyond: dropped
	queueBytesMax = 32 << 20 // of these
)

var errRedis = errors.New("redis is neither host:port nor a URL such as redis://host:6379/0")

// client returns the options of the client; without Redis, the zero ones.
func (c Config) client() (o rueidis.ClientOption, err error) {
	switch {
	case c.Redis == "":
		return o, nil
	case strings.Contains(c.Redis, "://"):
		if o, err = rueidis.ParseURL(c.Redis); err != nil {
			return o, errRedis
		}
	default:
		if _, _, err := net.SplitHostPort(c.Redis); err != nil {
			return o, errRedis
		}
		o.InitAddress = []string{c.Redis}
	}
	o.ForceSingleClient = len(o.InitAddress) == 1
	o.ClientName = "chaindyno"
	o.DisableCache = true // L1 is ours, and bounded
	o.DisableRetry = true // L3 is the second attempt
	o.Dialer.Timeout, o.ConnWriteTimeout = dialTimeout, putTimeout
	// One call at a time on each connection: a large block holds nobody else up,
	// and a call that is given up takes no other with it.
	o.DisableAutoPipelining, o.BlockingPoolSize = true, connections
	o.RingScaleEachConn, o.ReadBufferEachConn, o.WriteBufferEachConn = 8, 64<<10, 64<<10
	return o, nil
}
