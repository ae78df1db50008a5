package roster

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestScores: points halve, enough of them ban, a ban ends, and the next is
// longer, up to the longest.
func TestScores(t *testing.T) {
	s, now := NewScores(DefaultScoreConfig()), start
	if s.Blame("a", 80, now) || s.Of("a", now) != 80 {
		t.Error("80 points are no ban")
	}
	now = now.Add(10 * time.Minute)
	if got := s.Of("a", now); math.Abs(got-40) > 1e-9 {
		t.Errorf("80 points are %g after the half-life", got)
	}
	if s.Blame("a", 59, now) {
		t.Error("99 points banned")
	}
	for i, minutes := range []int{10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440} {
		want := time.Duration(minutes) * time.Minute
		if !s.Blame("a", 100, now) || !s.Banned("a", now.Add(want-1)) || s.Banned("a", now.Add(want)) {
			t.Fatalf("ban %d: %+v, want %s", i, s.Bans(now), want)
		}
		if !s.Blame("a", 1, now) || !s.Bans(now)[0].Until.Equal(now.Add(want)) {
			t.Errorf("a ban grew while it was in force")
		}
		now = now.Add(want + time.Minute)
	}
	now = now.Add(2 * time.Hour)
	if s.Blame("a", 100, now); !s.Bans(now)[0].Until.Equal(now.Add(10 * time.Minute)) {
		t.Error("old bans are not forgotten")
	}
	for _, n := range []float64{-1e9, math.NaN(), 0} {
		if s.Blame("b", n, now); s.Of("b", now) != 0 {
			t.Errorf("%g points count", n)
		}
	}
	if !s.Blame("c", math.Inf(1), now) {
		t.Error("infinitely many points are no ban")
	}
}

// TestScoresBounded blames more peers than there is room for: the worst are
// remembered.
func TestScoresBounded(t *testing.T) {
	cfg := DefaultScoreConfig()
	cfg.Entries = 10
	s := NewScores(cfg)
	long := strings.Repeat("x", 10_000)
	s.Blame(long, 99, start)
	for i := range 1_000 {
		s.Blame(fmt.Sprint("peer", i), 1, start)
		s.Blame(fmt.Sprint("banned", i), 100, start.Add(time.Duration(i)*time.Second))
	}
	if len(s.points) != 10 || len(s.bans) != 10 {
		t.Errorf("%d with points, %d bans", len(s.points), len(s.bans))
	}
	if !s.Banned("banned999", start.Add(1000*time.Second)) || s.Of(long, start) != 99 {
		t.Error("the worst are forgotten")
	}
	for key := range s.points {
		if len(key) > AddrMax {
			t.Errorf("a key of %d bytes", len(key))
		}
	}
}

// TestScoresAgainstTwin compares the account with a list of all that was said,
// added up anew each time.
func TestScoresAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type blame struct {
			n  float64
			at time.Time
		}
		cfg := DefaultScoreConfig()
		s, now := NewScores(cfg), start
		var log []blame
		var until time.Time
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "s")) * time.Second)
			banned := now.Before(until)
			if s.Banned("k", now) != banned {
				t.Fatalf("banned: %v", !banned)
			}
			n := float64(rapid.IntRange(1, 60).Draw(t, "points"))
			got := s.Blame("k", n, now)
			if banned {
				continue
			}
			log = append(log, blame{n, now})
			sum := 0.0
			for _, b := range log {
				sum += b.n * math.Pow(0.5, now.Sub(b.at).Minutes()/10)
			}
			if math.Abs(sum-100) < 1e-6 {
				return // either is right
			}
			if got != (sum >= 100) {
				t.Fatalf("%g points: banned %v", sum, got)
			}
			if got {
				log, until = nil, s.Bans(now)[0].Until
			}
		}
	})
}
