package state

import (
	"errors"
	"fmt"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/internal/datadir"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Config says where the set is kept and how. DefaultConfig fills everything but
// Dir, Network, Params and Barrier. Memory in use is about CacheBytes plus three
// times FlushBytes.
type Config struct {
	Dir     string      // created if it does not exist
	FS      vfs.FS      // nil: the operating system's
	Network string      // name of the network, for error messages
	Params  ledger.Hash // ledger.Params.Digest: a folder of other parameters is refused
	// CacheBytes bounds the outputs that are kept in memory although they are on
	// disk.
	CacheBytes int64
	// FlushBytes and FlushBlocks say when the changes in memory are written: at
	// so many bytes of changes, or after so many blocks, which bounds what is
	// applied again after a crash.
	FlushBytes  int64
	FlushBlocks int
	// KeyIndex keeps an index by key hash, for OutputsOf. It costs a second write
	// per output. Switched on later, it is built when the folder is opened.
	KeyIndex bool
	// MinFreeBytes is the room on the disk below which nothing is written.
	MinFreeBytes uint64
	// Barrier is called before a generation is written and must return only when
	// every block that was applied is durable in the block log (store.Sync), so
	// that after a crash the log is not behind the set. It may be nil.
	Barrier func() error
	Events  Events
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{CacheBytes: 128 << 20, FlushBytes: 64 << 20, FlushBlocks: 1024, MinFreeBytes: 64 << 20}
}

// Validate returns what is wrong with the settings, as one line.
func (c *Config) Validate() error {
	switch {
	case c.Dir == "":
		return fmt.Errorf("state: dir is empty")
	case c.CacheBytes < 0:
		return fmt.Errorf("state: cache is %d bytes, permitted are 0 and more", c.CacheBytes)
	case c.FlushBytes < 1 || c.FlushBytes > 1<<30:
		return fmt.Errorf("state: flush size is %d bytes, permitted are 1 to %d", c.FlushBytes, 1<<30)
	case c.FlushBlocks < 1:
		return fmt.Errorf("state: flush after %d blocks, permitted are 1 and more", c.FlushBlocks)
	}
	return nil
}

// Events are called from the state's goroutines; they must neither block nor
// call the State. Any may be nil.
type Events struct {
	Flushed func(took time.Duration, changes int) // a generation went to disk
	Waited  func(took time.Duration)              // Apply or Revert waited for it
	Problem func(err error)                       // a background error; Apply reports it too
}

// What can go wrong, for errors.Is. The errors that are returned wrap one of
// these and say, in one line, what and where.
var (
	ErrLocked       = datadir.ErrLocked
	ErrOtherNetwork = datadir.ErrOtherNetwork
	ErrNewerFormat  = datadir.ErrNewerFormat
	ErrForeign      = datadir.ErrForeign
	ErrNotWritable  = datadir.ErrNotWritable
	ErrDiskFull     = datadir.ErrDiskFull
	ErrDamaged      = errors.New("output set is damaged")
	ErrOrder        = errors.New("block does not fit the tip")
	ErrNoIndex      = errors.New("the index by key is off")
	ErrClosed       = errors.New("output set is closed")
)
