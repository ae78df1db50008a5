package ledger

// edBatch finds the wrong ones among many prepared signatures at about half
// the cost of one by one while few are wrong, and at no more than 1.5 times
// the cost however many there are.
//
// Costs of one signature on a 2020s x86 core: preparing it 10 us, its equation
// alone 26 us, its share of a common equation 13 us among 16, 11 us among 64,
// 8 us among 1,024. A common equation that does not hold is a loss, and the
// more wrong signatures there are, the smaller the groups that mostly hold: by
// these figures, halving from 1,024 down costs three times one by one at 5 %
// wrong. So the size of a group follows the share of wrong ones seen of late.
//
// The bound: a signature in a group that holds costs less than alone, so
// only failed groups cost extra, at most 13 us a signature in them (16 us in
// groups of 8, which are at most half of the failed ones). Their total size is
// kept within 5/4 of the signatures at hand: 16 us on top of 36 us. Past that,
// and below groups of batchMin, signatures are checked one by one.
type edBatch struct {
	equation edEquation
	sigs     []edSig
	bad      []bool  // of each of sigs; set by verify
	wrong    float64 // share of wrong ones seen of late
	loss     int     // signatures that failed groups may still hold
}

const (
	batchMin  = 8    // smaller groups gain too little
	batchMax  = 2048 // larger groups gain little and leave the cache
	batchMid  = 64
	wrongSpan = 1024 // signatures over which the share of wrong ones is averaged
)

// groupFor returns the size of groups for a share of wrong signatures, 1 for
// one by one. The steps are where the expected costs of neighbours meet.
func groupFor(wrong float64) int {
	switch {
	case wrong < 1.0/4096:
		return batchMax
	case wrong < 1.0/200:
		return batchMid
	case wrong < 1.0/33:
		return 2 * batchMin
	}
	return 1
}

// next returns room for another signature, with what an earlier one left.
func (b *edBatch) next() *edSig {
	if n := len(b.sigs); n < cap(b.sigs) {
		b.sigs = b.sigs[:n+1]
	} else {
		b.sigs = append(b.sigs, edSig{})
	}
	return &b.sigs[len(b.sigs)-1]
}

// verify fills bad for all of sigs.
func (b *edBatch) verify() {
	b.bad = append(b.bad[:0], make([]bool, len(b.sigs))...)
	b.loss = len(b.sigs) * 5 / 4
	for at := 0; at < len(b.sigs); {
		size := groupFor(b.wrong)
		end := min(at+max(size, batchMin), len(b.sigs))
		switch {
		case size == 1 || end-at > b.loss:
			b.oneByOne(at, end)
		case end-at <= batchMid:
			b.search(at, end, false)
		case !b.holds(at, end):
			// One wrong one at least: start again with groups that show how many.
			b.wrong = max(b.wrong, 1.0/batchMax)
			continue
		}
		b.learn(at, end)
		at = end
	}
}

// search finds the wrong ones of a group by halving. known says that there is
// one, so that the group need not be checked to be split.
func (b *edBatch) search(from, to int, known bool) {
	if to-from < batchMin || to-from > b.loss {
		b.oneByOne(from, to)
		return
	}
	if !known && b.holds(from, to) {
		return
	}
	middle := (from + to) / 2
	b.search(from, middle, false)
	b.search(middle, to, !b.anyBad(from, middle))
}

// holds checks a group and books its loss where it fails.
func (b *edBatch) holds(from, to int) bool {
	if b.equation.holds(b.sigs[from:to]) {
		return true
	}
	b.loss -= to - from
	return false
}

func (b *edBatch) oneByOne(from, to int) {
	for i := from; i < to; i++ {
		b.bad[i] = !b.sigs[i].valid()
	}
}

func (b *edBatch) anyBad(from, to int) bool { return b.count(from, to) > 0 }

func (b *edBatch) count(from, to int) (n int) {
	for _, bad := range b.bad[from:to] {
		if bad {
			n++
		}
	}
	return n
}

// learn moves the average towards what the group showed.
func (b *edBatch) learn(from, to int) {
	n := float64(to - from)
	b.wrong += (float64(b.count(from, to))/n - b.wrong) * n / (n + wrongSpan)
}
