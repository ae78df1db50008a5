package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/reports"
)

func newWatchCmd() *cobra.Command {
	var (
		r     reach
		limit time.Duration
	)
	cmd := &cobra.Command{
		Use:   "watch TARGET",
		Short: "Observe a chain's blocks without loading it",
		Args:  arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, d, err := r.dial(args[0])
			if err != nil {
				return err
			}
			defer d.Close()
			ctx := cmd.Context()
			if limit > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithCancel(ctx) // a deadline would travel to the node, which may be first to see it pass
				defer cancel()
				defer time.AfterFunc(limit, cancel).Stop()
			}
			return observe(ctx, cmd.OutOrStdout(), d)
		},
	}
	r.flags(cmd)
	cmd.Flags().DurationVar(&limit, "for", 0, "how long to watch; 0: until interrupted")
	return cmd
}

// watcher prints blocks and adds them up.
type watcher struct {
	w       io.Writer
	last    time.Time // when the last block was seen
	began   time.Time
	blocks  int
	txs     int
	reverts int
}

// observe prints a line for every block until ctx ends, and a summary then.
func observe(ctx context.Context, w io.Writer, d driver.Driver) error {
	info, err := d.Info(ctx)
	if err != nil {
		return usage(err)
	}
	fmt.Fprintf(w, "%s, network %s, height %d\n", reports.Clean(info.Client), reports.Clean(info.Network), info.Tip.Height)
	now := time.Now()
	o := &watcher{w: w, last: now, began: now}
	err = d.Follow(ctx, info.Tip, o.update)
	if ctx.Err() == nil && err != nil {
		return err
	}
	seconds := max(o.last.Sub(o.began).Seconds(), 1e-9)
	_, err = fmt.Fprintf(w, "%d blocks, %d transactions, %d reverted: %.1f blocks/s, %.0f tx/s\n",
		o.blocks, o.txs, o.reverts, float64(o.blocks)/seconds, float64(o.txs)/seconds)
	return err
}

func (o *watcher) update(u driver.Update) error {
	for _, ref := range u.Revert {
		o.reverts++
		if _, err := fmt.Fprintf(o.w, "%9d  reverted  %s\n", ref.Height, ref.ID); err != nil {
			return err
		}
	}
	for _, b := range u.Apply {
		now := time.Now()
		since := now.Sub(o.last)
		o.last = now
		o.blocks++
		o.txs += len(b.Txs)
		if _, err := fmt.Fprintln(o.w, blockLine(b, since)); err != nil {
			return err
		}
	}
	return nil
}

func blockLine(b driver.Block, since time.Duration) string {
	line := fmt.Sprintf("%9d  +%-8s %6d txs  %9d bytes", b.Height, duration(int64(since)), len(b.Txs), b.Bytes)
	if b.Limit > 0 {
		line += fmt.Sprintf("  %5.1f %% full", 100*float64(b.Used)/float64(b.Limit))
	}
	if b.Seal > 0 {
		line += "  sealed in " + duration(int64(b.Seal))
	}
	if b.Durable {
		line += "  durable"
	}
	return line
}
