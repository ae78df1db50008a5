package ledger

import (
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
	"pgregory.net/rapid"
)

var testGenesis = Hash{1, 2, 3}

// transfer returns a valid transfer with the given numbers of inputs and
// outputs, of keys that depend on seed.
func transfer(s Scheme, seed uint32, inputs, outputs int) []byte {
	var ins []Spend
	for i := range inputs {
		prev := OutPoint{TxID: Hash{byte(seed), byte(seed >> 8), byte(seed >> 16)}, Index: uint32(i)}
		ins = append(ins, Spend{Prev: prev, Key: DevKey(9, s, seed+uint32(i))})
	}
	outs := make([]Output, outputs)
	for i := range outs {
		outs[i] = Output{Value: uint64(i + 1)}
	}
	return AppendTransfer(nil, testGenesis, ins, outs)
}

func parseOne(t interface{ Fatal(...any) }, raw []byte) Tx {
	tx, rest, err := ParseTx(raw, MaxTxBytes)
	if err != nil || len(rest) != 0 {
		t.Fatal("transaction does not parse: ", err)
	}
	return tx
}

// forge returns a transfer whose only input has the given key and the
// signature that make returns for its digest.
func forge(t *testing.T, s Scheme, key []byte, sign func(digest Hash) []byte) Tx {
	t.Helper()
	raw := transfer(s, 1, 1, 1)
	tx := parseOne(t, raw)
	copy(tx.In(0).Key, key)
	digest := tx.SigHash(testGenesis)
	copy(tx.In(0).Sig, sign(digest))
	return parseOne(t, raw)
}

// The eight points of small order, as they are canonically encoded, and
// encodings of the same points that are not canonical.
var (
	smallOrder = []string{
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	}
	notCanonical = []string{
		"0100000000000000000000000000000000000000000000000000000000000080", // minus zero
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p + 1
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	}
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// signer with the secret scalar at hand, to make signatures that no honest
// signer makes.
type crooked struct {
	a, r scalar.Scalar
}

func newCrooked() *crooked {
	c := &crooked{}
	c.a.SetUint64(123456789)
	c.r.SetUint64(987654321)
	return c
}

func point(t *testing.T, encoded []byte) *curve.EdwardsPoint {
	t.Helper()
	var c curve.CompressedEdwardsY
	p := curve.NewEdwardsPoint()
	if _, err := c.SetBytes(encoded); err != nil {
		t.Fatal(err)
	}
	if _, err := p.SetCompressedY(&c); err != nil {
		t.Fatal(err)
	}
	return p
}

func encode(p *curve.EdwardsPoint) []byte {
	var c curve.CompressedEdwardsY
	return slices.Clone(c.SetEdwardsPoint(p)[:])
}

func times(s *scalar.Scalar) *curve.EdwardsPoint {
	return curve.NewEdwardsPoint().MulBasepoint(curve.ED25519_BASEPOINT_TABLE, s)
}

// sign returns (R, r + k a) for any encodings of R and A.
func (c *crooked) sign(r *scalar.Scalar, encodedR, key []byte, digest Hash) []byte {
	sum := sha512.Sum512(slices.Concat(encodedR, key, digest[:]))
	var k, s scalar.Scalar
	if _, err := k.SetBytesModOrderWide(sum[:]); err != nil {
		panic(err)
	}
	s.Add(r, k.Mul(&k, &c.a))
	sig := make([]byte, SigSize)
	copy(sig, encodedR)
	if err := s.ToBytes(sig[32:]); err != nil {
		panic(err)
	}
	return sig
}

// addOrder adds L to the S of a signature.
func addOrder(sig []byte) []byte {
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	le := slices.Clone(sig[32:])
	slices.Reverse(le)
	n := new(big.Int).SetBytes(le)
	b := n.Add(n, order).FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return append(slices.Clone(sig[:32]), b...)
}

type edgeCase struct {
	name  string
	tx    Tx
	valid bool
}

// edgeCases are signatures on which implementations of Ed25519 disagree, and
// the verdict of our rule.
func edgeCases(t *testing.T) []edgeCase {
	c := newCrooked()
	honest, nonce := encode(times(&c.a)), encode(times(&c.r))
	var zero scalar.Scalar
	var cases []edgeCase
	add := func(name string, valid bool, key []byte, sign func(Hash) []byte) {
		cases = append(cases, edgeCase{name, forge(t, SchemeEd25519, key, sign), valid})
	}
	plain := func(r *scalar.Scalar, encodedR, key []byte) func(Hash) []byte {
		return func(d Hash) []byte { return c.sign(r, encodedR, key, d) }
	}
	add("honest", true, honest, plain(&c.r, nonce, honest))
	add("S + L", false, honest, func(d Hash) []byte { return addOrder(c.sign(&c.r, nonce, honest, d)) })
	add("wrong S", false, honest, func(d Hash) []byte { return c.sign(&c.a, nonce, honest, d) })
	add("R not on the curve", false, honest, plain(&c.r, append([]byte{2}, make([]byte, 31)...), honest))
	add("A not on the curve", false, append([]byte{2}, make([]byte, 31)...), plain(&c.r, nonce, honest))
	add("all zero", false, make([]byte, 32), func(Hash) []byte { return make([]byte, SigSize) })
	for i, small := range smallOrder {
		torsion := point(t, unhex(t, small))
		mixedA := encode(curve.NewEdwardsPoint().Add(times(&c.a), torsion))
		mixedR := encode(curve.NewEdwardsPoint().Add(times(&c.r), torsion))
		add(fmt.Sprint("small-order R ", i), true, honest, plain(&zero, unhex(t, small), honest))
		add(fmt.Sprint("torsion in A ", i), true, mixedA, plain(&c.r, nonce, mixedA))
		add(fmt.Sprint("torsion in R ", i), true, honest, plain(&c.r, mixedR, honest))
		add(fmt.Sprint("torsion in both ", i), true, mixedA, plain(&c.r, mixedR, mixedA))
		// With A of small order and R = [r]B, S = r satisfies the cofactored
		// equation for any message.
		add(fmt.Sprint("small-order A ", i), false, unhex(t, small), func(Hash) []byte {
			sig := append(slices.Clone(nonce), make([]byte, 32)...)
			_ = c.r.ToBytes(sig[32:])
			return sig
		})
	}
	for i, s := range notCanonical {
		encoded := unhex(t, s)
		add(fmt.Sprint("R not canonical ", i), false, honest, plain(&zero, encoded, honest))
		add(fmt.Sprint("A not canonical ", i), false, encoded, func(Hash) []byte {
			sig := append(slices.Clone(nonce), make([]byte, 32)...)
			_ = c.r.ToBytes(sig[32:])
			return sig
		})
	}
	return cases
}

// One rule: alone, by the library's own single verification, and anywhere in a
// batch of any size the verdict is the same.
func TestEdgeCasesHaveOneVerdict(t *testing.T) {
	cases := edgeCases(t)
	for _, tc := range cases {
		want := verdictOf(tc.valid)
		if got := VerifyOne(&tc.tx, testGenesis); got != want {
			t.Errorf("%s: alone %v, want %v", tc.name, got, want)
		}
		in, digest := tc.tx.In(0), tc.tx.SigHash(testGenesis)
		opts := &ed25519.Options{Verify: ed25519.VerifyOptionsDefault}
		if got := ed25519.VerifyWithOptions(in.Key, digest[:], in.Sig, opts); got != tc.valid {
			t.Errorf("%s: the library says %v", tc.name, got)
		}
		for _, n := range []int{1, 7, 8, 40, 100} {
			checkAmong(t, tc, n)
		}
	}
	checkAllTogether(t, cases)
}

func verdictOf(valid bool) Reject {
	if valid {
		return RejectNone
	}
	return RejectSignature
}

// checkAmong verifies a case within n transactions that are valid, with a
// verifier that expects few wrong ones.
func checkAmong(t *testing.T, tc edgeCase, n int) {
	t.Helper()
	txs := make([]Tx, n)
	for i := range txs {
		txs[i] = parseOne(t, transfer(SchemeEd25519, uint32(i), 1, 1))
	}
	at := n / 3
	txs[at] = tc.tx
	verdicts := make([]Reject, n)
	NewVerifier(testGenesis).Verify(txs, verdicts)
	for i, got := range verdicts {
		want := RejectNone
		if i == at {
			want = verdictOf(tc.valid)
		}
		if got != want {
			t.Errorf("%s at %d of %d: verdict %d is %v, want %v", tc.name, at, n, i, got, want)
		}
	}
}

// checkAllTogether verifies the accepted edge cases in one batch: torsion
// must not add up to a refusal.
func checkAllTogether(t *testing.T, cases []edgeCase) {
	t.Helper()
	var txs []Tx
	for _, tc := range cases {
		if tc.valid {
			txs = append(txs, tc.tx)
		}
	}
	verdicts := make([]Reject, len(txs))
	v := NewVerifier(testGenesis)
	v.Verify(txs, verdicts)
	if i := slices.IndexFunc(verdicts, func(r Reject) bool { return r != RejectNone }); i >= 0 {
		t.Errorf("%d valid edge cases together: %d is %v", len(txs), i, verdicts[i])
	}
	if v.batch.wrong != 0 {
		t.Error("a group of valid signatures failed")
	}
}

func TestSecp256k1Rule(t *testing.T) {
	order, _ := new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	key := DevKey(9, SchemeSecp256k1, 1)
	sign := func(change func(sig []byte)) func(Hash) []byte {
		return func(d Hash) []byte {
			sig := make([]byte, SigSize)
			key.Sign(sig, d)
			change(sig)
			return sig
		}
	}
	for _, tc := range []struct {
		name   string
		key    func(k []byte)
		change func(sig []byte)
		valid  bool
	}{
		{"honest", nil, func([]byte) {}, true},
		{"high S", nil, func(sig []byte) {
			s := new(big.Int).SetBytes(sig[32:])
			s.Sub(order, s).FillBytes(sig[32:])
		}, false},
		{"r = 0", nil, func(sig []byte) { clear(sig[:32]) }, false},
		{"s = 0", nil, func(sig []byte) { clear(sig[32:]) }, false},
		{"r = n", nil, func(sig []byte) { order.FillBytes(sig[:32]) }, false},
		{"s = n", nil, func(sig []byte) { order.FillBytes(sig[32:]) }, false},
		{"flipped bit", nil, func(sig []byte) { sig[5] ^= 1 }, false},
		{"other parity", func(k []byte) { k[0] ^= 1 }, func([]byte) {}, false},
		{"hybrid prefix", func(k []byte) { k[0] += 4 }, func([]byte) {}, false},
		{"x not on the curve", func(k []byte) { clear(k[1:]); k[32] = 5 }, func([]byte) {}, false},
		{"x over the field", func(k []byte) { copy(k[1:], slices.Repeat([]byte{255}, 32)) }, func([]byte) {}, false},
	} {
		pub := slices.Clone(key.Public())
		if tc.key != nil {
			tc.key(pub)
		}
		tx := forge(t, SchemeSecp256k1, pub, sign(tc.change))
		if got := VerifyOne(&tx, testGenesis); got != verdictOf(tc.valid) {
			t.Errorf("%s: %v", tc.name, got)
		}
		verdicts := make([]Reject, 1)
		if NewVerifier(testGenesis).Verify([]Tx{tx}, verdicts); verdicts[0] != verdictOf(tc.valid) {
			t.Errorf("%s by a Verifier: %v", tc.name, verdicts[0])
		}
	}
}

// pool is a choice of transactions, valid and not, with verdicts found one by
// one.
func verifiedPool(t *testing.T) (txs []Tx, verdicts []Reject) {
	for i := range 40 {
		scheme, inputs := SchemeEd25519, 1+i%3
		if i%10 == 9 {
			scheme = SchemeSecp256k1
		}
		raw := transfer(scheme, uint32(100+i), inputs, 2)
		if i >= 20 { // damage one input in key or signature
			tx := parseOne(t, raw)
			in := tx.In(i % inputs)
			if i%4 == 0 {
				in.Key[i%32] ^= 4
			} else {
				in.Sig[i%64] ^= 4
			}
		}
		tx := parseOne(t, raw)
		txs, verdicts = append(txs, tx), append(verdicts, VerifyOne(&tx, testGenesis))
	}
	coinbase := parseOne(t, AppendCoinbase(nil, 1, 2, []Output{{Value: 3}}))
	return append(txs, coinbase), append(verdicts, RejectNone)
}

func TestVerifierAgreesWithVerifyOne(t *testing.T) {
	choice, known := verifiedPool(t)
	good := known[:20]
	if slices.Contains(good, RejectSignature) || slices.Contains(known[20:40], RejectNone) {
		t.Fatal("the damage does not decide the verdict")
	}
	// Reused over all cases, so that it passes through every state.
	verifiers := []*Verifier{NewVerifier(testGenesis), NewCachingVerifier(testGenesis, 10)}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 2, 8, 30, 200}).Draw(t, "n")
		badIn := rapid.SampledFrom([]int{1, 3, 30, 1000}).Draw(t, "one bad in")
		txs, want, before := make([]Tx, n), make([]Reject, n), make([]Reject, n)
		for i := range txs {
			from, to := 0, 19
			if rapid.IntRange(1, badIn).Draw(t, "bad") == 1 {
				from, to = 20, len(choice)-1
			}
			at := rapid.IntRange(from, to).Draw(t, "tx")
			txs[i], want[i] = choice[at], known[at]
			if rapid.IntRange(0, 9).Draw(t, "settled") == 0 {
				before[i], want[i] = RejectValue, RejectValue
			}
		}
		got := slices.Clone(before)
		verifiers[rapid.IntRange(0, 1).Draw(t, "verifier")].Verify(txs, got)
		if !slices.Equal(got, want) {
			t.Fatalf("verdicts %v, want %v", got, want)
		}
	})
}

// The loss to failed groups stays within its bound wherever the wrong
// signatures are, and every one is found.
func TestLossIsBounded(t *testing.T) {
	valid, wrong := edPair(t)
	b := edBatch{equation: newEdEquation()}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{1, 8, 9, 63, 64, 65, 300, 2300}).Draw(t, "n")
		every := rapid.SampledFrom([]int{1, 2, 7, 16, 64, 200, 5000}).Draw(t, "every")
		offset := rapid.IntRange(0, every-1).Draw(t, "offset")
		b.wrong = rapid.SampledFrom([]float64{0, 0.001, 0.01, 0.2, 1}).Draw(t, "expected")
		b.sigs = b.sigs[:0]
		want := make([]bool, n)
		for i := range n {
			sig := valid
			if want[i] = i%every == offset; want[i] {
				sig = wrong
			}
			b.sigs = append(b.sigs, sig)
		}
		b.verify()
		if !slices.Equal(b.bad, want) {
			t.Fatalf("found %v, want %v", b.bad, want)
		}
		if b.loss < 0 || b.wrong < 0 || b.wrong > 1 {
			t.Fatalf("loss passed its bound by %d; share %v", -b.loss, b.wrong)
		}
	})
}

// edPair returns a valid and a wrong signature, prepared.
func edPair(t *testing.T) (valid, wrong edSig) {
	tx := parseOne(t, transfer(SchemeEd25519, 1, 1, 1))
	in, digest := tx.In(0), tx.SigHash(testGenesis)
	if !valid.prepare(in.Key, in.Sig, &digest) || !wrong.prepare(in.Key, in.Sig, &Hash{}) || wrong.valid() {
		t.Fatal("signatures are not what they should be")
	}
	return valid, wrong
}

// The share of wrong signatures settles the size of groups: large again when
// an attack has ended.
func TestGroupsFollowTheShare(t *testing.T) {
	valid, wrong := edPair(t)
	b := edBatch{equation: newEdEquation()}
	feed := func(total, every int) {
		for at := 0; at < total; at += 512 {
			b.sigs = b.sigs[:0]
			for i := range 512 {
				if every > 0 && (at+i)%every == 0 {
					b.sigs = append(b.sigs, wrong)
				} else {
					b.sigs = append(b.sigs, valid)
				}
			}
			b.verify()
		}
	}
	for _, step := range []struct{ total, every, want int }{
		{2048, 0, batchMax}, {2048, 2, 1}, {4096, 20, 1}, {6144, 100, 2 * batchMin}, {8192, 600, batchMid}, {12288, 0, batchMax},
	} {
		if feed(step.total, step.every); groupFor(b.wrong) != step.want {
			t.Errorf("one wrong in %d: groups of %d, want %d (share %.5f)", step.every, groupFor(b.wrong), step.want, b.wrong)
		}
	}
}
