package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// once finds transactions that are in the chain more than once, in bounded
// memory: IDs are spread over files by their first byte, and each file is
// sorted by itself. Of an ID 16 bytes are kept, so that two different ones are
// taken for the same with a probability below 2^-80 among a hundred million.
type once struct {
	dir   string
	files [parts]*os.File
	to    [parts]*bufio.Writer
}

const (
	parts   = 256
	partKey = 16
)

func newOnce(dir string) (*once, error) {
	o := &once{}
	var err error
	if o.dir, err = os.MkdirTemp(dir, "audit-"); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	for i := range o.files {
		if o.files[i], err = os.Create(filepath.Join(o.dir, fmt.Sprintf("%02x", i))); err != nil {
			o.remove()
			return nil, fmt.Errorf("audit: %w", err)
		}
		o.to[i] = bufio.NewWriterSize(o.files[i], 4096)
	}
	return o, nil
}

func (o *once) add(id driver.ID) error {
	_, err := o.to[id[0]].Write(id[:partKey])
	return err
}

// check returns an error that names the first ID that was added twice.
func (o *once) check() error {
	for i := range o.to {
		if err := o.to[i].Flush(); err != nil {
			return err
		}
		data, err := os.ReadFile(o.files[i].Name())
		if err != nil {
			return err
		}
		keys := slices.Collect(slices.Chunk(data, partKey))
		slices.SortFunc(keys, bytes.Compare)
		for j := 1; j < len(keys); j++ {
			if bytes.Equal(keys[j-1], keys[j]) {
				return fmt.Errorf("transaction %x... is in the chain more than once", keys[j])
			}
		}
	}
	return nil
}

// remove deletes the files.
func (o *once) remove() {
	var errs []error
	for _, f := range o.files {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	_ = errors.Join(append(errs, os.RemoveAll(o.dir))...) // scratch: nothing to be done about it
}
