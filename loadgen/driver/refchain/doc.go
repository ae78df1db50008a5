// Package refchain drives the reference chain over its wire. It is the only
// package of the generator that knows the chain.
//
// A lane owns development outputs whose keys everybody can derive. Its first
// transaction spends them; the first outputs of each transaction are change to
// the lane's own keys, which the next one spends, so that a lane is a chain of
// spends that is built without asking anybody.
package refchain
