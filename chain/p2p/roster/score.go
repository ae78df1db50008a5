package roster

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// ScoreConfig is what is put up with.
type ScoreConfig struct {
	Limit    float64       // points at which a ban begins; more than 0
	HalfLife time.Duration // in which points halve
	Ban      time.Duration // the first; each more within Memory of the last lasts twice as long
	BanMost  time.Duration // at most
	Memory   time.Duration // for which an ended ban is remembered
	Entries  int           // peers with points, and bans, at most; 1 to 65536
}

// DefaultScoreConfig bans for ten minutes at 100 points.
func DefaultScoreConfig() ScoreConfig {
	return ScoreConfig{
		Limit: 100, HalfLife: 10 * time.Minute, Ban: 10 * time.Minute, BanMost: 24 * time.Hour, Memory: time.Hour, Entries: 1024,
	}
}

// Validate reports what is out of its range.
func (c ScoreConfig) Validate() error {
	switch {
	case !(c.Limit > 0) || math.IsInf(c.Limit, 1):
		return fmt.Errorf("roster: a limit of %g points; permitted is more than 0", c.Limit)
	case c.HalfLife <= 0 || c.Ban <= 0 || c.BanMost < c.Ban || c.Memory < 0:
		return fmt.Errorf("roster: bans of %s to %s, half-life %s, memory %s; permitted is more than 0s each, the second not less than the first",
			c.Ban, c.BanMost, c.HalfLife, c.Memory)
	case c.Entries < 1 || c.Entries > 65536:
		return fmt.Errorf("roster: scores of %d peers; permitted are 1 to 65536", c.Entries)
	}
	return nil
}

// Ban is who may not connect, and until when.
type Ban struct {
	Key   string
	Until time.Time
	Times int // bans in a row, this one included
}

// Scores keeps account of misbehaviour. Points halve with time; too many at
// once are a ban, which ends. A key is what the caller can pin a peer down by:
// the host where IDs can be had for nothing, the ID where they cannot.
type Scores struct {
	cfg    ScoreConfig
	points map[string]points // at most cfg.Entries; beyond, the lowest goes
	bans   map[string]Ban    // at most cfg.Entries; beyond, the first to end goes. Kept for cfg.Memory after the end
}

type points struct {
	n  float64
	at time.Time
}

// NewScores returns an empty account. The configuration has to be valid.
func NewScores(cfg ScoreConfig) *Scores {
	return &Scores{cfg: cfg, points: map[string]points{}, bans: map[string]Ban{}}
}

// Blame adds points and reports whether the peer is banned now. Keys are at
// most AddrMax bytes; what is longer is cut.
func (s *Scores) Blame(key string, n float64, now time.Time) bool {
	key = cut(key)
	if s.Banned(key, now) {
		return true
	}
	if !(n > 0) {
		return false
	}
	total := s.Of(key, now) + n
	if total >= s.cfg.Limit {
		delete(s.points, key)
		s.ban(key, now)
		return true
	}
	s.points[key] = points{total, now}
	if len(s.points) > s.cfg.Entries {
		delete(s.points, least(s.points, func(p points) float64 { return s.decayed(p, now) }))
	}
	return false
}

// Of returns the points of a peer.
func (s *Scores) Of(key string, now time.Time) float64 {
	p, ok := s.points[cut(key)]
	if !ok {
		return 0
	}
	return s.decayed(p, now)
}

// Banned reports whether a ban is in force.
func (s *Scores) Banned(key string, now time.Time) bool {
	return now.Before(s.bans[cut(key)].Until)
}

// Bans returns the bans in force, those that end first first.
func (s *Scores) Bans(now time.Time) []Ban {
	var bans []Ban
	for _, b := range s.bans {
		if now.Before(b.Until) {
			bans = append(bans, b)
		}
	}
	slices.SortFunc(bans, func(a, b Ban) int {
		if c := a.Until.Compare(b.Until); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	return bans
}

func (s *Scores) ban(key string, now time.Time) {
	b := s.bans[key]
	if now.Sub(b.Until) > s.cfg.Memory {
		b.Times = 0
	}
	last := s.cfg.Ban
	for range b.Times {
		last = min(2*last, s.cfg.BanMost)
		if last == s.cfg.BanMost {
			break
		}
	}
	s.restore(Ban{key, now.Add(last), b.Times + 1}, now)
}

// restore puts a ban into the list, for a saved one too.
func (s *Scores) restore(b Ban, now time.Time) {
	for key, old := range s.bans {
		if now.Sub(old.Until) > s.cfg.Memory {
			delete(s.bans, key)
		}
	}
	s.bans[b.Key] = b
	if len(s.bans) > s.cfg.Entries {
		delete(s.bans, least(s.bans, func(b Ban) float64 { return float64(b.Until.Sub(now)) }))
	}
}

func cut(key string) string { return key[:min(len(key), AddrMax)] }

// decayed returns n/2^(time/half-life).
func (s *Scores) decayed(p points, now time.Time) float64 {
	age := max(now.Sub(p.at), 0)
	return p.n * math.Exp2(-float64(age)/float64(s.cfg.HalfLife))
}

// least returns the key of the smallest value, of those the first.
func least[V any](m map[string]V, size func(V) float64) string {
	var key string
	smallest, found := 0.0, false
	for k, v := range m {
		if n := size(v); !found || n < smallest || n == smallest && k < key {
			key, smallest, found = k, n, true
		}
	}
	return key
}
