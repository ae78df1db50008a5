package pow

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// kernel tries n nonces of w from the given one on and returns the first that
// meets the target, and how many it tried. A scanner belongs to one thread.
type kernel func(s *scanner, w *work, from uint32, n uint32) (nonce, tried uint32, hit bool)

// scanner holds a thread's buffers.
type scanner struct {
	digest hash.Hash
	resume encoding.BinaryUnmarshaler // the same digest
	state  []byte
	first  []byte
}

func newScanner() *scanner {
	d := sha256.New()
	return &scanner{digest: d, resume: d.(encoding.BinaryUnmarshaler), first: make([]byte, 0, sha256.Size)}
}

// The first 64 of a header's 80 bytes do not change with the nonce, so their
// compression is done once. The standard library's saved state holds the
// chaining value and the bytes that do not fill a block yet: the 16 that end
// in the nonce. Setting the nonce right there makes a state that is complete
// but for the padding, and saves one compression in three.
const (
	stateMagic  = 4
	nonceOffset = stateMagic + sha256.Size + 12
)

func midstate(h *ledger.Header) []byte {
	b := h.Encode()
	d := sha256.New()
	d.Write(b[:])
	state, err := d.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic("pow: SHA-256 state: " + err.Error())
	}
	return state
}

func scanMidstate(s *scanner, w *work, from uint32, n uint32) (nonce, tried uint32, hit bool) {
	s.state = append(s.state[:0], w.state...)
	at := s.state[nonceOffset : nonceOffset+4]
	for i := range n {
		binary.LittleEndian.PutUint32(at, from+i)
		if err := s.resume.UnmarshalBinary(s.state); err != nil {
			panic("pow: SHA-256 state: " + err.Error())
		}
		id := ledger.Hash(sha256.Sum256(s.digest.Sum(s.first)))
		if meets(&id, &w.target) {
			return from + i, i + 1, true
		}
	}
	return 0, n, false
}
