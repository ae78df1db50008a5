package p2p

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/chaindyno/chaindyno/chain/p2p/roster"
)

// PeersFile is what the file of known addresses and bans is called in a data
// folder.
const PeersFile = "peers.json"

// load reads the file that an earlier life has left. A damaged one is as good
// as none: the seeds know more.
func (d *discovery) load() {
	d.saved = time.Now()
	file := d.host.cfg.PeersFile
	if file == "" {
		return
	}
	data, err := readSome(file, roster.FileMax+1)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		d.mu.Lock()
		err = d.host.bans.load(data, d.book)
		d.mu.Unlock()
	}
	if err != nil {
		d.host.log.Warn("known peers are forgotten", "file", file, "cause", err)
	}
}

func readSome(file string, most int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

// save writes the file, whole or not at all.
func (d *discovery) save() {
	d.saved = time.Now()
	file := d.host.cfg.PeersFile
	if file == "" {
		return
	}
	d.mu.Lock()
	data, err := d.host.bans.marshal(d.book)
	d.mu.Unlock()
	if err == nil {
		err = os.WriteFile(file+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		d.host.log.Warn("known peers are not saved", "file", file, "cause", err)
	}
}

// load and marshal read and write the bans together with a book.
func (b *bans) load(data []byte, book *roster.Book) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return roster.Unmarshal(data, book, b.scores, time.Now())
}

func (b *bans) marshal(book *roster.Book) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return roster.Marshal(book, b.scores, time.Now())
}
