//go:build compose

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/internal/tlsx"
	"github.com/chaindyno/chaindyno/reports/result"
)

// composed is the network of docker-compose.yml. make compose names the tool in
// CHAINDYNO_COMPOSE and sees to the images.
type composed struct {
	t    *testing.T
	tool []string
	root string // of the project
}

const composeProject = "chaindyno-test"

var composeNodes = []string{"node1", "node2", "node3", "node4"}

func newComposed(t *testing.T) *composed {
	tool := strings.Fields(os.Getenv("CHAINDYNO_COMPOSE"))
	if len(tool) == 0 {
		t.Fatal("CHAINDYNO_COMPOSE is not set: use make compose")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("COMPOSE_PROJECT_NAME", composeProject)
	c := &composed{t: t, tool: tool, root: root}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.try(context.Background(), "logs", "--tail", "30"))
		}
		c.down()
	})
	return c
}

// try runs a command of Compose and returns what it said.
func (c *composed) try(ctx context.Context, args ...string) (output string, err error) {
	cmd := exec.CommandContext(ctx, c.tool[0], append(slices.Clone(c.tool[1:]), args...)...)
	cmd.Dir = c.root
	text, err := cmd.CombinedOutput()
	return string(text), err
}

func (c *composed) must(args ...string) string {
	c.t.Helper()
	begin := time.Now()
	out, err := c.try(c.t.Context(), args...)
	c.t.Logf("%6.1f s  %s", time.Since(begin).Seconds(), strings.Join(args, " "))
	if err != nil {
		c.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

func (c *composed) down() {
	out, err := c.try(context.Background(), "--profile", "load", "--profile", "cache", "--profile", "observability", "down", "-v")
	if err != nil {
		c.t.Errorf("down: %v\n%s", err, out)
	}
}

// docker runs a command of Docker itself.
func (c *composed) docker(args ...string) string {
	c.t.Helper()
	cmd := exec.Command("docker", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("docker %v: %v: %s", args, err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// TestCompose brings the network up, loads it, asks Prometheus what the
// dashboard would, and takes everything down again.
func TestCompose(t *testing.T) {
	c := newComposed(t)
	t.Setenv("CHAINDYNO_REDIS", "redis:6379")
	c.must("up", "--build", "-d")
	c.must("up", "-d", "redis", "prometheus")
	t.Logf("image: %s bytes", c.docker("image", "inspect", "--format", "{{.Size}}", "chaindyno:local"))
	c.checkReport(c.load())
	c.checkAgreement()
	c.checkHardening()
	c.checkQueries()
	c.down()
	c.checkNothingLeft()
}

// load runs the load until it passes, and returns the folder of the last report.
func (c *composed) load() string {
	for i := 1; ; i++ {
		before := c.reports()
		out, err := c.try(c.t.Context(), "run", "--rm", "load")
		after := slices.DeleteFunc(c.reports(), func(dir string) bool { return slices.Contains(before, dir) })
		if len(after) != 1 {
			c.t.Fatalf("%d new reports on the host: %v\n%s", len(after), err, out)
		}
		s := summary(c.t, after[0])
		if (err == nil) != (s.Verdict == result.Pass) {
			c.t.Errorf("verdict %s, and the command ended with %v", s.Verdict, err)
		}
		if s.Verdict == result.Pass || i == composeAttempts {
			c.t.Logf("run --rm load: %v\n%s", err, out)
			return after[0]
		}
		c.t.Logf("%s, measured again: %v", s.Verdict, s.Reasons)
	}
}

// composeAttempts is how often a run is measured again because the machine was
// too busy for it, which the program says itself with INVALID, or because the
// miners' waits, which are drawn at random, were long one after another.
const composeAttempts = 4

func (c *composed) reports() []string {
	dirs, err := filepath.Glob(filepath.Join(c.root, "out", "compose-*"))
	if err != nil {
		c.t.Fatal(err)
	}
	return dirs
}

// checkReport wants a run that has passed, and files that are the user's. On a
// machine that was too busy each time, an audit without a fault has to do.
func (c *composed) checkReport(dir string) {
	s := summary(c.t, dir)
	if s.Verdict == result.Invalid {
		c.t.Logf("this machine was too busy %d times: %v", composeAttempts, s.Reasons)
	}
	if s.Verdict == result.Fail || !s.Audit.OK || !s.Counts.Balanced || s.Counts.Fates[result.FateLost] != 0 {
		c.t.Errorf("verdict %s: %v, audit %+v, %+v", s.Verdict, s.Reasons, s.Audit, s.Counts)
	}
	if !slices.ContainsFunc(s.Audit.Checks, func(check result.AuditCheck) bool { return check.Name == "nodes" && check.OK }) {
		c.t.Errorf("the audit compared no nodes: %+v", s.Audit.Checks)
	}
	for _, check := range s.Audit.Checks {
		c.t.Logf("audit: %s: %s", check.Name, check.Detail)
	}
	want, err := os.Stat(c.root)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, name := range []string{"", "summary.json", "report.html"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			c.t.Error(err)
		} else if have := info.Sys().(*syscall.Stat_t).Uid; have != want.Sys().(*syscall.Stat_t).Uid {
			c.t.Errorf("%s belongs to user %d", filepath.Join(dir, name), have)
		}
	}
}

// dial connects to the published ports with the network's own authority.
func (c *composed) dial() []*client.Client {
	ca := filepath.Join(c.t.TempDir(), "ca.pem")
	c.docker("cp", c.container("node1")+":/certs/ca.pem", ca)
	cfg, err := tlsx.Client{CA: ca}.Config()
	if err != nil {
		c.t.Fatal(err)
	}
	var all []*client.Client
	for i := range composeNodes {
		n, err := client.Dial(fmt.Sprintf("127.0.0.1:%d", 7711+i), client.Options{TLS: cfg, Token: os.Getenv("CHAINDYNO_TOKEN")})
		if err != nil {
			c.t.Fatal(err)
		}
		c.t.Cleanup(func() { _ = n.Close() })
		all = append(all, n)
	}
	return all
}

func (c *composed) container(service string) string {
	out, err := c.try(c.t.Context(), "ps", "-q", service)
	if err != nil {
		c.t.Fatalf("%s: %v: %s", service, err, out)
	}
	return strings.TrimSpace(out)
}

// checkAgreement waits until all nodes have the same tip and the same outputs,
// and tells how many blocks were sealed in vain.
func (c *composed) checkAgreement() {
	nodes := c.dial()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	for {
		var tips, digests []string
		for i, n := range nodes {
			set, err := n.SetDigest(ctx)
			if err != nil {
				c.t.Fatalf("%s: %v", composeNodes[i], err)
			}
			tips, digests = append(tips, fmt.Sprint(set.Tip)), append(digests, fmt.Sprint(set.Digest))
		}
		if len(slices.Compact(tips)) == 1 {
			if len(slices.Compact(digests)) != 1 {
				c.t.Errorf("at tip %s the digests are %v", tips[0], digests)
			}
			c.t.Logf("all %d nodes: tip %s, digest %s", len(nodes), tips[0], digests[0])
			break
		}
	}
	sealed, height := uint64(0), uint32(0)
	for i, n := range nodes {
		stats, err := n.Stats(ctx)
		if err != nil {
			c.t.Fatalf("%s: %v", composeNodes[i], err)
		}
		tip, _, err := n.Tip(ctx)
		if err != nil {
			c.t.Fatalf("%s: %v", composeNodes[i], err)
		}
		sealed, height = sealed+stats.BlocksSealed, max(height, tip.Height)
	}
	c.t.Logf("%d blocks were sealed, the chain is %d high: %.1f %% orphaned", sealed, height, 100*(1-float64(height)/float64(max(1, sealed))))
}

// checkHardening looks at what Docker made of the settings.
func (c *composed) checkHardening() {
	const format = "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{.State.Health.Status}} {{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}"
	for _, service := range composeNodes {
		const want = "65532:65532 true [ALL] [no-new-privileges:true] healthy 1073741824 1000000000"
		if have := c.docker("inspect", "--format", format, c.container(service)); have != want {
			c.t.Errorf("%s: %s, want %s", service, have, want)
		}
	}
	if have := c.docker("port", c.container("node1")); strings.Contains(have, "0.0.0.0") || !strings.Contains(have, "127.0.0.1:7711") {
		c.t.Errorf("published: %s", have)
	}
}

// quiet are panels that need not show anything in a run without trouble.
var quiet = []string{"Refused"}

// checkQueries asks a real Prometheus all that the dashboard asks, of the last
// minutes.
func (c *composed) checkQueries() {
	for _, q := range dashboardQueries(c.t) {
		expr := strings.ReplaceAll(q.expr, "$__rate_interval", "20s")
		var answer struct {
			Status, Error string
			Data          struct{ Result []json.RawMessage }
		}
		now := time.Now()
		values := url.Values{"query": {expr}, "start": {fmt.Sprint(now.Add(-5 * time.Minute).Unix())}, "end": {fmt.Sprint(now.Unix())}, "step": {"5"}}
		r, err := http.Get("http://127.0.0.1:9090/api/v1/query_range?" + values.Encode())
		if err != nil {
			c.t.Fatal(err)
		}
		err = json.NewDecoder(r.Body).Decode(&answer)
		r.Body.Close()
		switch {
		case err != nil || answer.Status != "success":
			c.t.Errorf("panel %q: %s: %s %s %v", q.panel, expr, answer.Status, answer.Error, err)
		case len(answer.Data.Result) == 0 && !slices.Contains(quiet, q.panel):
			c.t.Errorf("panel %q: %s: nothing to show", q.panel, expr)
		}
	}
}

// checkNothingLeft looks for whatever carries the project's name.
func (c *composed) checkNothingLeft() {
	label := "label=com.docker.compose.project=" + composeProject
	for _, list := range [][]string{{"ps", "-aq"}, {"network", "ls", "-q"}, {"volume", "ls", "-q"}} {
		if left := c.docker(append(list, "--filter", label)...); left != "" {
			c.t.Errorf("docker %v: left behind: %s", list, left)
		}
	}
}
