package inflight

import (
	"testing"

	"pgregory.net/rapid"
)

// TestIndex compares the index with a map. Tags are few, so runs are long and
// wrap around.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newIndex(1)
		tags := map[uint32]uint32{} // by number
		tag := rapid.SampledFrom([]uint32{0, 1, 14, 15, 16, 31, 1 << 31, 1<<32 - 1})
		number := rapid.Uint32Range(0, 40)
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) {
				n := number.Draw(t, "number")
				if _, ok := tags[n]; !ok {
					tags[n] = tag.Draw(t, "tag")
					x.insert(tags[n], n)
				}
			},
			"remove": func(t *rapid.T) {
				n := number.Draw(t, "number")
				if g, ok := tags[n]; ok {
					x.remove(g, n)
					delete(tags, n)
				}
			},
			"": func(t *rapid.T) {
				for n := range uint32(41) {
					want, in := tags[n]
					for _, g := range []uint32{want, want + 1} {
						got, ok := x.find(g, func(k uint32) bool { return k == n })
						if ok != (in && g == want) || ok && got != n {
							t.Fatalf("find(%d, %d): %d %v", g, n, got, ok)
						}
					}
				}
				if x.used != len(tags) || 2*x.used > len(x.cells) {
					t.Fatalf("%d used of %d cells, want %d", x.used, len(x.cells), len(tags))
				}
			},
		})
	})
}
