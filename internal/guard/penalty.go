package guard

import (
	"net"
	"sync"
	"time"
)

// Of connections that were good for nothing, one after the other from one
// address: how many are free, how many are forgiven each second, and what each
// one more makes the next wait, up to a bound. So one who comes back as soon as
// he is cut off is served twice a second, and honest callers of the same
// address, whose connections that are made already are not touched, wait for
// waitMost at most when they make another.
const (
	fruitlessFree = 8
	fruitlessPerS = 1
	waitEach      = 50 * time.Millisecond
	waitMost      = 500 * time.Millisecond
	addressesMost = 1024 // that are remembered; beyond, any goes
)

// penalties remember addresses.
type penalties struct {
	mu    sync.Mutex
	hosts map[string]fruitless
}

// fruitless is how many connections of an address were good for nothing.
type fruitless struct {
	n  float64
	at time.Time
}

func (f fruitless) now(now time.Time) float64 {
	return max(0, f.n-now.Sub(f.at).Seconds()*fruitlessPerS)
}

// add counts one more.
func (p *penalties) add(addr net.Addr, now time.Time) {
	host := hostOf(addr)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hosts == nil {
		p.hosts = map[string]fruitless{}
	}
	for other := range p.hosts {
		if len(p.hosts) < addressesMost {
			break
		}
		delete(p.hosts, other)
	}
	p.hosts[host] = fruitless{min(p.hosts[host].now(now)+1, fruitlessFree+float64(waitMost/waitEach)), now}
}

// wait is how long the next connection of an address has to wait.
func (p *penalties) wait(addr net.Addr, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	over := p.hosts[hostOf(addr)].now(now) - fruitlessFree
	return time.Duration(min(max(0, over)*float64(waitEach), float64(waitMost)))
}

func hostOf(addr net.Addr) string {
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return host
}
