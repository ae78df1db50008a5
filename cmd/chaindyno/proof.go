package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/reports"
)

func newProofCmd() *cobra.Command {
	var (
		reach            access
		targets          []string
		genesis, network string
		wait             time.Duration
	)
	cmd := &cobra.Command{
		Use:   "proof TXID",
		Short: "Prove that a transaction is in the chain, trusting no node",
		Long: "Prove that a transaction is in the chain, trusting no node: fetch every header and a Merkle proof, and check both\n" +
			"against nothing but the genesis and the proof of work. Of several targets, the valid chain with most work decides.\n" +
			"Exit code 0: proved; 1: not proved; 2: could not be tried.",
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := newLightClient(args[0], genesis, network)
			if err != nil {
				return err
			}
			o, err := reach.options()
			if err != nil {
				return err
			}
			if len(targets) == 0 {
				return usagef("no target is named; give --target HOST:PORT, or several")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), wait)
			defer cancel()
			return l.run(ctx, cmd.OutOrStdout(), targets, o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&targets, "target", nil, "a node to ask, host:port; repeat for several")
	f.StringVar(&genesis, "genesis", "", "hash of the genesis block; absent: that of the rules")
	f.StringVar(&network, "config", "", "a node's configuration file, whose section network has the rules; absent: the development network")
	f.DurationVar(&wait, "wait", time.Minute, "longest time for everything")
	reach.flags(cmd)
	return cmd
}

// lightClient is what is known without asking anybody.
type lightClient struct {
	ids     []ledger.Hash  // what the argument may mean: digits run either way
	genesis []ledger.Hash  // likewise; empty: that of params
	params  *ledger.Params // nil: the nodes', if they lead to genesis
	origin  string         // where params are from
}

func newLightClient(txid, genesis, network string) (*lightClient, error) {
	l := &lightClient{params: ledger.DevParams(), origin: "of the development network, as built in"}
	var err error
	if l.ids, err = readHash(txid); err != nil {
		return nil, usagef("transaction %q: %v", txid, err)
	}
	if network != "" {
		text, err := os.ReadFile(network)
		if err != nil {
			return nil, usage(err)
		}
		cfg, err := chain.LoadConfig(text, network, nil)
		if err != nil {
			return nil, usage(err)
		}
		l.params, l.origin = cfg.Network.Params(), "of "+network
	}
	if genesis == "" {
		l.genesis = []ledger.Hash{l.params.GenesisHash()}
		return l, nil
	}
	if l.genesis, err = readHash(genesis); err != nil {
		return nil, usagef("--genesis %q: %v", genesis, err)
	}
	switch own := l.params.GenesisHash(); {
	case slices.Contains(l.genesis, own):
		l.genesis = []ledger.Hash{own}
	case network != "":
		return nil, usagef("--genesis %s: the rules of %s give %s", genesis, network, own)
	default:
		l.params = nil
	}
	return l, nil
}

// readHash reads a hash. Its digits may run either way: everything here writes
// the last byte first, as Bitcoin does, and other tools the first one.
func readHash(s string) ([]ledger.Hash, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(ledger.Hash{}) {
		return nil, fmt.Errorf("want %d hexadecimal digits", 2*len(ledger.Hash{}))
	}
	asIs := ledger.Hash(b)
	slices.Reverse(b)
	return []ledger.Hash{ledger.Hash(b), asIs}, nil
}

// tries is how often everything is asked anew because the chain has moved
// between proof and headers.
const tries = 3

func (l *lightClient) run(ctx context.Context, w io.Writer, targets []string, o client.Options) error {
	var nodes []*client.Client
	defer func() {
		for _, c := range nodes {
			_ = c.Close()
		}
	}()
	for _, t := range targets {
		c, err := client.Dial(t, o)
		if err != nil {
			return usage(err)
		}
		nodes = append(nodes, c)
	}
	if l.params == nil {
		if err := l.askRules(ctx, nodes); err != nil {
			return err
		}
	}
	var v finding
	for range tries {
		v = l.judge(l.interview(ctx, nodes))
		if !v.moved || ctx.Err() != nil {
			break
		}
	}
	if v.best == nil && v.unreachable {
		return usage(v.err)
	}
	if err := printRows(w, l.rows(&v)); err != nil {
		return err
	}
	if v.err != nil {
		return &exitError{exitFail, v.err}
	}
	return nil
}

// askRules takes the rules from the nodes, where they give the genesis that is
// known. The genesis hash commits to the easiest target entirely, and to 32 bits
// of the digest of all rules, so nodes must not differ either.
func (l *lightClient) askRules(ctx context.Context, nodes []*client.Client) error {
	var last error
	for _, c := range nodes {
		info, err := c.Info(ctx)
		if err != nil {
			last = err
			continue
		}
		hash := info.Params.GenesisHash()
		switch {
		case !slices.Contains(l.genesis, hash):
			last = fmt.Errorf("node %s is of another network: its rules give the genesis %s", c.Target(), hash)
		case l.params != nil && l.params.Digest() != info.Params.Digest():
			return usagef("the nodes tell different rules for genesis %s; name the right ones with --config FILE", hash)
		default:
			l.params, l.genesis = info.Params, []ledger.Hash{hash}
			l.origin = "as the nodes tell them; the genesis vouches for the easiest target, and for 32 bits of the rest"
		}
	}
	if l.params == nil {
		return usage(last)
	}
	return nil
}

// rows is what was verified.
func (l *lightClient) rows(v *finding) []row {
	var rows []row
	if p := v.proof; p != nil {
		rows = append(rows,
			row{"transaction", p.ID.String()},
			row{"in block", fmt.Sprintf("%d  %s", p.Block.Height, p.Block.Hash)},
			row{"position", fmt.Sprintf("%d of %d, by %s up to the block's Merkle root", p.Path.Index+1, p.Path.Count, count(len(p.Path.Siblings), "hash"))},
			row{"confirmations", fmt.Sprint(v.best.height - p.Block.Height + 1)},
			row{"proof from", v.prover},
		)
	}
	if b := v.best; b != nil {
		rows = append(rows,
			row{"chain", fmt.Sprintf("%d headers verified: links, targets, proof of work, times; from %s", b.headers, b.target)},
			row{"tip", fmt.Sprintf("%d  %s", b.height, b.tip)},
			row{"tip's time", l.params.Clock(b.time).UTC().Format(time.RFC3339)},
			row{"work", fmt.Sprintf("%.3g hashes on average", b.work.Float64())},
		)
	}
	rows = append(rows, row{"genesis", l.genesis[0].String()}, row{"rules", l.origin})
	for _, s := range v.others {
		rows = append(rows, row{"beside", reports.Clean(strings.ReplaceAll(s, "\n", "; "))})
	}
	return rows
}
