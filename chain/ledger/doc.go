// Package ledger holds the values of the reference chain and the rules over
// them: canonical encoding, signatures, Merkle trees, network parameters and
// the checks of transactions and blocks. It knows no clock and does no I/O;
// the only goroutines are those that derive development keys, and they end
// before the call returns.
package ledger
