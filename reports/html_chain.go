package reports

import (
	"fmt"
	"math"
	"slices"

	"github.com/chaindyno/chaindyno/internal/chart"
	"github.com/chaindyno/chaindyno/reports/result"
)

// maxDots is how many blocks are drawn one by one; more are drawn as a curve
// with its band.
const maxDots = 2000

func blocksSection(v *view) section {
	blocks := seenBlocks(v.Blocks)
	if len(blocks) == 0 {
		return section{}
	}
	full := &figure{
		ID: "fig-blocks", Title: "Transactions per block",
		How: "How to read: each dot is a block, at the time it was seen; × is a block that was abandoned. Blocks that get fuller and fuller mean that the chain is near its limit.",
	}
	v.drawBlocks(full, blocks, "transactions", func(b result.Block) float64 { return float64(b.Txs) }, tickNumber, cellNumber, linearOf)
	s := section{
		ID: "blocks", Title: "Blocks", Short: "Blocks",
		Lead: fmt.Sprintf("%s, %s empty; %s on average.", plural(v.Chain.Blocks, "block"), formatCount(v.Chain.Empty), plural(int(math.Round(v.Chain.TxsPerBlock)), "transaction")),
	}
	s.Blocks = []block{{Figure: full}}
	if slices.ContainsFunc(blocks, func(b result.Block) bool { return b.Limit > 0 }) {
		f := &figure{
			ID: "fig-fullness", Title: "Fullness of blocks",
			How: "How to read: 100 % is the limit of a block (in " + orWord(cut(v.Chain.Unit, 20), "its unit") + "); dots at the top mean that transactions had to wait for room.",
		}
		v.drawBlocks(f, blocks, "% of the limit", fullness, tickNumber, cellNumber, percentOf)
		s.Blocks = append(s.Blocks, block{Figure: f})
	}
	gaps := &figure{
		ID: "fig-intervals", Title: "Interval between blocks",
		How: "How to read: each dot is the time from the block before to this one, as the node measured it; no transaction can commit faster than its block comes.",
	}
	v.drawBlocks(gaps, blocks, "interval", func(b result.Block) float64 { return float64(b.IntervalNs) }, tickNs, cellMs, linearOf)
	s.Blocks = append(s.Blocks, block{Figure: gaps}, block{Facts: chainFacts(v.Chain)})
	return s
}

func orWord(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// seenBlocks are those with a time, in its order.
func seenBlocks(blocks []result.Block) []result.Block {
	seen := slices.DeleteFunc(slices.Clone(blocks), func(b result.Block) bool { return b.SeenNs < 0 })
	slices.SortStableFunc(seen, func(a, b result.Block) int { return int(min(max(a.SeenNs-b.SeenNs, -1), 1)) })
	return seen
}

func fullness(b result.Block) float64 {
	if b.Limit == 0 {
		return math.NaN()
	}
	return 100 * float64(b.Used) / float64(b.Limit)
}

func linearOf(y []float64) chart.Scale { return linear(y) }

// percentOf shows all of 0 to 100 only where blocks get that full.
func percentOf(y []float64) chart.Scale {
	s := linear(y)
	s.Max = min(s.Max, 100)
	return s
}

func (v *view) drawBlocks(f *figure, blocks []result.Block, unit string, value func(result.Block) float64, tick, write func(float64) string, scale func([]float64) chart.Scale) {
	var x, y, dotX, dotY []float64
	for _, b := range blocks {
		x, y = append(x, seconds(b.SeenNs)), append(y, value(b))
		if b.Status != "orphaned" {
			dotX, dotY = append(dotX, seconds(b.SeenNs)), append(dotY, value(b))
		}
	}
	p := v.timePlot(f.Title, unit, chartHeight-70, scale(y))
	p.YTicks = chart.Linear(p.Y, 4, tick)
	if len(x) <= maxDots {
		p.Dots("dots", dotX, dotY)
		f.Legend = append(f.Legend, legend(swatchDot, "dots", "block"))
	} else {
		p.Line("c-blue", chart.Thin(x, y, v.limits.points))
		f.Legend = append(f.Legend, legend(swatchLine, "c-blue", "blocks, averaged, with their least and greatest"))
		f.How += " These are too many to draw one by one, so the curve is their average and the band reaches from the least to the greatest."
	}
	v.markOrphans(p, f, blocks, value)
	f.Legend = append(f.Legend, v.shadeLegend()...)
	name := unit
	if unit == "interval" {
		name = "interval (ms)"
	}
	f.data(v.limits.rows, x, timeColumn(x), heightColumn(blocks), dataColumn{name: name, class: "dots", values: y, write: write})
	f.SVG = p.SVG()
}

func heightColumn(blocks []result.Block) dataColumn {
	c := dataColumn{name: "height", write: func(v float64) string { return fmt.Sprintf("%.0f", v) }}
	for _, b := range blocks {
		c.values = append(c.values, float64(b.Height))
	}
	return c
}

// maxMarks bounds the marks of orphaned blocks.
const maxMarks = 200

func (v *view) markOrphans(p *chart.Plot, f *figure, blocks []result.Block, value func(result.Block) float64) {
	marked := 0
	for _, b := range blocks {
		if b.Status != "orphaned" || marked >= maxMarks {
			continue
		}
		p.Text("orphan", seconds(b.SeenNs), value(b), 0, 5, "middle", "×")
		marked++
	}
	if marked > 0 {
		f.Legend = append(f.Legend, legendItem{Class: "orphan", Name: "abandoned block", Swatch: `<svg aria-hidden="true" class="chart"><text class="orphan" x="15" y="11" text-anchor="middle">×</text></svg>`})
	}
}

func chainFacts(c result.Chain) []fact {
	facts := []fact{
		{Name: "mean interval", Value: formatNs(c.IntervalMeanNs)},
		{Name: "p99 interval", Value: formatNs(c.IntervalP99Ns)},
		{Name: "reorganisations", Value: fmt.Sprintf("%s, deepest %s, %s abandoned", formatCount(c.Reorgs), formatCount(c.DeepestReorg), plural(c.Orphaned, "block"))},
		{Name: "tip", Value: fmt.Sprintf("%s at height %s", orWord(cut(c.Tip, 80), "unknown"), formatCount(c.Height)), Mono: true},
	}
	if c.Fullness > 0 {
		facts = append(facts, fact{Name: "mean fullness", Value: formatShare(c.Fullness)})
	}
	durable := "no: not every block was synced to disk before it was announced"
	if c.Durable {
		durable = "yes: every block was synced to disk before it was announced"
	}
	return append(facts, fact{Name: "durable", Value: durable})
}

func sealingSection(v *view) section {
	var seals []float64
	for _, b := range v.Blocks {
		if b.SealNs > 0 && b.Hashes > 0 {
			seals = append(seals, float64(b.SealNs))
		}
	}
	if len(v.Chain.Threads) == 0 && len(seals) == 0 {
		return section{}
	}
	s := section{
		ID: "sealing", Title: "Proof of work", Short: "Proof of work",
		Lead: fmt.Sprintf("%s hashes a second on all threads while sealing.", formatNumber(v.Chain.HashesPerS)),
	}
	var parts []block
	if len(v.Chain.Threads) > 0 {
		parts = append(parts, block{Heading: "Hashes by thread", Table: threadTable(v.Chain.Threads)})
	}
	if len(seals) >= 5 {
		f := &figure{
			ID: "fig-seals", Title: "Seal times against the exponential",
			How: "How to read: a search without memory has exponential times, so the steps should follow the dashed curve; a bend away from it means that the search was cut short or held up.",
		}
		drawSeals(f, seals, v.limits)
		parts = append(parts, block{Figure: f})
	}
	if len(parts) > 0 {
		s.Blocks = []block{{Columns: parts}}
	}
	return s
}

func threadTable(threads []result.SealThread) *table {
	t := &table{Head: head("thread", "hashes/s", "#hashes")}
	top := 0.0
	for _, x := range threads {
		top = max(top, x.HashesPerS)
	}
	for _, x := range threads {
		t.Rows = append(t.Rows, row{Cells: []cell{words(formatCount(x.Thread)), withBar(x.HashesPerS/max(top, 1), formatNumber(x.HashesPerS)), number(formatCount(x.Hashes))}})
	}
	return t
}

func drawSeals(f *figure, seals []float64, limits budget) {
	slices.Sort(seals)
	mean := 0.0
	for _, s := range seals {
		mean += s / float64(len(seals))
	}
	top := max(seals[len(seals)-1], 3*mean)
	p := &chart.Plot{X: chart.Scale{Min: 0, Max: top}, Y: chart.Scale{Min: 0, Max: 100}, Height: chartHeight - 40, Title: f.Title, XLabel: "seal time", YLabel: "% of blocks sealed within"}
	p.XTicks = chart.Linear(p.X, 5, tickNs)
	p.YTicks = chart.Linear(p.Y, 5, tickNumber)
	var curveX, curveY []float64
	for i := range 101 {
		x := top * float64(i) / 100
		curveX, curveY = append(curveX, x), append(curveY, 100*(1-math.Exp(-x/mean)))
	}
	share := make([]float64, len(seals))
	expected := make([]float64, len(seals))
	for i := range seals {
		share[i] = 100 * float64(i+1) / float64(len(seals))
		expected[i] = 100 * (1 - math.Exp(-seals[i]/mean))
	}
	thin := chart.Thin(seals, share, limits.points)
	p.Steps("c-blue", slices.Concat([]float64{0}, thin.X), slices.Concat([]float64{0}, thin.Y))
	p.Line("c-ink", chart.Series{X: curveX, Y: curveY})
	f.Legend = []legendItem{legend(swatchLine, "c-blue", "measured"), legend(swatchLine, "c-ink", "exponential with the same mean, "+formatNs(int64(mean)))}
	f.data(min(limits.rows, 400), seals, dataColumn{name: "seal time (ms)", values: seals, write: cellMs},
		dataColumn{name: "measured (%)", class: "c-blue", values: share, write: cellNumber}, dataColumn{name: "exponential (%)", class: "c-ink", values: expected, write: cellNumber})
	f.SVG = p.SVG()
}
