// Package chain assembles a node of the reference chain: it builds the stages
// and hands the work from one to the next.
//
//	ingest   verified in parallel, in order of arrival
//	pool     free of conflicts, parents before children
//	miner    a template, sealed
//	commit   tree, ledger.Connect, store, state: this package, see commit.go
//	         followers pull from the store by cursor
//
// Config says how, Open builds and recovers, Run drives.
package chain
