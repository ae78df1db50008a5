package search

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chaindyno/chaindyno/reports/result"
)

// Says tells the outcome in one sentence. It claims no more than what runs of
// this length have shown.
func Says(b result.Bracket, p result.CapacityPlan) string {
	b.UpperWhy = strings.TrimPrefix(b.UpperWhy, "the generator was the limit: ") // it is said here
	runs := fmt.Sprintf("%d of %d runs of %v passed", b.Confirmed, p.Confirm, time.Duration(p.FullNs))
	switch b.Outcome {
	case result.CapacityFound:
		return fmt.Sprintf("between %s and %s tx/s: %s at %s/s, and %s/s failed (%s)",
			InFull(b.Lower), InFull(b.Upper), runs, InFull(b.Lower), InFull(b.Upper), b.UpperWhy)
	case result.CapacityAtLeast:
		why := "it asks for no more than " + InFull(p.Limit) + "/s, " + p.LimitWhy
		if b.Upper > 0 {
			why = "at " + InFull(b.Upper) + "/s it was not fit to measure (" + b.UpperWhy + ")"
		}
		return fmt.Sprintf("at least %s tx/s (%s); the generator was the limit: %s", InFull(b.Lower), runs, why)
	case result.CapacityNone:
		return fmt.Sprintf("less than %s tx/s: even the lowest rate that was tried failed (%s)", InFull(b.Upper), b.UpperWhy)
	case result.CapacityInterrupted:
		return "interrupted; " + known(b, p)
	}
	if b.Why == "" {
		return "undecided; " + known(b, p)
	}
	return "undecided: " + b.Why + "; " + known(b, p)
}

// known tells what a search that has no answer knows.
func known(b result.Bracket, p result.CapacityPlan) string {
	full := fmt.Sprintf("%d of the %d runs that would confirm it", b.Confirmed, p.Confirm)
	above := "failed"
	if b.UpperIs == "invalid" {
		above = "was INVALID"
	}
	switch {
	case b.Lower > 0 && b.Upper > 0:
		return fmt.Sprintf("%s tx/s passed (%s), and %s tx/s %s (%s)", InFull(b.Lower), full, InFull(b.Upper), above, b.UpperWhy)
	case b.Lower > 0:
		return fmt.Sprintf("%s tx/s passed (%s), and no higher rate has failed so far", InFull(b.Lower), full)
	case b.Upper > 0:
		return fmt.Sprintf("%s tx/s %s (%s), and no lower rate has passed so far", InFull(b.Upper), above, b.UpperWhy)
	}
	return "nothing is known yet"
}

// InFull writes a rate with all its digits, and commas between thousands.
func InFull(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	whole, fraction := s, ""
	for i := range s {
		if s[i] == '.' {
			whole, fraction = s[:i], s[i:]
		}
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return whole + fraction
}
