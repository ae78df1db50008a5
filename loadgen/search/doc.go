// Package search finds the highest rate at which a system keeps its SLO. It is
// pure over a function that carries out one trial, a whole run at one rate:
//
//	find      double from the start rate with short trials, or halve, until one
//	          rate passes and one fails. A failure counts once a long trial has
//	          failed as well: few blocks make noisy figures
//	bisect    between the two, at the geometric mean, with long trials, until the
//	          bracket is as narrow as asked
//	confirm   the lower end with several full runs, all of which must pass; where
//	          one fails it is the new upper end, and the search goes on below
//	recheck   the upper end with one full run, where it has not failed one yet;
//	          where it passes it is the new lower end, and the search goes on above
//
// Two invariants hold throughout: every rate that is known to pass is below
// every rate that is known not to, and two neighbours among those that pass are
// never more than a factor of two apart, so that each bisection takes a known
// number of steps.
//
// A trial that is INVALID says nothing about the chain. It is repeated a few
// times; then its rate bounds the search from above like one that failed, but is
// never called a limit of the chain.
package search
