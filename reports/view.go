package reports

import (
	"math"
	"slices"
	"strconv"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/result"
)

// view is a run with what several sections need of it, worked out once.
type view struct {
	*result.Run
	limits  budget
	totals  []result.Sample // all workers and kinds, by second
	latency *latencySeries  // nil where no interval was recorded
	end     float64         // of the time axis, seconds
}

func newView(r *result.Run, limits budget) *view {
	v := &view{Run: r, limits: limits, totals: totals(r.Series)}
	v.latency = newLatencySeries(r.Intervals)
	v.end = seconds(max(r.Run.DrainEndNs, r.Run.LoadEndNs))
	if n := len(v.totals); n > 0 {
		v.end = max(v.end, seconds(v.totals[n-1].TNs))
	}
	v.end = max(v.end, 1)
	return v
}

func seconds(ns int64) float64 { return float64(ns) / 1e9 }

// totals returns the samples over all workers and kinds: those that the
// recorder wrote, or else the sums over workers. Quantiles can't be added up,
// so sums have none.
func totals(series []result.Sample) []result.Sample {
	all := slices.DeleteFunc(slices.Clone(series), func(s result.Sample) bool { return s.Worker != "" || s.Kind != "" })
	if len(all) > 0 {
		return all
	}
	all = slices.DeleteFunc(slices.Clone(series), func(s result.Sample) bool { return s.Kind != "" })
	if !slices.ContainsFunc(all, func(s result.Sample) bool { return s.Worker != all[0].Worker }) {
		return all // there is one worker only
	}
	all = nil
	byTime := map[int64]*result.Sample{}
	for _, s := range series {
		if s.Kind != "" {
			continue
		}
		sum, ok := byTime[s.TNs]
		if !ok {
			sum = &result.Sample{TNs: s.TNs, Phase: s.Phase, IncludeP50Ns: -1, IncludeP90Ns: -1, IncludeP99Ns: -1, IncludeP999Ns: -1, IncludeMaxNs: -1, AckP99Ns: -1, DispatchLagP99Ns: -1}
			byTime[s.TNs] = sum
		}
		addSample(sum, s)
	}
	for _, s := range byTime {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b result.Sample) int { return int(min(max(a.TNs-b.TNs, -1), 1)) })
	return all
}

func addSample(sum *result.Sample, s result.Sample) {
	sum.Offered += s.Offered
	sum.Sent += s.Sent
	sum.Accepted += s.Accepted
	sum.Included += s.Included
	sum.Rejected += s.Rejected
	sum.Unknown += s.Unknown
	sum.Dropped += s.Dropped
	sum.InFlight += s.InFlight
	sum.Pool = max(sum.Pool, s.Pool) // each worker sees the same pool
	sum.IncludeMaxNs = max(sum.IncludeMaxNs, s.IncludeMaxNs)
}

// shortest is the least length of an interval, in seconds, over which a rate
// is drawn. The last one of a run can be of any length, and a handful of
// transactions over a microsecond would be a spike of millions a second.
const shortest = 0.25

// rates turns a counter into rates per second at the middles of the intervals.
// A shorter one than shortest is counted into the one before it.
func rates(samples []result.Sample, counter func(*result.Sample) uint64) (x, y []float64) {
	from, to, sum := 0.0, 0.0, 0.0
	for i := range samples {
		t := seconds(samples[i].TNs)
		n := float64(counter(&samples[i]))
		if last := len(x) - 1; last >= 0 && t-to < shortest {
			sum, to = sum+n, t
			x[last], y[last] = (from+to)/2, sum/(to-from)
			continue
		}
		from, to, sum = to, t, n
		if i == 0 {
			from = max(0, t-1)
		}
		if to > from {
			x, y = append(x, (from+to)/2), append(y, sum/(to-from))
		}
	}
	return x, y
}

// timePlot begins a chart over the time of the run, with its phases and faults
// shaded.
func (v *view) timePlot(title, unit string, height int, y chart.Scale) *chart.Plot {
	p := &chart.Plot{
		X: chart.Scale{Min: 0, Max: v.end}, Y: y, Height: height, Title: title, Time: true,
		XLabel: "time since the start", YLabel: unit,
	}
	p.XTicks = chart.Times(p.X, 8)
	v.shade(p)
	return p
}

// most phases and faults to shade; a chart with more would be all shade.
const maxShades = 40

func (v *view) shade(p *chart.Plot) {
	if from := seconds(v.Run.Run.SteadyFromNs); from > 0 {
		p.Span("warmup", 0, min(from, v.end), "warm-up")
	}
	if to := seconds(v.Run.Run.SteadyToNs); to > 0 && to < v.end {
		p.Span("drain", to, v.end, "drain")
	}
	for i, f := range v.Faults {
		if i >= maxShades {
			break
		}
		label := cut(f.Kind, 18)
		if i > 0 && seconds(f.AtNs-v.Faults[i-1].AtNs) < v.end/12 {
			label = "" // would lie on the one before
		}
		p.Span("fault", seconds(f.AtNs), seconds(f.UntilNs), label)
	}
}

// shadeLegend explains the shades that a chart has.
func (v *view) shadeLegend() []legendItem {
	var items []legendItem
	if v.Run.Run.SteadyFromNs > 0 {
		items = append(items, legend(swatchArea, "warmup", "warm-up"))
	}
	if to := v.Run.Run.SteadyToNs; to > 0 && seconds(to) < v.end {
		items = append(items, legend(swatchArea, "drain", "drain"))
	}
	if len(v.Faults) > 0 {
		items = append(items, legend(swatchArea, "fault", "fault"))
	}
	return items
}

// linear is a scale from 0 to a round number above the greatest value.
func linear(values ...[]float64) chart.Scale {
	top := 0.0
	for _, vs := range values {
		for _, v := range vs {
			if !math.IsNaN(v) {
				top = max(top, v)
			}
		}
	}
	return chart.Scale{Min: 0, Max: chart.NiceMax(top*1.04, 5)}
}

// logScale spans all positive values with a little room.
func logScale(values ...[]float64) chart.Scale {
	low, high := math.Inf(1), 0.0
	for _, vs := range values {
		for _, v := range vs {
			if v > 0 {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if high == 0 {
		return chart.Scale{Min: 1, Max: 10, Log: true}
	}
	return chart.Scale{Min: low / 1.25, Max: high * 1.25, Log: true}
}

func tickNs(v float64) string     { return formatNs(int64(math.Round(v))) }
func tickNumber(v float64) string { return formatNumber(v) }

// The cells of data tables: seconds, milliseconds and numbers as a spreadsheet
// takes them, empty for a gap.
func cellSeconds(v float64) string { return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64) }

func cellNumber(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

func cellMs(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(math.Round(v/1e3)/1e3, 'f', -1, 64)
}

func timeColumn(x []float64) dataColumn {
	return dataColumn{name: "time (s)", values: x, write: cellSeconds}
}
