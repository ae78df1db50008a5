// Package output is the k6 output chaindyno: k6 run --out chaindyno=DIR leaves a
// run folder for each target that the script has loaded.
package output

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
	"go.k6.io/k6/v2/errext"
	"go.k6.io/k6/v2/metrics"
	k6output "go.k6.io/k6/v2/output"

	"github.com/chaindyno/chaindyno/xk6-chain/runs"
)

// Output implements k6's output.Output.
type Output struct {
	hub        *runs.Hub
	files      runs.Files
	log        logrus.FieldLogger
	thresholds map[string]metrics.Thresholds
	watched    map[string]*metrics.Metric // that have thresholds, as samples show them
}

var (
	_           k6output.WithThresholds        = (*Output)(nil)
	_           k6output.WithStopWithTestError = (*Output)(nil)
	errNoFolder                                = errors.New("output chaindyno: want a folder: --out chaindyno=DIR")
	notName                                    = regexp.MustCompile(`[^A-Za-z0-9._-]+`)
)

// New returns what k6 makes outputs with.
func New(hub *runs.Hub) func(k6output.Params) (k6output.Output, error) {
	return func(p k6output.Params) (k6output.Output, error) {
		if p.ConfigArgument == "" {
			return nil, errNoFolder
		}
		return &Output{
			hub: hub, log: p.Logger, watched: map[string]*metrics.Metric{},
			files: runs.Files{Dir: p.ConfigArgument, Name: nameOf(p.ScriptPath), Argv: redacted(os.Args)},
		}, nil
	}
}

// nameOf names runs after the script.
func nameOf(script *url.URL) string {
	if script == nil {
		return "k6"
	}
	base := path.Base(script.Path)
	name := strings.Trim(notName.ReplaceAllString(strings.TrimSuffix(base, path.Ext(base)), "-"), "-._")
	if name == "" {
		return "k6"
	}
	return name[:min(len(name), 60)]
}

// redacted is a command line without the values of -e and --env, which may be
// secrets, and without those of headers.
func redacted(argv []string) []string {
	out := slices.Clone(argv)
	for i := 1; i < len(out); i++ {
		if before := out[i-1]; before == "-e" || before == "--env" {
			out[i] = hideValue(out[i])
		}
		for _, flag := range []string{"-e", "--env="} {
			if rest, ok := strings.CutPrefix(out[i], flag); ok && strings.Contains(rest, "=") {
				out[i] = flag + hideValue(rest)
			}
		}
	}
	return out
}

func hideValue(s string) string {
	name, _, ok := strings.Cut(s, "=")
	if !ok {
		return s
	}
	return name + "=***"
}

// Description implements output.Output.
func (o *Output) Description() string {
	return fmt.Sprintf("chaindyno (a run folder in %s)", o.files.Dir)
}

// Start implements output.Output.
func (o *Output) Start() error {
	if err := os.MkdirAll(o.files.Dir, 0o755); err != nil {
		return fmt.Errorf("output chaindyno: %w", err)
	}
	o.hub.Record(o.files)
	return nil
}

// SetThresholds implements output.WithThresholds.
func (o *Output) SetThresholds(t map[string]metrics.Thresholds) { o.thresholds = t }

// AddMetricSamples implements output.Output. Everything but dropped iterations
// comes to the run by itself.
func (o *Output) AddMetricSamples(all []metrics.SampleContainer) {
	for _, c := range all {
		for _, s := range c.GetSamples() {
			if s.Metric.Name == metrics.DroppedIterationsName {
				scenario, _ := s.Tags.Get("scenario")
				o.hub.Dropped(scenario, uint64(s.Value), s.Time)
			}
			if _, ok := o.watched[s.Metric.Name]; !ok {
				o.watched[s.Metric.Name] = s.Metric
			}
		}
	}
}

// Stop implements output.Output.
func (o *Output) Stop() error { return o.StopWithTestError(nil) }

// StopWithTestError implements output.WithStopWithTestError: it audits and
// writes what was measured.
func (o *Output) StopWithTestError(testErr error) error {
	all, err := o.hub.Reports(context.Background(), interrupted(testErr), o.finish)
	for _, r := range all {
		o.log.Infof("chaindyno: %s: report of the run in %s", r.Run.Verdict, r.Dir)
	}
	if len(all) == 0 && err == nil {
		o.log.Warn("chaindyno: the script has sent nothing, so that there is nothing to report")
	}
	o.hub.Close()
	return err
}

// interrupted says whether the user has ended the test.
func interrupted(err error) bool {
	var why errext.HasAbortReason
	return errors.As(err, &why) && why.AbortReason() == errext.AbortedByUser
}
