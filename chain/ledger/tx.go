package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Hash is a double SHA-256 in the order in which it was computed.
type Hash [32]byte

// String returns the hash as block explorers print it: hexadecimal, last byte
// first.
func (h Hash) String() string {
	var r Hash
	for i, b := range h {
		r[len(h)-1-i] = b
	}
	return hex.EncodeToString(r[:])
}

// IsZero says whether h is the hash that stands for "none".
func (h Hash) IsZero() bool { return h == Hash{} }

// DoubleSHA256 returns SHA-256(SHA-256(b)).
func DoubleSHA256(b []byte) Hash {
	first := sha256.Sum256(b)
	return sha256.Sum256(first[:])
}

// KeyHash names the key that may spend an output; see HashKey.
type KeyHash [20]byte

// OutPoint names one output of one transaction.
type OutPoint struct {
	TxID  Hash
	Index uint32
}

// Output is an amount and the key that may spend it.
type Output struct {
	Value uint64 // in the smallest unit; at most Params.MaxMoney
	Key   KeyHash
}

// Input spends an output. Key and Sig alias the transaction's encoding.
type Input struct {
	Prev OutPoint
	Key  []byte // public key, KeySize bytes of the scheme
	Sig  []byte // SigSize bytes
}

// Scheme is a signature scheme; SchemeNone marks a coinbase.
type Scheme uint8

// The schemes.
const (
	SchemeNone      Scheme = 0 // coinbase: no inputs
	SchemeEd25519   Scheme = 1
	SchemeSecp256k1 Scheme = 2 // ECDSA, compressed key, 64-byte low-S signature
)

var schemeNames = [...]string{"none", "ed25519", "secp256k1"}

func (s Scheme) String() string {
	if int(s) < len(schemeNames) {
		return schemeNames[s]
	}
	return "unknown"
}

// KeySize returns the size of a public key in bytes; 0 for other schemes.
func (s Scheme) KeySize() int {
	switch s {
	case SchemeEd25519:
		return 32
	case SchemeSecp256k1:
		return 33
	}
	return 0
}

// Sizes of the encoding, in bytes. Integers are little-endian and of fixed
// width, so that a value has one encoding and a field a computed offset:
//
//	transfer: scheme u8 | inputs u16 | outputs u32 | inputs x (txid, index u32, key, signature) | outputs x (value u64, key hash)
//	coinbase: scheme u8 = 0 | 0 u16 | outputs u32 | height u32 | extra u64 | outputs x (value u64, key hash)
const (
	SigSize      = 64
	txHeadSize   = 1 + 2 + 4
	coinbaseSize = 4 + 8
	outputSize   = 8 + 20
	prevSize     = 32 + 4

	// MaxTxBytes bounds every transaction but a genesis coinbase.
	MaxTxBytes = 100_000
	// MaxInputs bounds the inputs of one transaction.
	MaxInputs = 500
)

// Tx is a validated view over the canonical encoding of one transaction. It is
// immutable and may be copied; copies share the encoding.
type Tx struct {
	raw     []byte
	id      Hash
	outputs uint32
	inputs  uint16
	scheme  Scheme
}

// ParseTx returns the transaction at the start of b and what follows it. The
// transaction aliases b, which must not change any more. maxBytes bounds the
// encoding. The error is a Reject: RejectMalformed or RejectTooLarge.
func ParseTx(b []byte, maxBytes int) (tx Tx, rest []byte, err error) {
	if len(b) < txHeadSize {
		return Tx{}, nil, RejectMalformed
	}
	tx.scheme = Scheme(b[0])
	tx.inputs = binary.LittleEndian.Uint16(b[1:])
	tx.outputs = binary.LittleEndian.Uint32(b[3:])
	size, err := tx.checkShape()
	if err != nil {
		return Tx{}, nil, err
	}
	if size > uint64(maxBytes) {
		return Tx{}, nil, RejectTooLarge
	}
	if size > uint64(len(b)) {
		return Tx{}, nil, RejectMalformed
	}
	tx.raw = b[:size:size]
	tx.id = DoubleSHA256(tx.raw)
	return tx, b[size:], nil
}

// TxHeadSize is how many bytes TxSize looks at.
const TxHeadSize = txHeadSize

// TxSize returns the size in bytes of the encoding that begins with head, so
// that a reader can pass over it. The error is a Reject. Sizes go up to 2^37.
func TxSize(head []byte) (int64, error) {
	if len(head) < txHeadSize {
		return 0, RejectMalformed
	}
	tx := Tx{scheme: Scheme(head[0]), inputs: binary.LittleEndian.Uint16(head[1:]), outputs: binary.LittleEndian.Uint32(head[3:])}
	size, err := tx.checkShape()
	return int64(size), err
}

// checkShape returns the encoded size that the head announces.
func (t *Tx) checkShape() (uint64, error) {
	outs := uint64(t.outputs) * outputSize
	switch {
	case t.outputs == 0, t.scheme > SchemeSecp256k1, (t.scheme == SchemeNone) != (t.inputs == 0):
		return 0, RejectMalformed
	case t.inputs > MaxInputs:
		return 0, RejectTooLarge
	case t.scheme == SchemeNone:
		return txHeadSize + coinbaseSize + outs, nil
	}
	return txHeadSize + uint64(t.inputs)*uint64(t.inputSize()) + outs, nil
}

func (t *Tx) inputSize() int { return prevSize + t.scheme.KeySize() + SigSize }

// outputsAt is the offset of the first output.
func (t *Tx) outputsAt() int {
	if t.scheme == SchemeNone {
		return txHeadSize + coinbaseSize
	}
	return txHeadSize + int(t.inputs)*t.inputSize()
}

// ID is the double SHA-256 of the whole encoding, and the Merkle leaf.
func (t *Tx) ID() Hash { return t.id }

// Bytes returns the canonical encoding; it must not be changed.
func (t *Tx) Bytes() []byte { return t.raw }

// Size is the length of the encoding in bytes.
func (t *Tx) Size() int { return len(t.raw) }

// Scheme returns the signature scheme of all inputs.
func (t *Tx) Scheme() Scheme { return t.scheme }

// IsCoinbase says whether the transaction creates the block's reward.
func (t *Tx) IsCoinbase() bool { return t.scheme == SchemeNone }

// Inputs and Outputs count them.
func (t *Tx) Inputs() int { return int(t.inputs) }

// Outputs counts the outputs.
func (t *Tx) Outputs() int { return int(t.outputs) }

// Prev returns the output that input i spends.
func (t *Tx) Prev(i int) OutPoint {
	b := t.raw[txHeadSize+i*t.inputSize():]
	return OutPoint{TxID: Hash(b[:32]), Index: binary.LittleEndian.Uint32(b[32:])}
}

// In returns input i, whose slices alias the encoding.
func (t *Tx) In(i int) Input {
	b := t.raw[txHeadSize+i*t.inputSize():]
	k := prevSize + t.scheme.KeySize()
	return Input{
		Prev: OutPoint{TxID: Hash(b[:32]), Index: binary.LittleEndian.Uint32(b[32:])},
		Key:  b[prevSize:k:k],
		Sig:  b[k : k+SigSize : k+SigSize],
	}
}

// Out returns output i.
func (t *Tx) Out(i int) Output {
	b := t.raw[t.outputsAt()+i*outputSize:]
	return Output{Value: binary.LittleEndian.Uint64(b), Key: KeyHash(b[8:outputSize])}
}

// CoinbaseHeight returns the block height that a coinbase carries.
func (t *Tx) CoinbaseHeight() uint32 { return binary.LittleEndian.Uint32(t.raw[txHeadSize:]) }

// AppendCoinbase appends the encoding of a coinbase to dst. extra makes
// otherwise equal coinbases differ (the extra-nonce).
func AppendCoinbase(dst []byte, height uint32, extra uint64, outs []Output) []byte {
	dst = appendHead(dst, SchemeNone, 0, len(outs))
	dst = binary.LittleEndian.AppendUint32(dst, height)
	dst = binary.LittleEndian.AppendUint64(dst, extra)
	return appendOutputs(dst, outs)
}

// Spend is an output to be spent and the key that may spend it.
type Spend struct {
	Prev OutPoint
	Key  Signer
}

var unsigned [SigSize]byte

// AppendTransfer appends a signed transfer to dst. There must be 1 to MaxInputs
// inputs, all keys of one scheme, and at least one output. The signatures commit to the network by its genesis hash.
func AppendTransfer(dst []byte, genesis Hash, ins []Spend, outs []Output) []byte {
	scheme := ins[0].Key.Scheme()
	start := len(dst)
	dst = appendHead(dst, scheme, len(ins), len(outs))
	for _, in := range ins {
		dst = append(dst, in.Prev.TxID[:]...)
		dst = binary.LittleEndian.AppendUint32(dst, in.Prev.Index)
		dst = append(dst, in.Key.Public()...)
		dst = append(dst, unsigned[:]...)
	}
	dst = appendOutputs(dst, outs)
	tx := Tx{raw: dst[start:], scheme: scheme, inputs: uint16(len(ins)), outputs: uint32(len(outs))}
	digest := tx.SigHash(genesis)
	for i, in := range ins {
		in.Key.Sign(tx.In(i).Sig, digest)
	}
	return dst
}

// SigHash returns what every signature of the transaction signs: the double
// SHA-256 of the genesis hash and the encoding without signatures, so that a
// signature is worth nothing on another network.
func (t *Tx) SigHash(genesis Hash) Hash {
	var room [512]byte // enough for most transactions
	b := append(room[:0], genesis[:]...)
	b = append(b, t.raw[:txHeadSize]...)
	if t.scheme != SchemeNone {
		size, sig := t.inputSize(), t.inputSize()-SigSize
		for at := txHeadSize; at < t.outputsAt(); at += size {
			b = append(b, t.raw[at:at+sig]...)
		}
	}
	return DoubleSHA256(append(b, t.raw[t.outputsAt():]...))
}

func appendHead(dst []byte, s Scheme, inputs, outputs int) []byte {
	dst = append(dst, byte(s))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(inputs))
	return binary.LittleEndian.AppendUint32(dst, uint32(outputs))
}

func appendOutputs(dst []byte, outs []Output) []byte {
	for _, o := range outs {
		dst = binary.LittleEndian.AppendUint64(dst, o.Value)
		dst = append(dst, o.Key[:]...)
	}
	return dst
}
