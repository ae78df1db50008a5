// Package pebblex is what the Pebbles of a node have in common: no write-ahead
// log, keys and values that do not compress, and a flush that is waited for
// while its failures are told.
package pebblex

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Problems are Pebble's background errors, after which it tries again. While
// one waits to be told, others are dropped: it says enough.
type Problems chan error

// Options returns the options of a Pebble and where its background errors go.
// what is the subject of the panic where it cannot go on.
func Options(fs vfs.FS, cache *pebble.Cache, what string) (*pebble.Options, Problems) {
	problems := make(Problems, 1)
	o := &pebble.Options{
		FS: fs, Cache: cache, DisableWAL: true,
		FormatMajorVersion: pebble.FormatNewest,
		// Batches over half of it bypass the memtable, and ours mostly do.
		MemTableSize: 4 << 20,
		MaxOpenFiles: 256,
		Logger:       logger{what},
		EventListener: &pebble.EventListener{
			BackgroundError: problems.add,
			DataCorruption:  func(pebble.DataCorruptionInfo) {}, // whoever reads gets an error
		},
	}
	for i := range o.Levels {
		// Hashes do not compress.
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return o, problems
}

func (p Problems) add(err error) {
	select {
	case p <- err:
	default:
	}
}

// Flush writes what db has in memory, and returns when that is durable, or with
// false when quit ends the waiting. Meanwhile failed hears of failures after
// which Pebble tries again.
func (p Problems) Flush(db *pebble.DB, failed func(error), quit <-chan struct{}) (done bool, err error) {
	flushed, err := db.AsyncFlush()
	if err != nil {
		return false, err
	}
	for {
		select {
		case <-flushed:
			return true, nil
		case err := <-p:
			failed(err)
		case <-quit:
			return false, nil
		}
	}
}

// logger silences Pebble except where it cannot go on.
type logger struct{ what string }

func (logger) Infof(string, ...any)  {}
func (logger) Errorf(string, ...any) {}

// Fatalf is reached when Pebble cannot write its own catalogue. What is on the
// disk stays good, and what is in memory is lost: the same as a crash.
func (l logger) Fatalf(format string, args ...any) {
	panic(l.what + " cannot go on: " + fmt.Sprintf(format, args...))
}
