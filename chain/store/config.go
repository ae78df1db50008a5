package store

import (
	"fmt"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Config says where blocks are kept and how. DefaultConfig fills everything
// but Dir, Network and Params.
type Config struct {
	Dir     string      // created if it does not exist; the folder above must exist or be creatable
	FS      vfs.FS      // nil: the operating system's
	Network string      // name of the network, for error messages
	Params  ledger.Hash // ledger.Params.Digest: a folder of other parameters is refused
	Sync    SyncPolicy
	// SyncInterval is the time between two syncs under SyncInterval.
	SyncInterval time.Duration
	// TxIndex keeps an index by transaction ID, for FindTx.
	TxIndex bool
	// SegmentBytes is the size at which a segment file is followed by the next.
	SegmentBytes int64
	// IndexTxs and IndexBlocks bound what is indexed in memory alone: past
	// either, the indexes are written in the background; past four times, Append
	// waits.
	IndexTxs, IndexBlocks int
	// RecentBlocks and RecentBytes bound the blocks whose headers, metadata and
	// transaction IDs stay in memory for those who follow the tip.
	RecentBlocks int
	RecentBytes  int64
	// IndexCacheBytes bounds the cache of the indexes on disk.
	IndexCacheBytes int64
	// MinFreeBytes is the room on the disk below which nothing is accepted.
	MinFreeBytes uint64
	// VerifyLog makes Open check every record of the log, not only those that the
	// indexes do not cover yet.
	VerifyLog bool
	Events    Events
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Sync:            SyncBlock,
		SyncInterval:    time.Second,
		TxIndex:         true,
		SegmentBytes:    256 << 20,
		IndexTxs:        500_000,
		IndexBlocks:     4096,
		RecentBlocks:    1024,
		RecentBytes:     32 << 20,
		IndexCacheBytes: 16 << 20,
		MinFreeBytes:    64 << 20,
	}
}

// Validate returns what is wrong with the settings, as one line.
func (c *Config) Validate() error {
	switch {
	case c.Dir == "":
		return fmt.Errorf("store: dir is empty")
	case c.Sync > SyncNone:
		return fmt.Errorf("store: sync policy is %d, permitted are always, block, interval, none", c.Sync)
	case c.Sync == SyncInterval && (c.SyncInterval < time.Millisecond || c.SyncInterval > time.Minute):
		return fmt.Errorf("store: sync interval is %s, permitted are 1ms to 1m", c.SyncInterval)
	case c.SegmentBytes < 4<<10 || c.SegmentBytes > 1<<30:
		return fmt.Errorf("store: segment size is %d bytes, permitted are 4096 to %d", c.SegmentBytes, 1<<30)
	case c.IndexTxs < 1 || c.IndexBlocks < 1:
		return fmt.Errorf("store: index bounds are %d transactions and %d blocks, permitted are 1 and more", c.IndexTxs, c.IndexBlocks)
	case c.RecentBlocks < 1 || c.RecentBytes < 0 || c.IndexCacheBytes < 0:
		return fmt.Errorf("store: recent blocks %d (at least 1), recent bytes %d and index cache %d (at least 0)",
			c.RecentBlocks, c.RecentBytes, c.IndexCacheBytes)
	}
	return nil
}

// Events are called from the store's goroutines; they must neither block nor
// call the Store. Any may be nil.
type Events struct {
	Synced       func(took time.Duration)          // the log was synced
	Durable      func(best Ref)                    // the best chain is durable up to here
	IndexWritten func(took time.Duration, txs int) // a generation of indexes went to disk
	Waited       func(took time.Duration)          // Append waited for the indexes
	Problem      func(err error)                   // a background error; Append reports it too
}
