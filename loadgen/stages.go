package loadgen

import (
	"slices"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/reports/result"
)

// nodeStages merges the durations that nodes report with each block seen in
// the steady window. Owner: the follower.
type nodeStages struct {
	from, to int64 // the steady window
	hists    map[string]*hdr.Histogram
	blocks   int
	broken   uint64 // histograms that did not decode or merge whole
}

func (n *nodeStages) merge(stages []driver.StageHistogram, now int64) {
	if now < n.from || now >= n.to || len(stages) == 0 {
		return
	}
	if n.hists == nil {
		n.hists = map[string]*hdr.Histogram{}
	}
	n.blocks++
	for _, s := range stages {
		if !slices.Contains(result.NodeStages, s.Stage) {
			n.broken++
			continue
		}
		h, err := result.DecodeHistogram(s.V2)
		if err != nil {
			n.broken++
			continue
		}
		if n.hists[s.Stage] == nil {
			n.hists[s.Stage] = result.NewHistogram()
		}
		if n.hists[s.Stage].Merge(h) > 0 {
			n.broken++
		}
	}
}

// list returns the histograms in travel order.
func (n *nodeStages) list() []result.Histogram {
	var all []result.Histogram
	for _, stage := range result.NodeStages {
		if h := n.hists[stage]; h != nil {
			all = append(all, result.Histogram{Stage: stage, H: h})
		}
	}
	return all
}
