package kad

import (
	"context"
	"slices"
	"time"
)

const (
	// AskTime is how long one contact may take to answer.
	AskTime = 3 * time.Second
	// AsksMax bounds the contacts that one lookup asks, so that peers who
	// invent ever nearer ones can delay it, but not for ever.
	AsksMax = 8 * K

	listMax      = 8 * K // contacts that wait to be asked; beyond, the furthest go
	addressesMax = 3     // addresses that are tried for one ID
)

// Ask asks a contact for the contacts it knows nearest to target. It must
// return when ctx ends, and should fail if who answers is not c.ID.
type Ask func(ctx context.Context, c Contact, target ID) ([]Contact, error)

// Lookup finds the contacts nearest to target (section 2.3): of the nearest K
// that it has heard of, it asks those not asked yet, Alpha at a time, until all
// of them have answered. Who fails is left out. It returns those that answered,
// nearest first, at most K; what it has so far when ctx ends.
//
// Of an answer the first K contacts are read. Those that name the node itself
// are passed over; an ID said to be at several addresses is tried at a few, so
// that a wrong address told first does not hide the right one. Lookup runs at
// most Alpha goroutines, and has ended them when it returns.
func Lookup(ctx context.Context, self, target ID, start []Contact, ask Ask) []Contact {
	s := search{self: self, target: target}
	s.learn(start[:min(len(start), listMax)])
	type answer struct {
		from  Contact
		found []Contact
		err   error
	}
	answers := make(chan answer)
	for flying, asked := 0, 0; ; {
		for flying < Alpha && asked < AsksMax && ctx.Err() == nil {
			c, ok := s.next()
			if !ok {
				break
			}
			flying++
			asked++
			go func() {
				ctx, cancel := context.WithTimeout(ctx, AskTime)
				defer cancel()
				found, err := ask(ctx, c, target)
				answers <- answer{c, found, err}
			}()
		}
		if flying == 0 {
			return s.result()
		}
		a := <-answers
		flying--
		s.settle(a.from, a.err == nil)
		if a.err == nil {
			s.learn(a.found[:min(len(a.found), K)])
		}
	}
}

// search is what a lookup knows. One goroutine.
type search struct {
	self, target ID
	list         []candidate // nearest first; one ID's addresses are neighbours, in the order they were told
}

type candidate struct {
	Contact
	progress
}

type progress int

const (
	fresh progress = iota
	asking
	answered
	failed
)

// learn adds contacts that are new and usable.
func (s *search) learn(found []Contact) {
	for _, c := range found {
		if !c.usable(s.self) {
			continue
		}
		from, to := s.of(c.ID)
		known := slices.ContainsFunc(s.list[from:to], func(k candidate) bool { return k.Addr == c.Addr })
		if !known && to-from < addressesMax {
			s.list = slices.Insert(s.list, to, candidate{Contact: c})
		}
	}
	s.shorten()
}

// of returns where the candidates with an ID are, or would be.
func (s *search) of(id ID) (from, to int) {
	from, _ = slices.BinarySearchFunc(s.list, id, func(c candidate, id ID) int { return Nearer(s.target, c.ID, id) })
	for to = from; to < len(s.list) && s.list[to].ID == id; to++ {
	}
	return from, to
}

// shorten forgets the furthest of those that wait, beyond listMax. Those that
// were asked stay, lest they be asked again; they are bounded by AsksMax.
func (s *search) shorten() {
	waiting := 0
	s.list = slices.DeleteFunc(s.list, func(c candidate) bool {
		if c.progress == fresh {
			waiting++
		}
		return c.progress == fresh && waiting > listMax
	})
}

// next returns the nearest candidate that is to be asked and marks it so.
func (s *search) next() (Contact, bool) {
	ahead := 0 // nodes nearer than this one that have not failed
	for i := 0; i < len(s.list) && ahead < K; {
		_, to := s.of(s.list[i].ID)
		best := failed
		free := -1 // an address not tried yet
		for k := i; k < to; k++ {
			switch p := s.list[k].progress; p {
			case fresh:
				if free < 0 {
					free = k
				}
			case asking, answered:
				best = p
			}
		}
		if best == failed && free >= 0 {
			s.list[free].progress = asking
			return s.list[free].Contact, true
		}
		if best != failed {
			ahead++
		}
		i = to
	}
	return Contact{}, false
}

func (s *search) settle(c Contact, ok bool) {
	from, to := s.of(c.ID)
	for i := from; i < to; i++ {
		if s.list[i].Addr != c.Addr {
			continue
		}
		s.list[i].progress = failed
		if ok {
			s.list[i].progress = answered
		}
	}
}

func (s *search) result() []Contact {
	found := make([]Contact, 0, K)
	for _, c := range s.list {
		if c.progress == answered && len(found) < K {
			found = append(found, c.Contact)
		}
	}
	return found
}
