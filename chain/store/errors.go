package store

import (
	"errors"

	"github.com/chaindyno/chaindyno/internal/datadir"
)

// What can go wrong, for errors.Is. The errors that are returned wrap one of
// these and say, in one line, what and where.
var (
	ErrLocked       = datadir.ErrLocked
	ErrOtherNetwork = datadir.ErrOtherNetwork
	ErrNewerFormat  = datadir.ErrNewerFormat
	ErrForeign      = datadir.ErrForeign
	ErrNotWritable  = datadir.ErrNotWritable
	ErrDiskFull     = datadir.ErrDiskFull
	ErrDamaged      = errors.New("block log is damaged")
	ErrNotFound     = errors.New("not in the store")
	ErrOrder        = errors.New("block does not fit the best chain")
	ErrTooLarge     = errors.New("record is over a bound")
	ErrSync         = errors.New("syncing the block log failed; restart to see what is on the disk")
	ErrNoTxIndex    = errors.New("the index by transaction is off")
	ErrClosed       = errors.New("block store is closed")
)
