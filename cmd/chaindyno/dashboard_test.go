package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/loadgen"
)

// dashboardFile is what Grafana shows.
const dashboardFile = "../../deploy/grafana/dashboards/chaindyno.json"

// query is one query of a dashboard.
type query struct{ panel, expr string }

func dashboardQueries(t *testing.T) []query {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(dashboardFile))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	var all []query
	for _, p := range d.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q asks nothing", p.Title)
		}
		for _, target := range p.Targets {
			all = append(all, query{p.Title, target.Expr})
		}
	}
	if len(all) < 20 {
		t.Fatalf("%d queries only: is the dashboard read correctly?", len(all))
	}
	return all
}

// metricName matches the names of a query that are ours or the runtime's.
var metricName = regexp.MustCompile(`\b(?:chaindyno|go|process)_[a-z0-9_]+\b`)

// exposed returns the names of the series in a text of /metrics.
func exposed(text string) map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			names[line[:strings.IndexAny(line, "{ ")]] = true
		}
	}
	return names
}

// Every name that the dashboard asks for is one that a node or a load has: two
// nodes that have exchanged a transaction and its block have them all.
func TestDashboardNamesExist(t *testing.T) {
	peered := []string{"--set", "peers.listen=127.0.0.1:0", "--set", "http="}
	first := startNode(t, small(t.TempDir(), append(peered, "--pace", "20ms")...))
	second := startNode(t, small(t.TempDir(), append(peered, "--threads", "0", "--set", "peers.seeds="+first.ready.Peers)...))
	c, err := client.Dial(second.ready.Listen, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	info, err := c.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id := payOnce(t, c, info.Params)
	if _, err := c.Proof(t.Context(), id); err != nil { // a read through the tiers
		t.Fatal(err)
	}
	if answer, _, err := c.Submit(t.Context(), []byte("nonsense")); err != nil || answer == 0 {
		t.Fatalf("nonsense was answered %v, %v", answer, err)
	}
	load, err := serveRun("127.0.0.1:0", false, "the-run")
	if err != nil {
		t.Fatal(err)
	}
	defer load.close()
	text := ""
	for _, address := range []string{first.ready.Admin, second.ready.Admin, load.server.Addr().String()} {
		text += get(t, "http://"+address+"/metrics")
	}
	names, asked := exposed(text), map[string]bool{}
	for _, q := range dashboardQueries(t) {
		found := metricName.FindAllString(q.expr, -1)
		if len(found) == 0 {
			t.Errorf("panel %q: no name in %q", q.panel, q.expr)
		}
		for _, name := range found {
			asked[name] = true
			if !names[name] {
				t.Errorf("panel %q asks for %s, which nobody has", q.panel, name)
			}
		}
	}
	for _, name := range []string{"load_sent_per_second", "pool_transactions", "peers_outbound", "tier_read_seconds_bucket"} {
		if !asked["chaindyno_"+name] {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
}

// What a run under way tells Prometheus is the last reading of its load, with
// the run's ID, and rests when the load is over.
func TestRunMetrics(t *testing.T) {
	r, err := serveRun("127.0.0.1:0", false, "the-run")
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	figures := func() string { return get(t, "http://"+r.server.Addr().String()+"/metrics") }
	want := func(name string, value any) {
		t.Helper()
		if line := fmt.Sprintf("\n%s{run=\"the-run\"} %v\n", name, value); !strings.Contains(figures(), line) {
			t.Errorf("no line %q", line)
		}
	}
	want("chaindyno_load_sent_per_second", 0)
	r.progress(loadgen.Progress{Phase: loadgen.PhaseSign, Done: 5})
	want("chaindyno_load_sent_per_second", 0)
	r.progress(loadgen.Progress{
		Phase: loadgen.PhaseSteady, AskedPerS: 2000, SentPerS: 1999, CommittedPerS: 1500, CommitP50: time.Second, CommitP99: 3 * time.Second,
		InFlight: 700, Blocks: 12, Height: 40, Reorgs: 1, Dropped: 3, Rejected: 4, Unknown: 5,
	})
	for name, value := range map[string]any{
		"asked_per_second": 2000, "sent_per_second": 1999, "committed_per_second": 1500, "commit_p50_seconds": 1, "commit_p99_seconds": 3,
		"in_flight": 700, "blocks_total": 12, "height": 40, "reorganisations_total": 1, "dropped_total": 3, "rejected_total": 4, "unknown_total": 5,
	} {
		want("chaindyno_load_"+name, value)
	}
	r.progress(loadgen.Progress{Phase: loadgen.PhaseAudit})
	want("chaindyno_load_sent_per_second", 0)
	want("chaindyno_load_dropped_total", 3)
	if !strings.Contains(figures(), `go_goroutines{run="the-run"}`) {
		t.Error("the runtime's figures lack the run")
	}
}

// Figures leave the machine only when asked to, and a run tells them while it
// lasts.
func TestRunServesMetrics(t *testing.T) {
	code, _, stderr := call(t, short(t.TempDir(), "--metrics", "0.0.0.0:0")...)
	if code != exitUsage || !strings.Contains(stderr, "--metrics") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("off loopback: exit code %d, %s", code, stderr)
	}
	code, _, stderr = call(t, short(t.TempDir(), "--metrics", "0.0.0.0:0", "--insecure")...)
	if code != exitPass && code != exitInvalid {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
