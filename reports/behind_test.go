package reports

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chaindyno/chaindyno/reports/result"
)

// flat undoes the wrapping of lines.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// TestTableSaysWhatTheRateHides, and whether the run was steady.
func TestTableSaysWhatTheRateHides(t *testing.T) {
	got := flat(tableOf(t, sampleRun(), TableOptions{Color: ColorNever, Width: 200}))
	for _, want := range []string{
		"capacity used ", " of the 4 MiB/s that blocks at this pace have room for",
		"192 B a transaction",
		"714 µs/tx the node, to a succeeded transaction; the generator took 488 µs",
		"437 B/tx the node, written, 2.28 bytes for each byte of payload",
		"the slowest has 1.07 times the p50 of the fastest, and 1.20 times the p99; Jain's index 1.000 of what each committed, 0.998 of its mean latency",
		"1.4 s at worst; Jain's index 0.910, and 0.930 by chance alone; 2 had nothing committed",
		"steady state", "throughput: the first 5 of 118 blocks make a difference of 0.4 % only; mean time to inclusion: only from 12.5 s on, 240 ms there instead of 310 ms",
		"-3.2 gained a second (95 % interval -61 to +44): not growing",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q in:\n%s", want, got)
		}
	}
}

// Where a figure is not known, the report says why, or nothing.
func TestTableSaysWhatIsUnknown(t *testing.T) {
	run := sampleRun()
	run.Throughput.BacklogWhy = "the window of a closed loop holds the backlog where it is"
	run.Steady = result.Steady{State: result.SteadyUnknown, BlocksNeeded: 50, Varying: true, Series: []result.SteadySeries{{Name: "throughput", State: result.SteadyUnknown, Blocks: 12}}}
	run.Work = result.Work{UsedPerS: 12, Nodes: 4, NodeCPUPerTxNs: 1e6, NodeDiskPerTx: 10}
	run.Chain.Unit = "gas"
	run.Fairness = result.Fairness{Connections: make([]result.Connection, 1), Lanes: result.LaneSpread{Why: "there are too many lanes to tell them apart"}}
	got := flat(tableOf(t, run, TableOptions{Color: ColorNever, Width: 200}))
	for _, want := range []string{
		"– the window of a closed loop holds the backlog where it is",
		"throughput: 12 blocks, and 50 are needed; the schedule itself changes its rate",
		"12 gas/s no limit is known",
		"1 ms/tx all nodes together",
		"one, so there is nobody to compare it with",
		"there are too many lanes to tell them apart",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q in:\n%s", want, got)
		}
	}
	run.Work, run.Fairness = result.Work{}, result.Fairness{}
	if got := tableOf(t, run, TableOptions{}); strings.Contains(got, "Behind the rate") || strings.Contains(got, "Fairness") {
		t.Errorf("a title without figures:\n%s", got)
	}
}

// A folder from before there was a fairness.csv is read all the same.
func TestReadRunWithoutFairness(t *testing.T) {
	dir := t.TempDir()
	if err := WriteRun(dir, smallRun()); err != nil {
		t.Fatal(err)
	}
	m, err := readManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range m.Files {
		if f.Name == result.FileFairness {
			m.Files = append(m.Files[:i], m.Files[i+1:]...)
			break
		}
	}
	if err := writeManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, result.FileFairness)); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadRun(dir); err != nil {
		t.Error(err)
	}
}

func TestFairnessCSV(t *testing.T) {
	dir, _ := writeSample(t)
	text, err := os.ReadFile(filepath.Join(dir, result.FileFairness))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) != 6 || lines[0] != "connection,lanes,succeeded,mean_ns,p50_ns,p99_ns,max_ns" ||
		lines[1] != "0,500,14000,300000000,180000000,1300000000,2400000000" || lines[4] != "3,500,14003,300000000,180000000,,2400000000" {
		t.Errorf("%q", lines)
	}
}
