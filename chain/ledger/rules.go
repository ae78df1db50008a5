package ledger

import "time"

// HeaderVersion is the only one there is.
const HeaderVersion = 1

// MaxAhead is how far a header's time may be ahead of the local clock.
const MaxAhead = 2 * time.Second

// CheckTx checks what needs neither the output set nor signatures: the
// transaction is no coinbase and within MaxTxBytes, no output is zero, the sum
// of outputs is within MaxMoney, and no output is spent twice.
func CheckTx(tx *Tx, p *Params) Reject {
	if tx.IsCoinbase() {
		return RejectCoinbase
	}
	if tx.Size() > MaxTxBytes {
		return RejectTooLarge
	}
	if _, reject := sumOutputs(tx, p); reject != RejectNone {
		return reject
	}
	if spendsTwice(tx) {
		return RejectInputTwice
	}
	return RejectNone
}

// sumOutputs adds up the outputs. No sum passes MaxMoney, so none overflows
// (CVE-2010-5139). Only a coinbase may pay nothing: a block without subsidy
// and fees needs an output, too.
func sumOutputs(tx *Tx, p *Params) (sum uint64, reject Reject) {
	for i := range tx.Outputs() {
		value := tx.Out(i).Value
		next, ok := addMoney(sum, 1, value, p.MaxMoney)
		if !ok || value == 0 && !tx.IsCoinbase() {
			return 0, RejectValue
		}
		sum = next
	}
	return sum, RejectNone
}

// fewInputs is up to how many inputs comparing all pairs beats a map.
const fewInputs = 16

func spendsTwice(tx *Tx) bool {
	n := tx.Inputs()
	if n > fewInputs {
		return spendsTwiceMany(tx)
	}
	for i := 1; i < n; i++ {
		prev := tx.Prev(i)
		for j := range i {
			if tx.Prev(j) == prev {
				return true
			}
		}
	}
	return false
}

func spendsTwiceMany(tx *Tx) bool {
	seen := make(map[OutPoint]struct{}, tx.Inputs())
	for i := range tx.Inputs() {
		seen[tx.Prev(i)] = struct{}{}
	}
	return len(seen) < tx.Inputs()
}

// CheckSpend checks that input i of tx, in a block at height, may spend the
// output e: the key is the one that e names, and a coinbase has matured. The
// genesis coinbase may be spent at once.
func CheckSpend(tx *Tx, i int, e Entry, height uint32, p *Params) Reject {
	if e.Coinbase && e.Height != 0 && uint64(height) < uint64(e.Height)+uint64(p.Maturity) {
		return RejectImmature
	}
	if HashKey(tx.Scheme(), tx.In(i).Key) != e.Key {
		return RejectKeyMismatch
	}
	return RejectNone
}

// CheckHeaderTime checks that the header is not older than the median of the
// last 11, and at most MaxAhead after nowUnits, the local clock in the
// network's units.
func CheckHeaderTime(h *Header, median uint32, nowUnits uint32, p *Params) Reject {
	switch {
	case h.Time < median:
		return RejectTimeOld
	case uint64(h.Time) > uint64(nowUnits)+uint64(MaxAhead/p.TimeUnit):
		return RejectTimeNew
	}
	return RejectNone
}

// CheckBlock checks what needs neither the output set nor signatures nor the
// headers before: bounds, Merkle root, the coinbase's place and every
// transaction by CheckTx. Whether the list belongs to the header is decided
// first, so that of the rejections only those for which
// Reject.CondemnsHeader holds speak about the header.
func CheckBlock(b *Block, p *Params) Reject {
	switch {
	case b.Header.Version != HeaderVersion:
		return RejectVersion
	case len(b.Txs) == 0:
		return RejectEmpty
	case len(b.Txs) > p.MaxBlockTxs || b.Size() > p.MaxBlockBytes:
		return RejectBlockSize
	}
	root, mutated := MerkleRoot(b.IDs())
	switch {
	case root != b.Header.Merkle:
		return RejectMerkle
	case mutated:
		return RejectMutated
	}
	return checkBlockTxs(b.Txs, p)
}

func checkBlockTxs(txs []Tx, p *Params) Reject {
	coinbase := &txs[0]
	if !coinbase.IsCoinbase() {
		return RejectCoinbase
	}
	// Only a genesis is at height 0, and Connect knows the one that there is.
	if coinbase.Size() > MaxTxBytes && coinbase.CoinbaseHeight() != 0 {
		return RejectTooLarge
	}
	for i := 1; i < len(txs); i++ {
		if reject := CheckTx(&txs[i], p); reject != RejectNone {
			return reject
		}
	}
	return RejectNone
}
