package server

import (
	"github.com/chaindyno/chaindyno/chain/ledger"
)

const hashBytes = len(ledger.Hash{})

// unpack splits payloads that lie back to back. The parts alias b. Nothing is
// allocated before sizes are known to add up.
func unpack(b []byte, sizes []uint32, most int) ([][]byte, error) {
	if len(sizes) == 0 || len(sizes) > most {
		return nil, invalid("batch: %d transactions are not within 1 to %d", len(sizes), most)
	}
	if len(b) > BatchBytes {
		return nil, invalid("batch: %d bytes of payloads are over %d", len(b), BatchBytes)
	}
	var sum uint64
	for _, n := range sizes {
		sum += uint64(n)
	}
	if sum != uint64(len(b)) {
		return nil, invalid("batch: sizes add up to %d bytes, but there are %d", sum, len(b))
	}
	parts := make([][]byte, len(sizes))
	for i, n := range sizes {
		parts[i], b = b[:n:n], b[n:]
	}
	return parts, nil
}

// unpackHashes splits a packed list of at most most hashes, which it copies.
func unpackHashes(b []byte, most int) ([]ledger.Hash, error) {
	if len(b)%hashBytes != 0 || len(b) > most*hashBytes {
		return nil, invalid("ids: %d bytes are not a multiple of %d up to %d", len(b), hashBytes, most*hashBytes)
	}
	list := make([]ledger.Hash, len(b)/hashBytes)
	for i := range list {
		list[i] = ledger.Hash(b[i*hashBytes:])
	}
	return list, nil
}

func packHashes(list []ledger.Hash) []byte {
	b := make([]byte, 0, len(list)*hashBytes)
	for i := range list {
		b = append(b, list[i][:]...)
	}
	return b
}

func packAnswers(answers []ledger.Reject) []byte {
	b := make([]byte, len(answers))
	for i, a := range answers {
		b[i] = byte(a)
	}
	return b
}

// parseHash accepts 32 bytes only.
func parseHash(field string, b []byte) (ledger.Hash, error) {
	if len(b) != hashBytes {
		return ledger.Hash{}, invalid("%s: %d bytes are not a hash of %d", field, len(b), hashBytes)
	}
	return ledger.Hash(b), nil
}
