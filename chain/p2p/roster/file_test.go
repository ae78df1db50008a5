package roster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func filled(t testing.TB) (*Book, *Scores) {
	b, s := NewBook(DefaultBookConfig()), NewScores(DefaultScoreConfig())
	for i := range 20 {
		b.Answered(fmt.Sprintf("good%d:1", i), id(i), time.Millisecond, start.Add(-time.Duration(i)*time.Minute))
		b.Heard(fmt.Sprintf("heard%d:1", i), "source", start)
	}
	b.Failed("good3:1", start, seeded(1))
	b.Failed("heard3:1", start, seeded(1))
	s.Blame("evil", 100, start)
	s.Blame("evil too", 1000, start.Add(time.Second))
	return b, s
}

// TestFile: what is saved is there again.
func TestFile(t *testing.T) {
	b, s := filled(t)
	data, err := Marshal(b, s, start)
	if err != nil {
		t.Fatal(err)
	}
	b2, s2 := NewBook(DefaultBookConfig()), NewScores(DefaultScoreConfig())
	if err := Unmarshal(data, b2, s2, start); err != nil {
		t.Fatal(err)
	}
	known := func(b *Book) []Known {
		all := b.Alive(start)
		for i := range all {
			all[i].RTT = 0
		}
		return all
	}
	if d := cmp.Diff(known(b), known(b2)); d != "" || b2.Len() != 40 || len(known(b2)) != 19 {
		t.Errorf("%d addresses; (-want +got):\n%s", b2.Len(), d)
	}
	if d := cmp.Diff(s.Bans(start), s2.Bans(start)); d != "" {
		t.Errorf("bans (-want +got):\n%s", d)
	}
	if d := cmp.Diff(b.hearsay, b2.hearsay); d != "" {
		t.Errorf("sources (-want +got):\n%s", d)
	}
	again, err := Marshal(b2, s2, start)
	if err != nil || string(again) != string(data) {
		t.Errorf("saved differently the second time: %v", err)
	}
}

// TestFileSmaller reads a file into a smaller book: those who answered last
// come first. A clock that ran ahead neither bans for ever nor is believed.
func TestFileSmaller(t *testing.T) {
	b, s := filled(t)
	data, err := Marshal(b, s, start)
	if err != nil {
		t.Fatal(err)
	}
	cfg := DefaultBookConfig()
	cfg.Addresses, cfg.PerSource = 24, 3
	small, bans := NewBook(cfg), NewScores(DefaultScoreConfig())
	past := start.Add(-1000 * time.Hour)
	if err := Unmarshal(data, small, bans, past); err != nil {
		t.Fatal(err)
	}
	if small.Len() != 23 || small.hearsay["source"] != 3 || len(small.Alive(past)) != 19 {
		t.Errorf("%d addresses, %v, %d alive", small.Len(), small.hearsay, len(small.Alive(past)))
	}
	for _, ban := range bans.Bans(past) {
		if ban.Until.Sub(past) > DefaultScoreConfig().BanMost {
			t.Errorf("%+v", ban)
		}
	}
}

// TestFileDamaged: nothing is taken from a file that is not right.
func TestFileDamaged(t *testing.T) {
	ok := `{"version":1,"addresses":[{"addr":"a:1"}]}`
	b, s := NewBook(DefaultBookConfig()), NewScores(DefaultScoreConfig())
	if err := Unmarshal([]byte(ok), b, s, start); err != nil || b.Len() != 1 {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "{", `{"version":2,"addresses":[]}`, `{"version":1,"addresses":[{"addr":"b:1"},{"addr":"b"}]}`,
		`{"version":1,"addresses":[{"addr":"b:1","id":"00","answered":1}]}`, `{"version":1,"addresses":[{"addr":"b:1","failures":-1}]}`,
		`{"version":1,"addresses":[{"addr":"b:1","source":"` + strings.Repeat("x", 300) + `"}]}`,
		`{"version":1,"addresses":[{"addr":"b:1"}],"bans":[{"key":"","until":1,"times":1}]}`,
		`{"version":1,"addresses":[{"addr":"b:1"}],"bans":[{"key":"x","until":1,"times":0}]}`,
		`{"version":1,"addresses":[{"addr":"b:1"}],"more":1}`,
	} {
		if Unmarshal([]byte(bad), b, s, start) == nil || b.Len() != 1 {
			t.Errorf("%s is taken", bad)
		}
	}
}

// FuzzFile reads any file: whatever is taken keeps the bounds and is saved and
// read again as it is.
func FuzzFile(f *testing.F) {
	b, s := filled(f)
	data, err := Marshal(b, s, start)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"version":1,"addresses":[{"addr":"a:1","failures":9}],"bans":[{"key":"x","until":9223372036854775807,"times":9}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg := DefaultBookConfig()
		cfg.Addresses, cfg.PerSource = 16, 4
		b, s := NewBook(cfg), NewScores(DefaultScoreConfig())
		if Unmarshal(data, b, s, start) != nil {
			if b.Len() != 0 || len(s.bans) != 0 {
				t.Fatal("a file that is not right was taken in part")
			}
			return
		}
		if b.Len() > 16 {
			t.Fatalf("%d addresses", b.Len())
		}
		first, err := Marshal(b, s, start)
		if err != nil {
			t.Fatal(err)
		}
		b2, s2 := NewBook(cfg), NewScores(DefaultScoreConfig())
		if err := Unmarshal(first, b2, s2, start); err != nil {
			t.Fatalf("%v: %s", err, first)
		}
		if second, err := Marshal(b2, s2, start); err != nil || string(second) != string(first) {
			t.Fatalf("%v\n%s\n%s", err, first, second)
		}
	})
}
