package null

import (
	"encoding/binary"

	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// The kinds of transaction, as in Info.Kinds.
const (
	kindTransfer = iota
	kindInvalidSignature
	kindDoubleSpend
)

var kinds = []driver.Kind{
	kindTransfer:         {Name: "transfer"},
	kindInvalidSignature: {Name: "invalid_signature", Expect: driver.RejectSignature},
	kindDoubleSpend:      {Name: "double_spend", Expect: driver.RejectDoubleSpend},
}

// payload is the wire format: little-endian, padded with zeros to
// Behaviour.PayloadBytes.
//
//	magic u8, kind u8, epoch u32, lane u32, seq u64, nonce u64
//
// A lane's accepted transactions have the nonces 0, 1, 2, ...: each spends what
// the one before it made.
type payload struct {
	kind  uint8
	epoch uint32 // which Prepare the lane is of
	lane  uint32
	seq   uint64
	nonce uint64
}

const (
	magic      = 0xcd
	minPayload = 1 + 1 + 4 + 4 + 8 + 8
)

// append adds the encoding, padded to size bytes.
func (p *payload) append(dst []byte, size int) []byte {
	start := len(dst)
	dst = append(dst, magic, p.kind)
	dst = binary.LittleEndian.AppendUint32(dst, p.epoch)
	dst = binary.LittleEndian.AppendUint32(dst, p.lane)
	dst = binary.LittleEndian.AppendUint64(dst, p.seq)
	dst = binary.LittleEndian.AppendUint64(dst, p.nonce)
	if pad := start + size - len(dst); pad > 0 {
		dst = append(dst, make([]byte, pad)...)
	}
	return dst
}

// parse decodes a payload of exactly size bytes.
func (p *payload) parse(b []byte, size int) bool {
	if len(b) != size || size < minPayload || b[0] != magic || int(b[1]) >= len(kinds) {
		return false
	}
	p.kind = b[1]
	p.epoch = binary.LittleEndian.Uint32(b[2:])
	p.lane = binary.LittleEndian.Uint32(b[6:])
	p.seq = binary.LittleEndian.Uint64(b[10:])
	p.nonce = binary.LittleEndian.Uint64(b[18:])
	for _, pad := range b[minPayload:] {
		if pad != 0 {
			return false
		}
	}
	return true
}

// id is made of 8 mixed bytes, so that the first ones are as good as a hash's,
// and then of the payload's fields, so that different payloads have different
// IDs (up to 2^24 epochs).
func (p *payload) id() driver.ID {
	var id driver.ID
	m := mix(mix(uint64(p.epoch)<<32|uint64(p.lane)) ^ mix(p.seq) + p.nonce<<8 + uint64(p.kind))
	binary.LittleEndian.PutUint64(id[0:], m)
	binary.LittleEndian.PutUint64(id[8:], p.seq)
	binary.LittleEndian.PutUint64(id[16:], p.nonce)
	binary.LittleEndian.PutUint32(id[24:], p.lane)
	id[28] = p.kind
	id[29], id[30], id[31] = byte(p.epoch), byte(p.epoch>>8), byte(p.epoch>>16)
	return id
}

// fields are what an ID says of its transaction.
func fields(id *driver.ID) payload {
	return payload{
		seq:   binary.LittleEndian.Uint64(id[8:]),
		nonce: binary.LittleEndian.Uint64(id[16:]),
		lane:  binary.LittleEndian.Uint32(id[24:]),
		kind:  id[28],
		epoch: uint32(id[29]) | uint32(id[30])<<8 | uint32(id[31])<<16,
	}
}

// one says whether an ID is the one in n that something happens to. Each salt
// makes its own choice.
func one(id *driver.ID, n int, salt uint64) bool {
	return n > 0 && mix(binary.LittleEndian.Uint64(id[:])^salt)%uint64(n) == 0
}

// Salts of the choices made by ID.
const (
	saltLoss = iota + 1
	saltSilent
	saltSlow
)

// share maps an ID to [0, 1).
func share(id *driver.ID, salt uint64) float64 {
	return unit(mix(binary.LittleEndian.Uint64(id[:]) ^ salt))
}

func unit(x uint64) float64 { return float64(x>>11) / (1 << 53) }

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
