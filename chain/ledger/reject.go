package ledger

import "fmt"

// Reject is a kind of refusal of a transaction or a block. The kinds are
// shared by code, tests, wire and metrics; the numbers are part of the wire
// and never reused. Reject is an error; RejectNone never stands for one.
type Reject uint8 //nolint:errname // see the kinds

// The kinds. Those from RejectBlock on concern blocks.
//
//nolint:errname // a kind is a value on the wire first
const (
	RejectNone         Reject = 0
	RejectBusy         Reject = 1  // a queue or the pool is full; send the same again later
	RejectMalformed    Reject = 2  // not a canonical encoding
	RejectTooLarge     Reject = 3  // over a size or count bound
	RejectSignature    Reject = 4  // a signature or key breaks the rule
	RejectDoubleSpend  Reject = 5  // an input is spent already
	RejectMissingInput Reject = 6  // an input is unknown
	RejectKeyMismatch  Reject = 7  // the key is not the one the output names
	RejectValue        Reject = 8  // outputs over inputs, zero, overflow, or over MaxMoney
	RejectFee          Reject = 9  // fee under the minimum
	RejectImmature     Reject = 10 // a coinbase output, spent too early
	RejectDuplicate    Reject = 11 // known already
	RejectDepth        Reject = 12 // too long a chain of unconfirmed spends
	RejectCoinbase     Reject = 13 // a coinbase where none may be, or a wrong one
	RejectUnauthorized Reject = 14
	RejectInputTwice   Reject = 15 // one transaction spends an output twice (CVE-2018-17144)

	RejectBlock         Reject = 32 // first of the block kinds
	RejectParent        Reject = 33 // the parent is unknown
	RejectWork          Reject = 34 // the hash is over the target
	RejectTarget        Reject = 35 // bits are not what the rule asks for
	RejectTimeOld       Reject = 36 // before the median of the last 11
	RejectTimeNew       Reject = 37 // too far ahead of the local clock
	RejectMerkle        Reject = 38 // the root does not match
	RejectMutated       Reject = 39 // duplicated list with the same root (CVE-2012-2459)
	RejectSubsidy       Reject = 40 // the coinbase pays itself too much
	RejectEmpty         Reject = 41 // no transaction at all
	RejectBlockSize     Reject = 42 // over the block bounds
	RejectVersion       Reject = 43 // unknown header version
	RejectInvalidParent Reject = 44 // builds on a block that was refused
)

var rejectNames = map[Reject]string{
	RejectNone: "none", RejectBusy: "busy", RejectMalformed: "malformed", RejectTooLarge: "too_large",
	RejectSignature: "signature", RejectDoubleSpend: "double_spend", RejectMissingInput: "missing_input",
	RejectKeyMismatch: "key_mismatch", RejectValue: "value", RejectFee: "fee", RejectImmature: "immature",
	RejectDuplicate: "duplicate", RejectDepth: "depth", RejectCoinbase: "coinbase",
	RejectUnauthorized: "unauthorized", RejectInputTwice: "input_twice",
	RejectParent: "parent", RejectWork: "work", RejectTarget: "target", RejectTimeOld: "time_old",
	RejectTimeNew: "time_new", RejectMerkle: "merkle", RejectMutated: "mutated", RejectSubsidy: "subsidy",
	RejectEmpty: "empty", RejectBlockSize: "block_size", RejectVersion: "version",
	RejectInvalidParent: "invalid_parent",
}

func (r Reject) String() string {
	if s, ok := rejectNames[r]; ok {
		return s
	}
	return fmt.Sprintf("reject(%d)", uint8(r))
}

// Error makes a Reject an error.
func (r Reject) Error() string { return r.String() }

// CondemnsHeader says whether a rejection of a block holds for its header,
// too, for ever: whatever list comes with it, and whatever is built on it.
// Those of a list that may not be the header's own (CVE-2012-2459), of the
// local clock and of an unknown parent do not.
func (r Reject) CondemnsHeader() bool {
	switch r {
	case RejectNone, RejectBusy, RejectMalformed, RejectMerkle, RejectMutated, RejectEmpty, RejectBlockSize,
		RejectTimeNew, RejectParent, RejectDuplicate, RejectUnauthorized:
		return false
	}
	return true
}
