package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/compare"
)

// exitUndecided is compare's: too few runs to tell.
const exitUndecided = 3

func newCompareCmd() *cobra.Command {
	c := &comparing{options: compare.DefaultOptions()}
	cmd := &cobra.Command{
		Use:   "compare RUN... --with RUN...",
		Short: "Say whether one set of runs is worse than another",
		Long: "compare judges the runs after --with (B) against those before it (A), metric by metric. Each RUN is the folder of\n" +
			"a run, or a folder with such folders in it. It takes 6 runs a side, better 10, of one machine, best interleaved.\n\n" +
			"  chaindyno compare out/old-* --with out/new-*\n" +
			"  chaindyno compare out/main-* --save-baseline main\n" +
			"  chaindyno compare out/change-* --baseline main --markdown -\n\n" +
			"Exit codes: 0 no worse, 1 worse, 2 usage (also runs that cannot be compared), 3 undecided, 4 internal.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c.groups.split(args)
			return c.run(cmd)
		},
	}
	c.flags(cmd.Flags())
	return cmd
}

// comparing is the compare verb from its flags to the exit code.
type comparing struct {
	groups    groups
	options   compare.Options
	noise     string
	baseline  string
	save      string
	baselines string
	markdown  string
	benchstat string
	out       string
}

func (c *comparing) flags(f *pflag.FlagSet) {
	f.Var(c.groups.flag(f, "with"), "with", "the runs to judge (B): this one and those that follow")
	f.Var(c.groups.flag(f, "aa"), "aa", "runs of one and the same system, at least 6, from which the noise of each metric is taken: this one and those that follow")
	f.StringVar(&c.baseline, "baseline", "", "judge RUN... against the runs kept under this name")
	f.StringVar(&c.save, "save-baseline", "", "keep copies of RUN... under this name, and compare nothing")
	f.StringVar(&c.baselines, "baselines", filepath.Join("out", "baselines"), "folder in which baselines are kept")
	f.Float64Var(&c.options.Alpha, "alpha", c.options.Alpha, "how often, at most, any metric may differ by chance alone")
	f.StringVar(&c.noise, "noise", "2%", "change of medians that is not worth telling, such as 2% or 0.02")
	f.BoolVar(&c.options.Force, "force", false, "compare runs of different machines or mixed configurations, and say so in every report")
	f.BoolVar(&c.options.LeaveOut, "leave-out", false, "leave out runs that are interrupted or INVALID, and say so, instead of refusing them")
	f.StringVar(&c.markdown, "markdown", "", "write the comparison for a pull request into this file; - for standard output, in place of the table")
	f.StringVar(&c.benchstat, "benchstat", "", "write the runs for benchstat (-col side) into this file; - for standard output, in place of the table")
	f.StringVar(&c.out, "out", "", "folder for compare.csv, compare.json and compare.html; empty: none")
}

func (c *comparing) run(cmd *cobra.Command) error {
	var err error
	if c.options.Noise, err = parseShare(c.noise); err != nil {
		return usagef("--noise %q: %v", c.noise, err)
	}
	if c.markdown == "-" && c.benchstat == "-" {
		return usagef("--markdown and --benchstat cannot both go to standard output")
	}
	if c.save != "" {
		return c.keep(cmd.OutOrStdout())
	}
	a, b, err := c.sides()
	if err != nil {
		return err
	}
	if c.options.AA, err = readRuns(c.groups.aa); err != nil {
		return err
	}
	verdict, err := compare.Compare(a, b, c.options)
	if err != nil {
		return usage(err)
	}
	if err := c.show(cmd.OutOrStdout(), verdict); err != nil {
		return err
	}
	switch verdict.Verdict {
	case compare.IsWorse:
		return &exitError{exitFail, nil}
	case compare.Undecided:
		return &exitError{exitUndecided, nil}
	}
	return nil
}

// sides reads the runs that the command line names.
func (c *comparing) sides() (a, b compare.Side, err error) {
	first, second := c.groups.runs, c.groups.with
	labels := [2]string{strings.Join(first, " "), strings.Join(second, " ")}
	if c.baseline != "" {
		if len(second) > 0 {
			return a, b, usagef("--baseline and --with both say what to compare with; give one of them")
		}
		dir, err := reports.BaselineDir(c.baselines, c.baseline)
		if err != nil {
			return a, b, usage(err)
		}
		if _, err := os.Stat(dir); err != nil {
			return a, b, usagef("%s: no such baseline; chaindyno compare RUN... --save-baseline %s keeps one", dir, c.baseline)
		}
		first, second = []string{dir}, first
		labels = [2]string{"baseline " + c.baseline, labels[0]}
	}
	switch {
	case len(first) == 0:
		return a, b, usagef("no runs before --with: chaindyno compare RUN... --with RUN...")
	case len(second) == 0:
		return a, b, usagef("nothing to compare with: chaindyno compare RUN... --with RUN..., or RUN... --baseline NAME")
	}
	x, err := readRuns(first)
	if err != nil {
		return a, b, err
	}
	y, err := readRuns(second)
	if err != nil {
		return a, b, err
	}
	return compare.NewSide("A", labels[0], x), compare.NewSide("B", labels[1], y), nil
}

func readRuns(paths []string) ([]compare.Run, error) {
	dirs, err := reports.FindRuns(paths)
	if err != nil {
		return nil, usage(err)
	}
	runs, err := reports.ReadRuns(dirs)
	return runs, usage(err)
}

// keep saves a baseline of runs that could be compared.
func (c *comparing) keep(w io.Writer) error {
	if c.baseline != "" || len(c.groups.with)+len(c.groups.aa) > 0 {
		return usagef("--save-baseline keeps runs and compares nothing; leave --with, --aa and --baseline to another call")
	}
	if len(c.groups.runs) == 0 {
		return usagef("no runs to keep: chaindyno compare RUN... --save-baseline NAME")
	}
	dirs, err := reports.FindRuns(c.groups.runs)
	if err != nil {
		return usage(err)
	}
	runs, err := reports.ReadRuns(dirs)
	if err != nil {
		return usage(err)
	}
	side, err := compare.Replicates(compare.NewSide("the baseline", "", runs), c.options)
	if err != nil {
		return usage(err)
	}
	dirs = dirs[:0]
	for _, r := range side.Runs {
		dirs = append(dirs, r.Dir)
	}
	dir, err := reports.SaveBaseline(c.baselines, c.save, dirs)
	if err != nil {
		return usage(err)
	}
	_, err = fmt.Fprintf(w, "kept %s in %s\n", count(len(dirs), "run"), dir)
	return err
}

// show writes what was asked for. What goes to standard output goes there
// alone, so that it can be piped.
func (c *comparing) show(w io.Writer, verdict *compare.Comparison) error {
	if c.out != "" {
		if err := reports.WriteComparison(c.out, verdict, c.command()); err != nil {
			return usage(err)
		}
	}
	table := true
	for _, f := range []struct {
		path  string
		write func(io.Writer, *compare.Comparison) error
	}{{c.markdown, reports.ComparisonMarkdown}, {c.benchstat, reports.ComparisonBenchstat}} {
		switch f.path {
		case "":
		case "-":
			table = false
			if err := f.write(w, verdict); err != nil {
				return err
			}
		default:
			if err := toFile(f.path, verdict, f.write); err != nil {
				return usage(err)
			}
		}
	}
	if !table {
		return nil
	}
	if err := reports.ComparisonTable(w, verdict, reports.TableOptions{}); err != nil {
		return err
	}
	if c.out != "" {
		_, err := fmt.Fprintf(w, "\n  %s\n", filepath.Join(c.out, reports.FileCompareHTML))
		return err
	}
	return nil
}

func toFile(path string, c *compare.Comparison, write func(io.Writer, *compare.Comparison) error) error {
	var b bytes.Buffer
	if err := write(&b, c); err != nil {
		return err
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return nil
}

// command is the line that makes the comparison again, with every path as it
// was given.
func (c *comparing) command() []string {
	line := append([]string{"chaindyno", "compare"}, c.groups.runs...)
	for _, g := range []struct {
		flag  string
		paths []string
	}{{"--with", c.groups.with}, {"--aa", c.groups.aa}} {
		if len(g.paths) > 0 {
			line = append(append(line, g.flag), g.paths...)
		}
	}
	if c.baseline != "" {
		line = append(line, "--baseline", c.baseline, "--baselines", c.baselines)
	}
	line = append(line, "--alpha", strconv.FormatFloat(c.options.Alpha, 'f', -1, 64), "--noise", c.noise, "--out", c.out)
	if c.options.Force {
		line = append(line, "--force")
	}
	if c.options.LeaveOut {
		line = append(line, "--leave-out")
	}
	return line
}

// parseShare reads 2%, 2 % or 0.02.
func parseShare(s string) (float64, error) {
	number, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil {
		return 0, fmt.Errorf("not a share, such as 2%% or 0.02")
	}
	if percent {
		v /= 100
	}
	return v, nil
}

// groups are lists of paths in which a flag takes all that follow it up to the
// next such flag: RUN... --with RUN... --aa RUN...
type groups struct {
	runs, with, aa []string
	marks          []groupMark
}

// groupMark says that the arguments from at on belong to a group.
type groupMark struct {
	name string
	at   int
}

// groupFlag is the flag that begins a group; its own value is the first path.
type groupFlag struct {
	groups *groups
	set    *pflag.FlagSet
	name   string
}

func (g *groups) flag(set *pflag.FlagSet, name string) *groupFlag { return &groupFlag{g, set, name} }

func (f *groupFlag) String() string { return "" }
func (f *groupFlag) Type() string   { return "RUN..." }

// Set notes how many plain arguments came before: those that come later are
// this group's.
func (f *groupFlag) Set(path string) error {
	f.groups.marks = append(f.groups.marks, groupMark{f.name, f.set.NArg()})
	f.groups.add(f.name, path)
	return nil
}

func (g *groups) add(name string, paths ...string) {
	switch name {
	case "with":
		g.with = append(g.with, paths...)
	case "aa":
		g.aa = append(g.aa, paths...)
	default:
		g.runs = append(g.runs, paths...)
	}
}

// split deals the plain arguments out to the groups.
func (g *groups) split(args []string) {
	from := groupMark{}
	for _, m := range append(g.marks, groupMark{at: len(args)}) {
		g.add(from.name, args[from.at:m.at]...)
		from = m
	}
}
