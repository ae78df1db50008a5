package search

import (
	"slices"
	"testing"

	"github.com/chaindyno/chaindyno/reports/result"
)

// TestAssess breaks one rule after another and wants it named.
func TestAssess(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*result.Run)
		want   []string
		is     result.Verdict
	}{
		"nothing":            {func(*result.Run) {}, nil, result.Pass},
		"a hundredth behind": {func(r *result.Run) { r.Throughput.SucceededPerS = 990 }, nil, result.Pass},
		"more than that": {
			func(r *result.Run) { r.Throughput.SucceededPerS = 989 },
			[]string{"success: 98.90 % of what was offered, asked >= 99 %"}, result.Fail,
		},
		"nothing offered": {
			func(r *result.Run) { r.Throughput = result.Throughput{} },
			[]string{"success: 0.00 % of what was offered, asked >= 99 %"}, result.Fail,
		},
		"a drop": {
			func(r *result.Run) { r.Counts.DroppedOverload, r.Counts.Scheduled = 1, 101 },
			[]string{"dropped: 1 of 101 arrivals (overload)"}, result.Fail,
		},
		"an objective": {
			func(r *result.Run) {
				r.SLO = []result.Check{
					{Name: "commit.p99", Op: "<", Limit: 2e9, Observed: 2.5e9, Unit: "ns", Known: true},
					{Name: "lost", Op: "==", Unit: "count", Known: true, OK: true},
					{Name: "commit.p999", Op: "<", Limit: 3e9, Unit: "ns"},
				}
			},
			[]string{"objective: commit.p99 is 2.5s, asked < 2s", "objective: commit.p999 is unknown, asked < 3s"}, result.Fail,
		},
		"an error": {
			func(r *result.Run) { r.Matrix[0].Count = 99 },
			[]string{"errors: error_share is 1 %, asked <= 0.1 %"}, result.Fail,
		},
		"a backlog": {
			func(r *result.Run) {
				r.Throughput.BacklogGrows, r.Throughput.BacklogSlope, r.Throughput.BacklogLow, r.Throughput.BacklogHigh = true, 40, 20, 60
			},
			[]string{"backlog: grew by 40 tx/s [20, 60]"}, result.Fail,
		},
		"not drained": {
			func(r *result.Run) { r.Counts.Fates[result.FatePooled] = 3 },
			[]string{"drain: 3 transactions still waited at its end"}, result.Fail,
		},
		"the audit": {
			func(r *result.Run) { r.Audit.Checks = []result.AuditCheck{{Name: "supply", Detail: "1 of 2"}} },
			[]string{"audit: supply: 1 of 2"}, result.Fail,
		},
		"the books": {
			func(r *result.Run) { r.Counts.Balanced = false },
			[]string{"audit: the ledger of counts does not balance"}, result.Fail,
		},
		"the generator": {
			func(r *result.Run) {
				r.Verdict, r.Reasons = result.Invalid, []string{"the generator was the limit"}
				r.Throughput.SucceededPerS = 1
			},
			[]string{"the generator was the limit"}, result.Invalid,
		},
		"the user": {
			func(r *result.Run) { r.Verdict, r.Reasons = result.Interrupted, []string{"interrupted"} },
			[]string{"interrupted"}, result.Interrupted,
		},
	} {
		r := outcomeOf(Trial{Rate: 1000}, result.Pass)
		c.change(r)
		if got := Assess(r, 0.001); got.Verdict != c.is || !slices.Equal(got.Reasons, c.want) {
			t.Errorf("%s: %s %q, want %s %q", name, got.Verdict, got.Reasons, c.is, c.want)
		}
	}
}

// TestAssessFigures: what a row shows is what the run says.
func TestAssessFigures(t *testing.T) {
	r := outcomeOf(Trial{Rate: 1000}, result.Pass)
	p50, p99, other := int64(5), int64(9), int64(1)
	r.Latency = []result.Latency{
		{Stage: result.StageAck, P50Ns: &other, P99Ns: &other}, {Stage: result.StageCommit, Kind: "transfer", P99Ns: &other},
		{Stage: result.StageCommit, P50Ns: &p50, P99Ns: &p99},
	}
	r.Throughput.SucceededPerS, r.Throughput.BacklogSlope = 995, 2.5
	r.Counts.DroppedLate, r.Counts.DroppedStarved, r.Counts.Fates[result.FatePooled] = 1, 2, 4
	got := Assess(r, 0.001)
	if got.OfferedPerS != 1000 || got.Succeeded != 995 || got.SuccessShare != 0.995 || *got.CommitP50Ns != 5 || *got.CommitP99Ns != 9 ||
		got.BacklogSlope != 2.5 || got.Dropped != 3 || got.Pooled != 4 {
		t.Errorf("%+v", got)
	}
}
