package store

import "errors"

// What can go wrong, for errors.Is. The errors that are returned wrap one of
// these and say, in one line, what and where.
var (
	ErrLocked       = errors.New("data folder is in use by another process")
	ErrOtherNetwork = errors.New("data folder belongs to another network")
	ErrNewerFormat  = errors.New("data folder has a newer format")
	ErrNotWritable  = errors.New("data folder cannot be written")
	ErrDiskFull     = errors.New("too little room on the disk")
	ErrDamaged      = errors.New("block log is damaged")
	ErrNotFound     = errors.New("not in the store")
	ErrOrder        = errors.New("does not fit the best chain")
	ErrSync         = errors.New("syncing the block log failed; restart to see what is on the disk")
	ErrNoTxIndex    = errors.New("the index by transaction is off")
	ErrClosed       = errors.New("store is closed")
)
