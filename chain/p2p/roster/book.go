// Package roster decides whom a node talks to: a book of addresses, scores that
// end in bans, and the choice of the active set. It reads no clock, draws from
// what it is handed, and is not safe for use by several goroutines.
package roster

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ID is what a node is known by.
type ID = [32]byte

// AddrMax bounds an address: a name of 255 bytes, a colon, five digits.
const AddrMax = 261

// BookConfig is how much a Book holds and how patient it is.
type BookConfig struct {
	Addresses int           // at most; 1 to 65536
	PerSource int           // of those that have never answered, from one source; 1 to Addresses
	Retry     time.Duration // after the first failure; doubles with each more, give or take a quarter
	RetryMost time.Duration // at most
	Forget    int           // failures in a row after which an address goes that has never answered, or not for Keep
	Keep      time.Duration // 0 and more
	Fresh     time.Duration // for which an address that has answered counts as alive
}

// DefaultBookConfig suits networks of any size.
func DefaultBookConfig() BookConfig {
	return BookConfig{Addresses: 2048, PerSource: 64, Retry: time.Second, RetryMost: 5 * time.Minute, Forget: 6, Keep: 72 * time.Hour, Fresh: time.Hour}
}

// Validate reports what is out of its range.
func (c BookConfig) Validate() error {
	switch {
	case c.Addresses < 1 || c.Addresses > 65536:
		return fmt.Errorf("roster: %d addresses; permitted are 1 to 65536", c.Addresses)
	case c.PerSource < 1 || c.PerSource > c.Addresses:
		return fmt.Errorf("roster: %d addresses per source; permitted are 1 to %d", c.PerSource, c.Addresses)
	case c.Retry <= 0 || c.RetryMost < c.Retry:
		return fmt.Errorf("roster: retries after %s to %s; permitted is more than 0s, the second not less", c.Retry, c.RetryMost)
	case c.Forget < 1 || c.Keep < 0:
		return fmt.Errorf("roster: forgetting after %d failures and %s; permitted is 1 and 0s and more", c.Forget, c.Keep)
	case c.Fresh <= 0:
		return fmt.Errorf("roster: alive for %s; permitted is more than 0s", c.Fresh)
	}
	return nil
}

// Known is an address that has answered.
type Known struct {
	ID   ID
	Addr string
	RTT  time.Duration // smoothed; 0: not measured
}

// Book is the addresses that a node has heard of. Those that have answered are
// kept apart from hearsay: hearsay is limited per source, so that nobody can
// fill the book, and makes room for better (compare E.
// Heilman et al., "Eclipse Attacks on Bitcoin's Peer-to-Peer Network", USENIX
// Security 2015).
type Book struct {
	cfg     BookConfig
	entries map[string]*entry // at most cfg.Addresses
	hearsay map[string]int    // entries that have never answered, by source; none is 0
}

type entry struct {
	addr     string
	source   string
	heard    time.Time
	answered time.Time // zero: never
	id       ID        // of who answered last
	rtt      time.Duration
	failures int // in a row
	next     time.Time
}

// NewBook returns an empty book. The configuration has to be valid.
func NewBook(cfg BookConfig) *Book {
	return &Book{cfg: cfg, entries: map[string]*entry{}, hearsay: map[string]int{}}
}

// Len returns the number of addresses.
func (b *Book) Len() int { return len(b.entries) }

// Heard adds an address that source has told of, and reports whether it is in
// the book. Take the source from Source, or any word for a trusted one.
func (b *Book) Heard(addr, source string, now time.Time) bool {
	if _, ok := b.entries[addr]; ok {
		return true
	}
	if CheckAddr(addr) != nil || b.hearsay[source] >= b.cfg.PerSource || !b.makeRoom(false) {
		return false
	}
	b.entries[addr] = &entry{addr: addr, source: source, heard: now}
	b.hearsay[source]++
	return true
}

// Answered notes that the node id answered at an address, after rtt, where that
// was measured. It adds the address if need be, and reports whether it is in
// the book.
func (b *Book) Answered(addr string, id ID, rtt time.Duration, now time.Time) bool {
	e, ok := b.entries[addr]
	if !ok {
		if CheckAddr(addr) != nil || !b.makeRoom(true) {
			return false
		}
		e = &entry{addr: addr, heard: now}
		b.entries[addr] = e
	} else if e.answered.IsZero() {
		b.forgetHearsay(e)
	}
	if e.id != id {
		e.id, e.rtt = id, 0
	}
	e.rtt = Smooth(e.rtt, rtt)
	e.answered, e.failures, e.next = now, 0, time.Time{}
	return true
}

// Failed notes that nobody, or somebody else than expected, answered at an
// address. It is not to be tried again for a while, which grows.
func (b *Book) Failed(addr string, now time.Time, rng *rand.Rand) {
	e, ok := b.entries[addr]
	if !ok {
		return
	}
	e.failures++
	if e.failures >= b.cfg.Forget && now.Sub(e.answered) > b.cfg.Keep {
		b.Forget(addr)
		return
	}
	wait := b.cfg.RetryMost
	if n := e.failures - 1; n < 32 && b.cfg.Retry<<n>>n == b.cfg.Retry {
		wait = min(wait, b.cfg.Retry<<n)
	}
	e.next = now.Add(wait*3/4 + time.Duration(rng.Int64N(int64(wait/2)+1)))
}

// Forget removes an address.
func (b *Book) Forget(addr string) {
	if e, ok := b.entries[addr]; ok {
		if e.answered.IsZero() {
			b.forgetHearsay(e)
		}
		delete(b.entries, addr)
	}
}

// Ready draws at most n addresses that should be tried now: of all that have
// not answered for a quarter of Fresh, or never, those that are not to be left
// alone after a failure.
func (b *Book) Ready(n int, now time.Time, rng *rand.Rand) []string {
	ready := b.pick(func(e *entry) bool { return !now.Before(e.next) && now.Sub(e.answered) >= b.cfg.Fresh/4 })
	return addrs(draw(ready, n, rng))
}

// Live reports whether an address answered within Fresh, the last time that it
// was tried.
func (b *Book) Live(addr string, now time.Time) bool {
	e, ok := b.entries[addr]
	return ok && b.live(e, now)
}

func (b *Book) live(e *entry, now time.Time) bool {
	return !e.answered.IsZero() && e.failures == 0 && now.Sub(e.answered) < b.cfg.Fresh
}

// Alive returns who answered within Fresh and has not failed since, in the
// order of their addresses; of one node's addresses the one that answered last.
func (b *Book) Alive(now time.Time) []Known {
	latest := map[ID]*entry{}
	for _, e := range b.pick(func(e *entry) bool { return b.live(e, now) }) {
		if l, ok := latest[e.id]; !ok || e.answered.After(l.answered) {
			latest[e.id] = e
		}
	}
	known := make([]Known, 0, len(latest))
	for _, e := range latest {
		known = append(known, Known{e.id, e.addr, e.rtt})
	}
	slices.SortFunc(known, func(a, b Known) int { return strings.Compare(a.Addr, b.Addr) })
	return known
}

// pick returns the entries that are wanted in the order of their addresses:
// what is drawn from them must not depend on the order of a map.
func (b *Book) pick(wanted func(*entry) bool) []*entry {
	var found []*entry
	for _, e := range b.entries {
		if wanted(e) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(x, y *entry) int { return strings.Compare(x.addr, y.addr) })
	return found
}

// makeRoom drops the least promising address if the book is full. For hearsay
// that must not be one that answered last time.
func (b *Book) makeRoom(proven bool) bool {
	if len(b.entries) < b.cfg.Addresses {
		return true
	}
	var worst *entry
	for _, e := range b.entries {
		if worst == nil || e.compare(worst) < 0 {
			worst = e
		}
	}
	if !proven && !worst.answered.IsZero() && worst.failures == 0 {
		return false
	}
	b.Forget(worst.addr)
	return true
}

// compare orders entries by how little they promise.
func (e *entry) compare(o *entry) int {
	if never, other := e.answered.IsZero(), o.answered.IsZero(); never != other {
		if never {
			return -1
		}
		return 1
	}
	if e.failures != o.failures {
		return o.failures - e.failures
	}
	if c := e.answered.Compare(o.answered); c != 0 {
		return c
	}
	if c := e.heard.Compare(o.heard); c != 0 {
		return c
	}
	return strings.Compare(e.addr, o.addr)
}

func (b *Book) forgetHearsay(e *entry) {
	if b.hearsay[e.source]--; b.hearsay[e.source] == 0 {
		delete(b.hearsay, e.source)
	}
}

// Smooth returns the smoothed round-trip time after one more sample: RFC 6298,
// section 2, with alpha = 1/8. A sample of 0 or less is none.
func Smooth(rtt, sample time.Duration) time.Duration {
	switch {
	case sample <= 0:
		return rtt
	case rtt <= 0:
		return sample
	}
	return rtt + (sample-rtt)/8
}

// CheckAddr says what is wrong with an address that is to be dialled.
func CheckAddr(addr string) error {
	if len(addr) > AddrMax {
		return fmt.Errorf("address of %d bytes; permitted are %d", len(addr), AddrMax)
	}
	host, port, ok := split(addr)
	if !ok {
		return fmt.Errorf("%q is not an address; permitted is host:port", addr)
	}
	if p, err := strconv.ParseUint(port, 10, 16); err != nil || p == 0 {
		return fmt.Errorf("%q has no port; permitted are 1 to 65535", addr)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
			return fmt.Errorf("%q cannot be dialled", addr)
		}
		return nil
	}
	if host == "" || strings.ContainsFunc(host, notOfName) {
		return fmt.Errorf("%q has no host", addr)
	}
	return nil
}

// split takes host:port apart; a host with colons is in brackets. It is
// net.SplitHostPort for a package without I/O.
func split(addr string) (host, port string, ok bool) {
	at := strings.LastIndexByte(addr, ':')
	if at < 0 {
		return "", "", false
	}
	host, port = addr[:at], addr[at+1:]
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host, ok = strings.CutSuffix(inner, "]")
		return host, port, ok && strings.Contains(host, ":")
	}
	return host, port, !strings.Contains(host, ":")
}

func notOfName(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && r != '-' && r != '.' && r != '_'
}

// Source returns what counts as one source of hearsay: the network that an
// address is in, as far as one owner is likely to have all of it (IPv4: 16
// bits; IPv6: 32 bits), or a name. On loopback all nodes are of one machine,
// and each is a source of its own.
func Source(addr string) string {
	host, _, ok := split(addr)
	if !ok {
		return addr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	ip = ip.Unmap()
	if ip.IsLoopback() {
		return addr
	}
	bits := 16
	if ip.Is6() {
		bits = 32
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return host
	}
	return prefix.String()
}

// draw takes n of all at random, all of them if there are fewer.
func draw[T any](all []T, n int, rng *rand.Rand) []T {
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(max(n, 0), len(all))]
}

func addrs(entries []*entry) []string {
	found := make([]string, len(entries))
	for i, e := range entries {
		found[i] = e.addr
	}
	return found
}
