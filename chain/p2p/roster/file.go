package roster

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

const (
	fileVersion = 1
	// FileMax bounds what Unmarshal reads, in bytes.
	FileMax = 64 << 20
)

// saved is the file. Times are seconds since 1970: a restart keeps nothing
// finer. Round-trip times are measured anew.
type saved struct {
	Version   int         `json:"version"`
	Addresses []savedAddr `json:"addresses"`
	Bans      []savedBan  `json:"bans,omitempty"`
}

type savedAddr struct {
	Addr     string `json:"addr"`
	Source   string `json:"source,omitempty"`
	ID       string `json:"id,omitempty"`       // 64 hexadecimal digits, with Answered
	Answered int64  `json:"answered,omitempty"` // 0: never
	Failures int    `json:"failures,omitempty"`
}

type savedBan struct {
	Key   string `json:"key"`
	Until int64  `json:"until"`
	Times int    `json:"times"`
}

// Marshal encodes a book and the bans in force as JSON.
func Marshal(b *Book, s *Scores, now time.Time) ([]byte, error) {
	f := saved{Version: fileVersion, Addresses: []savedAddr{}}
	for _, e := range b.pick(func(*entry) bool { return true }) {
		a := savedAddr{Addr: e.addr, Source: e.source, Failures: e.failures}
		if !e.answered.IsZero() {
			a.ID, a.Answered = hex.EncodeToString(e.id[:]), e.answered.Unix()
		}
		f.Addresses = append(f.Addresses, a)
	}
	for _, ban := range s.Bans(now) {
		f.Bans = append(f.Bans, savedBan{ban.Key, ban.Until.Unix(), ban.Times})
	}
	return json.MarshalIndent(f, "", " ")
}

// Unmarshal puts what Marshal encoded into an empty book and account. A file
// that is damaged changes neither. Of more than they have room for, they take
// the best; a ban is not longer than it may be today, whatever the clock said
// when it was written.
func Unmarshal(data []byte, b *Book, s *Scores, now time.Time) error {
	if len(data) > FileMax {
		return fmt.Errorf("roster: a file of %d bytes; permitted are %d", len(data), FileMax)
	}
	var f saved
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return fmt.Errorf("roster: %w", err)
	}
	if f.Version != fileVersion {
		return fmt.Errorf("roster: version %d; permitted is %d", f.Version, fileVersion)
	}
	entries := make([]*entry, 0, min(len(f.Addresses), 1<<16))
	for i := range f.Addresses {
		e, err := f.Addresses[i].entry(now)
		if err != nil {
			return fmt.Errorf("roster: address %d: %w", i, err)
		}
		entries = append(entries, e)
	}
	for i, ban := range f.Bans {
		if ban.Key == "" || len(ban.Key) > AddrMax || ban.Times < 1 {
			return fmt.Errorf("roster: ban %d is damaged", i)
		}
	}
	b.load(entries)
	for _, ban := range f.Bans {
		until := time.Unix(ban.Until, 0)
		if longest := now.Add(s.cfg.BanMost); until.After(longest) {
			until = longest
		}
		s.restore(Ban{ban.Key, until, ban.Times}, now)
	}
	return nil
}

func (a *savedAddr) entry(now time.Time) (*entry, error) {
	if err := CheckAddr(a.Addr); err != nil {
		return nil, err
	}
	if len(a.Source) > AddrMax || a.Failures < 0 {
		return nil, fmt.Errorf("%q is damaged", a.Addr)
	}
	e := &entry{addr: a.Addr, source: a.Source, heard: now, failures: a.Failures}
	if a.Answered == 0 {
		return e, nil
	}
	if n, err := hex.Decode(e.id[:], []byte(a.ID)[:min(len(a.ID), 2*len(e.id))]); err != nil || n != len(e.id) || len(a.ID) != 2*n {
		return nil, fmt.Errorf("%q has no ID", a.Addr)
	}
	e.answered = time.Unix(a.Answered, 0)
	if e.answered.After(now) {
		e.answered = now
	}
	return e, nil
}

// load fills an empty book with the best of entries.
func (b *Book) load(entries []*entry) {
	slices.SortStableFunc(entries, func(x, y *entry) int { return y.compare(x) })
	for _, e := range entries {
		if _, ok := b.entries[e.addr]; ok || len(b.entries) == b.cfg.Addresses {
			continue
		}
		if e.answered.IsZero() {
			if b.hearsay[e.source] >= b.cfg.PerSource {
				continue
			}
			b.hearsay[e.source]++
		}
		b.entries[e.addr] = e
	}
}
