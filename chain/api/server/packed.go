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
	parts, err := ledger.Cut(b, sizes)
	if err != nil {
		return nil, invalid("batch: the sizes do not add up to the %d bytes of payloads", len(b))
	}
	return parts, nil
}

// unpackHashes splits a packed list of at most most hashes, which it copies.
func unpackHashes(b []byte, most int) ([]ledger.Hash, error) {
	list, err := ledger.ParseHashes(b, most)
	if err != nil {
		return nil, invalid("ids: %d bytes are not a multiple of %d up to %d", len(b), hashBytes, most*hashBytes)
	}
	return list, nil
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
