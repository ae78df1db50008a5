package reports

import (
	"slices"

	"github.com/chaindyno/chaindyno/reports/result"
)

func methodSection(v *view) section {
	stages := block{Heading: "Stages"}
	for _, s := range slices.Concat(result.ClientStages, result.NodeStages) {
		stages.Glossary = append(stages.Glossary, fact{Name: s + ": " + stageMeaning[s].short, Value: sentence(stageMeaning[s].long)})
	}
	return section{
		ID: "method", Title: "Method and glossary", Short: "Method",
		Blocks: []block{
			{Text: "The load is an open loop unless said otherwise: the time of each arrival follows from the schedule and the seed alone, and latency is counted from that time, whether or not the system was ready for it. An arrival that can't be started is dropped and counted, never delayed in silence."},
			{Text: "Latencies are kept in HdrHistograms from 1 µs to 1 h with three significant digits, merged without loss. A quantile q is shown only with at least 10/(1-q) samples. Commit latency is recorded only when the inclusion has held. Clocks of two machines are never subtracted."},
			{Text: "Throughput counts transactions that succeeded, over the steady window. Its interval resamples blocks with replacement (percentile bootstrap, 95 %). The warm-up is what the scenario asks for; MSER-5 over the blocks, of throughput and of the mean time to inclusion, says where the rest is not steady, and leaves nothing out by itself. The backlog's slope is a least-squares line whose interval resamples runs of neighbouring seconds."},
			{Text: "Curves of many points are thinned to averages, with a band from the least to the greatest value that each point stands for."},
			{Columns: []block{stages, {Heading: "Words", Glossary: glossary}}},
		},
	}
}

var glossary = []fact{
	{Name: "PASS", Value: "Every objective was met, nothing was dropped for overload, the audit passed, and the run is valid."},
	{Name: "FAIL", Value: "An objective was missed, arrivals were dropped because too many were in flight, or the audit failed."},
	{Name: "INVALID", Value: "The generator, not the chain, was the limit. The numbers say nothing about the chain."},
	{Name: "steady window", Value: "The time after the warm-up and before the load ends. A transaction belongs to it by its intended time."},
	{Name: "drain", Value: "The time after the load in which outstanding transactions may still commit."},
	{Name: "answer", Value: "What the chain said when the transaction was sent: accepted, rejected with a kind, or unknown (no answer in time)."},
	{Name: "fate", Value: "What became of it: succeeded, failed in execution, refused, pooled at the deadline, evicted, expired, or lost."},
	{Name: "lost", Value: "Accepted, and nowhere to be found. One is enough to fail the audit."},
	{Name: "overload, late, starved", Value: "Why an arrival was dropped: too many in flight (the chain's doing); not started in time, or nothing to spend (the generator's)."},
	{Name: "backlog", Value: "Transactions sent whose fate is not known yet."},
	{Name: "reorganisation", Value: "The chain abandons blocks for a better branch; what was in them is no longer committed until it is included again."},
}
