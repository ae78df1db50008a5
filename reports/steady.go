package reports

import (
	"fmt"
	"strings"

	"github.com/chaindyno/chaindyno/reports/result"
)

// steadyWord is the verdict on the steady window in a word or two.
func steadyWord(s result.Steady) string {
	switch s.State {
	case result.SteadyYes:
		return "yes"
	case result.SteadyUnknown:
		return "unknown"
	case result.SteadyWarming, result.SteadyNo:
		if s.Varying {
			return "no"
		}
		return "NO"
	}
	return absent
}

// steadySentence explains it.
func steadySentence(s result.Steady) string {
	var parts []string
	for _, x := range s.Series {
		parts = append(parts, steadySeriesNote(x, s.BlocksNeeded))
	}
	if len(parts) == 0 {
		return "not worked out for this run"
	}
	text := strings.Join(parts, "; ")
	if s.Varying {
		text += "; the schedule itself changes its rate"
	}
	return text
}

func steadySeriesNote(x result.SteadySeries, needed int) string {
	name := steadyNames[x.Name]
	if name == "" {
		name = x.Name
	}
	switch x.State {
	case result.SteadyUnknown:
		return fmt.Sprintf("%s: %s, and %d are needed", name, plural(x.Blocks, "block"), needed)
	case result.SteadyNo:
		return fmt.Sprintf("%s: still changing at %s, past half of the window", name, formatNs(x.FromNs))
	case result.SteadyWarming:
		return fmt.Sprintf("%s: only from %s on, %s there instead of %s", name, formatNs(x.FromNs), rounded(x.After, x.Unit), rounded(x.Whole, x.Unit))
	}
	if x.Cut == 0 {
		return fmt.Sprintf("%s: over all %s", name, plural(x.Blocks, "block"))
	}
	return fmt.Sprintf("%s: the first %d of %s make a difference of %s only", name, x.Cut, plural(x.Blocks, "block"), strings.TrimLeft(change(x.Whole, x.After), "+-"))
}

var steadyNames = map[string]string{"throughput": "throughput", "commit": "mean time to inclusion"}

// change is the way from a to b in percent.
func change(a, b float64) string {
	if a == 0 {
		return absent
	}
	return fmt.Sprintf("%+.1f %%", 100*(b/a-1))
}

// steadyTable shows what MSER-5 cut and what difference that makes.
func steadyTable(s result.Steady) *table {
	if len(s.Series) == 0 {
		return nil
	}
	t := &table{
		Head: head("steady", "figure, by the block", "#blocks", "#cut by MSER-5", "#steady from", "#mean of the window", "#95 % interval", "#mean from there on", "#change"),
		Note: "Cut blocks belong to the warm-up still. They matter where the mean without them is out of the interval and more than 2 % off; nothing else in this report leaves them out.",
	}
	for _, x := range s.Series {
		name := steadyNames[x.Name]
		if name == "" {
			name = x.Name
		}
		interval := absent
		if x.Low != 0 || x.High != 0 {
			interval = rounded(x.Low, x.Unit) + " to " + rounded(x.High, x.Unit)
		}
		t.Rows = append(t.Rows, row{Cells: []cell{
			steadyMark(x.State, s.Varying), key(name), number(formatCount(x.Blocks)), number(formatCount(x.Cut)), number(formatNs(x.FromNs)),
			number(rounded(x.Whole, x.Unit)), number(interval), number(rounded(x.After, x.Unit)), number(change(x.Whole, x.After)),
		}})
	}
	return t
}

func steadyMark(state string, varying bool) cell {
	switch {
	case state == result.SteadyYes:
		return cell{Text: "✓ steady", Class: "ok"}
	case state == result.SteadyUnknown:
		return words("? too few blocks")
	case varying:
		return words("the load changes")
	case state == result.SteadyNo:
		return cell{Text: "✗ no steady state", Class: "no"}
	}
	return cell{Text: "✗ warm-up too short", Class: "no"}
}
