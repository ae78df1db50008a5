// Command bench measures how fast and how small chaindyno is, and prints each
// figure beside its target: make bench. Figures are ratios within one run, or
// medians of interleaved pairs, because the machine's own speed drifts. It
// exits with 1 when a target is missed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"time"

	"github.com/chaindyno/chaindyno/internal/hostinfo"
)

// figure is one measurement and what is asked of it.
type figure struct {
	name    string
	what    string
	atLeast bool    // else at most
	target  float64 //
	unit    string
	measure func(ctx context.Context, b *bench) (values []float64, err error)
}

// bench is how figures are measured.
type bench struct {
	bin    string // the chaindyno binary
	dir    string // scratch, removed at the end
	rounds int
	window time.Duration // steady window of a load
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx)
	switch {
	case errors.Is(err, errMissed):
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(4)
	}
}

var errMissed = errors.New("a target was missed")

func run(ctx context.Context) error {
	bin := flag.String("bin", "bin/chaindyno", "the binary to measure")
	only := flag.String("run", "", "measure the figures whose name matches this regular expression")
	rounds := flag.Int("rounds", 5, "interleaved pairs, or runs, of which the median counts")
	window := flag.Duration("window", 10*time.Second, "steady window of each load")
	flag.Parse()
	match, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "chaindyno-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{bin: *bin, dir: dir, rounds: *rounds, window: *window}
	h := hostinfo.Read()
	fmt.Printf("%s, %d cores, %s, %d rounds\n\n", h.CPU, h.Cores, time.Now().UTC().Format(time.DateOnly), *rounds)
	fmt.Printf(columns, "figure", "median", "lowest", "highest", "target", "", "what")
	missed := false
	for _, f := range figures() {
		if !match.MatchString(f.name) {
			continue
		}
		values, err := f.measure(ctx, b)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		missed = f.print(values, err) || missed
	}
	if missed {
		return errMissed
	}
	return nil
}

const columns = "%-9s %13s %13s %13s %16s  %-6v  %v\n"

// print writes the figure's row and says whether the target was missed.
func (f *figure) print(values []float64, err error) (missed bool) {
	sign := "<="
	if f.atLeast {
		sign = ">="
	}
	if err != nil || len(values) == 0 {
		fmt.Printf(columns, f.name, "-", "-", "-", sign+" "+f.show(f.target), "FAILED", err)
		return true
	}
	slices.Sort(values)
	median := values[len(values)/2]
	met := median <= f.target
	if f.atLeast {
		met = median >= f.target
	}
	verdict := "ok"
	if !met {
		verdict = "MISSED"
	}
	fmt.Printf(columns, f.name, f.show(median), f.show(values[0]), f.show(values[len(values)-1]), sign+" "+f.show(f.target), verdict, f.what)
	return !met
}

func (f *figure) show(v float64) string {
	if v >= 10_000 {
		return fmt.Sprintf("%.0f%s", v, f.unit)
	}
	return fmt.Sprintf("%.3g%s", v, f.unit)
}
