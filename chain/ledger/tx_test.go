package ledger

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestEncodingIsFixed pins the encoding and the IDs: a change would break every
// data folder and every signature.
func TestEncodingIsFixed(t *testing.T) {
	tx := parseOne(t, transfer(SchemeEd25519, 5, 1, 1))
	const want = "01" + "0100" + "01000000" +
		"0500000000000000000000000000000000000000000000000000000000000000" + "00000000"
	got := hex.EncodeToString(tx.Bytes())
	if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "0100000000000000"+strings.Repeat("00", 20)) || len(got) != 2*167 {
		t.Errorf("encoding %s", got)
	}
	coinbase := parseOne(t, AppendCoinbase(nil, 7, 9, []Output{{Value: 3, Key: KeyHash{1}}}))
	const wantCoinbase = "00" + "0000" + "01000000" + "07000000" + "0900000000000000" +
		"0300000000000000" + "0100000000000000000000000000000000000000"
	if got := hex.EncodeToString(coinbase.Bytes()); got != wantCoinbase {
		t.Errorf("coinbase %s", got)
	}
	if coinbase.CoinbaseHeight() != 7 || !coinbase.IsCoinbase() || coinbase.Inputs() != 0 {
		t.Error("the coinbase reads back differently")
	}
}

// kindOf returns the kind of an error, or RejectNone where it has none.
func kindOf(err error) Reject {
	var kind Reject
	errors.As(err, &kind)
	return kind
}

func TestParseTxRefuses(t *testing.T) {
	good := transfer(SchemeEd25519, 1, 2, 2)
	change := func(at int, b ...byte) []byte {
		raw := bytes.Clone(good)
		copy(raw[at:], b)
		return raw
	}
	for _, tc := range []struct {
		name string
		raw  []byte
		most int
		want Reject
	}{
		{"good", good, len(good), RejectNone},
		{"nothing", nil, MaxTxBytes, RejectMalformed},
		{"head cut", good[:6], MaxTxBytes, RejectMalformed},
		{"a byte less", good[:len(good)-1], MaxTxBytes, RejectMalformed},
		{"over the bound", good, len(good) - 1, RejectTooLarge},
		{"unknown scheme", change(0, 3), MaxTxBytes, RejectMalformed},
		{"coinbase with inputs", change(0, 0), MaxTxBytes, RejectMalformed},
		{"no inputs", change(1, 0, 0), MaxTxBytes, RejectMalformed},
		{"inputs over the bound", change(1, 0xf5, 1), MaxTxBytes, RejectTooLarge},
		{"no outputs", change(3, 0, 0, 0, 0), MaxTxBytes, RejectMalformed},
		{"four billion outputs", change(3, 255, 255, 255, 255), MaxTxBytes, RejectTooLarge},
		{"four billion outputs, no bound", change(3, 255, 255, 255, 255), 1 << 62, RejectMalformed},
	} {
		_, _, err := ParseTx(tc.raw, tc.most)
		if kindOf(err) != tc.want || err == nil != (tc.want == RejectNone) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
}

// rebuild encodes a transaction anew from what its accessors tell.
func rebuild(tx *Tx) []byte {
	outs := make([]Output, tx.Outputs())
	for i := range outs {
		outs[i] = tx.Out(i)
	}
	if tx.IsCoinbase() {
		extra := uint64(0)
		for i, b := range tx.Bytes()[txHeadSize+4 : txHeadSize+coinbaseSize] {
			extra |= uint64(b) << (8 * i)
		}
		return AppendCoinbase(nil, tx.CoinbaseHeight(), extra, outs)
	}
	b := appendHead(nil, tx.Scheme(), tx.Inputs(), tx.Outputs())
	for i := range tx.Inputs() {
		in := tx.In(i)
		b = append(b, in.Prev.TxID[:]...)
		b = append(b, byte(in.Prev.Index), byte(in.Prev.Index>>8), byte(in.Prev.Index>>16), byte(in.Prev.Index>>24))
		b = append(append(b, in.Key...), in.Sig...)
	}
	return appendOutputs(b, outs)
}

func checkTx(t interface{ Fatalf(string, ...any) }, tx *Tx) {
	if got := rebuild(tx); !bytes.Equal(got, tx.Bytes()) || tx.ID() != DoubleSHA256(got) || tx.Size() != len(got) {
		t.Fatalf("encodes to %x, was %x", got, tx.Bytes())
	}
	for i := range tx.Inputs() {
		if tx.Prev(i) != tx.In(i).Prev {
			t.Fatalf("input %d: Prev and In differ", i)
		}
	}
}

func TestTransfersComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scheme := rapid.SampledFrom([]Scheme{SchemeEd25519, SchemeSecp256k1}).Draw(t, "scheme")
		raw := transfer(scheme, rapid.Uint32Range(0, 1000).Draw(t, "seed"),
			rapid.IntRange(1, 4).Draw(t, "inputs"), rapid.IntRange(1, 30).Draw(t, "outputs"))
		tx, rest, err := ParseTx(append(raw, 1, 2), MaxTxBytes)
		if err != nil || !bytes.Equal(rest, []byte{1, 2}) {
			t.Fatalf("rest %x, %v", rest, err)
		}
		checkTx(t, &tx)
		if VerifyOne(&tx, testGenesis) != RejectNone || VerifyOne(&tx, Hash{}) != RejectSignature {
			t.Fatal("signatures do not hold for their network alone")
		}
	})
}

// Every byte of a transaction but those of its signatures is signed, and none
// of the signatures' can change either: an ID stands for one transaction.
func TestEveryByteCounts(t *testing.T) {
	for _, scheme := range []Scheme{SchemeEd25519, SchemeSecp256k1} {
		raw := transfer(scheme, 3, 2, 1)
		for at := range raw {
			b := bytes.Clone(raw)
			b[at] ^= 1
			tx, rest, err := ParseTx(b, MaxTxBytes)
			if err == nil && len(rest) == 0 && VerifyOne(&tx, testGenesis) == RejectNone {
				t.Errorf("%v: byte %d may change", scheme, at)
			}
		}
	}
}

func FuzzParseTx(f *testing.F) {
	f.Add(transfer(SchemeEd25519, 1, 1, 2))
	f.Add(transfer(SchemeSecp256k1, 1, 2, 1))
	f.Add(AppendCoinbase(nil, 1, 2, []Output{{Value: 3}}))
	f.Add([]byte{1, 255, 255, 255, 255, 255, 255})
	p := TestParams()
	f.Fuzz(func(t *testing.T, b []byte) {
		tx, rest, err := ParseTx(b, MaxTxBytes)
		if err != nil {
			if err != RejectMalformed && err != RejectTooLarge {
				t.Fatal(err)
			}
			return
		}
		if tx.Size()+len(rest) != len(b) || tx.Size() > MaxTxBytes {
			t.Fatal("bytes got lost")
		}
		checkTx(t, &tx)
		verdicts := make([]Reject, 1)
		NewVerifier(testGenesis).Verify([]Tx{tx}, verdicts)
		if one := VerifyOne(&tx, testGenesis); one != verdicts[0] {
			t.Fatalf("alone %v, in a batch %v", one, verdicts[0])
		}
		CheckTx(&tx, p)
	})
}

func TestNamesOfRejections(t *testing.T) {
	seen := map[string]Reject{}
	for r := range rejectNames {
		if other, ok := seen[r.String()]; ok {
			t.Errorf("%d and %d are both %q", r, other, r)
		}
		seen[r.String()] = r
	}
	if got := Reject(200).Error(); got != "reject(200)" {
		t.Errorf("unknown kind: %q", got)
	}
}

func TestStrings(t *testing.T) {
	h := Hash{0: 0xab, 31: 0x01}
	if got := h.String(); got != "01"+strings.Repeat("00", 30)+"ab" {
		t.Errorf("hash %s", got)
	}
	for s, want := range map[Scheme]string{SchemeNone: "none", SchemeEd25519: "ed25519", SchemeSecp256k1: "secp256k1", 9: "unknown"} {
		if s.String() != want {
			t.Errorf("scheme %d is %q", s, s)
		}
	}
}
