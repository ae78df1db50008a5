package p2p

// broadcast is the last block that was announced, and to whom. It belongs to the
// goroutine that follows the tip.
type broadcast struct {
	work  Work
	peers []*peer
}

// covered reports which of those who were told of the last block have shown by
// now that they have it, or a better one. A peer does so when it has accepted
// it; who has gone since is not counted.
func (b *blocks) covered() {
	have, of := 0, 0
	for _, p := range b.last.peers {
		if p.ctx.Err() != nil {
			continue
		}
		of++
		if p.claims().Work.Cmp(b.last.work) >= 0 {
			have++
		}
	}
	b.last = broadcast{}
	b.h.coverage("block", have, of)
}

func (h *Host) coverage(what string, have, of int) {
	if f := h.ev.Coverage; f != nil && of > 0 {
		f(what, have, of)
	}
}
