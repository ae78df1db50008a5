package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/result"
)

func newProbeCmd() *cobra.Command {
	var (
		r    reach
		wait time.Duration
	)
	cmd := &cobra.Command{
		Use:   "probe TARGET",
		Short: "Show a chain's identity and limits, and time one transaction through every stage",
		Args:  arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, d, err := r.dial(args[0])
			if err != nil {
				return err
			}
			defer d.Close()
			ctx, cancel := context.WithTimeout(cmd.Context(), wait)
			defer cancel()
			info, err := d.Info(ctx)
			if err != nil {
				return usage(err)
			}
			if err := s.CheckNetwork(info); err != nil {
				return usage(err)
			}
			if err := printRows(cmd.OutOrStdout(), identity(info)); err != nil {
				return err
			}
			return probe(ctx, cmd.OutOrStdout(), d)
		},
	}
	r.flags(cmd)
	cmd.Flags().DurationVar(&wait, "wait", 30*time.Second, "longest wait for the transaction's block")
	return cmd
}

func identity(info driver.Info) []row {
	unknown := func(n int) string {
		if n == 0 {
			return "unknown"
		}
		return fmt.Sprint(n)
	}
	rows := []row{
		{"client", reports.Clean(info.Client)},
		{"family", info.Family},
		{"network", reports.Clean(info.Network)},
		{"genesis", info.Genesis.String()},
		{"tip", fmt.Sprintf("%d  %s", info.Tip.Height, info.Tip.ID)},
		{"finality", info.Finality.String()},
		{"accepted means", info.AckMeans.String()},
		{"block interval", interval(info)},
		{"pool", unknown(info.PoolMax)},
		{"unconfirmed of one lane", unknown(info.LaneWindow)},
		{"lanes", unknown(info.LanesMax)},
		{"transactions of a batch", unknown(info.BatchMax)},
		{"bytes of a transaction", unknown(info.PayloadMax)},
	}
	for _, key := range slices.Sorted(maps.Keys(info.Settings)) {
		rows = append(rows, row{"setting " + reports.Clean(key), reports.Clean(info.Settings[key])})
	}
	return rows
}

func interval(info driver.Info) string {
	switch {
	case info.OnDemand:
		return "on demand"
	case info.Interval == 0:
		return "unknown"
	}
	return info.Interval.String()
}

// times are when one transaction passed each station.
type times struct {
	sent, acked, included time.Time
	ack                   driver.Ack
	block                 driver.Ref
	stages                []row
}

// probe sends one transaction and prints how long each stage took.
func probe(ctx context.Context, w io.Writer, d driver.Driver) error {
	var t times
	err := t.send(ctx, d)
	if t.acked.IsZero() {
		return usage(err)
	}
	rows := []row{{"answer", fmt.Sprintf("%s after %s", answer(t.ack), duration(int64(t.acked.Sub(t.sent))))}}
	if !t.included.IsZero() {
		rows = append(rows, row{"in block", fmt.Sprintf("%d after %s", t.block.Height, duration(int64(t.included.Sub(t.sent))))})
	}
	rows = append(rows, t.stages...)
	fmt.Fprintln(w)
	if err := printRows(w, rows); err != nil {
		return err
	}
	switch {
	case t.ack.Status != driver.StatusAccepted:
		return &exitError{exitFail, fmt.Errorf("the transaction was not accepted: %s", answer(t.ack))}
	case t.included.IsZero():
		return &exitError{exitFail, fmt.Errorf("the transaction was in no block within the wait: %w", err)}
	}
	return nil
}

func answer(a driver.Ack) string {
	s := a.Status.String()
	if a.Kind != driver.RejectNone {
		s += "/" + a.Kind.String()
	}
	if a.Detail != "" {
		s += " (" + reports.Clean(a.Detail) + ")"
	}
	return s
}

// errFound ends the following of the chain.
var errFound = errors.New("found")

// send takes one transaction from a lane of its own to a block.
func (t *times) send(ctx context.Context, d driver.Driver) error {
	plan := driver.Plan{Lanes: 1, Txs: 1, Workload: driver.Workload{Inputs: 1, Outputs: 2}, Seed: uint64(time.Now().UnixNano())}
	handout, err := d.Prepare(ctx, plan)
	if err != nil {
		return err
	}
	session, err := d.Open(ctx, handout, driver.Segment{From: 0, To: handout.Lanes})
	if err != nil {
		return err
	}
	defer session.Close()
	tx, err := session.Lanes()[0].Next(nil)
	if err != nil {
		return err
	}
	acked := make(chan driver.Ack, 1)
	t.sent = time.Now()
	session.Submit(ctx, []driver.Tx{tx}, func(_ int, a driver.Ack) { acked <- a })
	select {
	case t.ack = <-acked:
		t.acked = time.Now()
	case <-ctx.Done():
		return fmt.Errorf("no answer: %w", ctx.Err())
	}
	if t.ack.Status != driver.StatusAccepted {
		return nil
	}
	id := tx.ID
	if t.ack.ID != (driver.ID{}) {
		id = t.ack.ID
	}
	err = d.Follow(ctx, handout.Start, func(u driver.Update) error { return t.look(u, id) })
	if errors.Is(err, errFound) {
		return nil
	}
	return err
}

// look notes the block that holds the transaction.
func (t *times) look(u driver.Update, id driver.ID) error {
	for _, b := range u.Apply {
		if slices.ContainsFunc(b.Txs, func(in driver.Included) bool { return in.ID == id }) {
			t.included, t.block, t.stages = time.Now(), b.Ref, stages(b)
			return errFound
		}
	}
	return nil
}

// stages renders the node's own durations for the transactions of a block.
func stages(b driver.Block) []row {
	var rows []row
	for _, s := range b.Stages {
		if h, err := result.DecodeHistogram(s.V2); err == nil && h.TotalCount() > 0 {
			rows = append(rows, row{s.Stage, fmt.Sprintf("%s (median of %s in the block)", duration(h.ValueAtQuantile(50)), count(int(h.TotalCount()), "transaction"))})
		}
	}
	return rows
}
