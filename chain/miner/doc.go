// Package miner makes blocks: it waits for its pace, takes a template, seals
// it and hands the result on.
//
// The loop, in the one goroutine of Run, which owns everything but the tip:
//
//	due      wait for a tip, then for the pace, or for an order of Seal
//	take     a template from the Source
//	search   the Sealer tries headers; a new tip or Config.Refresh ends it
//	submit   the Chain commits the block and sets the next tip
//	return   the template goes back, unless its block is the tip
//
// A new tip reaches a search without that goroutine: SetTip cancels its
// context.
//
// Pace makes a development chain's blocks come at random, with a mean, while
// the cores are left to what is measured on them. An interval D is drawn on
// each new tip:
//
//	D = PaceMin + Exp(Pace - PaceMin)      mean Pace, never under PaceMin
//
// The block comes later than D: search, commit and a late timer add to it. What
// the own blocks came too late by is taken off later draws, never under
// PaceMin, so that their intervals have the mean Pace as long as that delay is
// on average less than Pace - PaceMin. Beyond that, intervals are PaceMin and
// the delay. Intervals that another miner's block ended are not counted, and
// the wait begins again with a new draw, so that two miners seldom fork.
package miner
