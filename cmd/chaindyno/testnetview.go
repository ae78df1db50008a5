package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/internal/scrape"
	"github.com/chaindyno/chaindyno/loadgen/sut"
)

// testnetView shows what nodes are doing: a table that is drawn again every
// second on a terminal, and a line every ten seconds elsewhere.
type testnetView struct {
	w       io.Writer
	draws   bool
	nodes   []sut.Node
	clients []*client.Client
	last    []pulse
	height  int // of the table on the screen, in lines
}

// pulse is one reading of one node.
type pulse struct {
	at    time.Time
	err   error
	stats client.Stats
	peers float64
	cpu   float64 // cores since the reading before
}

const (
	pulseEvery = time.Second
	linesEvery = 10 // pulses
)

func newTestnetView(w io.Writer, nodes []sut.Node, o client.Options) (*testnetView, error) {
	f, isFile := w.(*os.File)
	v := &testnetView{w: w, nodes: nodes, last: make([]pulse, len(nodes))}
	v.draws = isFile && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
	for _, n := range nodes {
		c, err := client.Dial(n.Address, o)
		if err != nil {
			v.close()
			return nil, err
		}
		v.clients = append(v.clients, c)
	}
	return v, nil
}

func (v *testnetView) close() {
	for _, c := range v.clients {
		_ = c.Close()
	}
}

// run shows the nodes until ctx ends, and has those revived that have ended.
func (v *testnetView) run(ctx context.Context, revive func(context.Context) ([]string, error)) error {
	every := time.NewTicker(pulseEvery)
	defer every.Stop()
	for n := 0; ; n++ {
		news, err := revive(ctx)
		v.feel(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if v.draws || n%linesEvery == 0 || len(news) > 0 {
			err = errors.Join(err, v.show(news))
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}

// feel reads all nodes at once; one that stands still costs a part of a second.
func (v *testnetView) feel(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, pulseEvery*8/10)
	defer cancel()
	var asking sync.WaitGroup
	for i := range v.nodes {
		asking.Go(func() {
			p := pulse{at: time.Now()}
			if p.stats, p.err = v.clients[i].Stats(limited); p.err == nil {
				if sample, err := scrape.Read(limited, v.nodes[i].Admin); err == nil {
					p.peers = peersOf(sample)
				}
			}
			before := &v.last[i]
			if used := p.stats.CPUSeconds - before.stats.CPUSeconds; before.err == nil && !before.at.IsZero() && used >= 0 {
				p.cpu = used / p.at.Sub(before.at).Seconds()
			}
			v.last[i] = p
		})
	}
	asking.Wait()
}

// show prints news and, below them, how the nodes are.
func (v *testnetView) show(news []string) error {
	var table strings.Builder
	if v.height > 0 {
		fmt.Fprintf(v.w, "\x1b[%dA\x1b[J", v.height)
	}
	for _, line := range news {
		fmt.Fprintf(v.w, "%s  %s\n", time.Now().Format(time.TimeOnly), line)
	}
	if !v.draws {
		_, err := fmt.Fprintln(v.w, v.line())
		return err
	}
	if err := printTable(&table, v.rows()); err != nil {
		return err
	}
	fmt.Fprintf(&table, "\n%s\n", v.agreement())
	v.height = strings.Count(table.String(), "\n")
	_, err := io.WriteString(v.w, table.String())
	return err
}

func (v *testnetView) rows() [][]string {
	rows := [][]string{{"node", "height", "tip", "peers", "pool", "blocks made", "cpu", "memory"}}
	for i, n := range v.nodes {
		p := &v.last[i]
		if p.err != nil {
			rows = append(rows, []string{n.Name, "does not answer", "", "", "", "", "", ""})
			continue
		}
		rows = append(rows, []string{
			n.Name, fmt.Sprint(p.stats.Tip.Height), p.stats.Tip.Hash.String()[56:], fmt.Sprint(p.peers), fmt.Sprint(p.stats.PoolTxs),
			fmt.Sprint(p.stats.BlocksSealed), fmt.Sprintf("%.0f %%", 100*p.cpu), size(p.stats.RSSBytes),
		})
	}
	return rows
}

// agreement says whether the nodes that answer are at one block.
func (v *testnetView) agreement() string {
	tips := map[ledger.Hash]int{}
	answer := 0
	for i := range v.last {
		if v.last[i].err == nil {
			tips[v.last[i].stats.Tip.Hash]++
			answer++
		}
	}
	switch {
	case answer == 0:
		return "no node answers"
	case len(tips) == 1 && answer == len(v.nodes):
		return "all at one block"
	case len(tips) == 1:
		return fmt.Sprintf("%d of %d answer, all at one block", answer, len(v.nodes))
	}
	return fmt.Sprintf("at %d different blocks", len(tips))
}

func (v *testnetView) line() string {
	var heights, peers, pools []string
	for i := range v.last {
		if p := &v.last[i]; p.err == nil {
			heights, peers, pools = append(heights, fmt.Sprint(p.stats.Tip.Height)), append(peers, fmt.Sprint(p.peers)), append(pools, fmt.Sprint(p.stats.PoolTxs))
		} else {
			heights, peers, pools = append(heights, "-"), append(peers, "-"), append(pools, "-")
		}
	}
	return fmt.Sprintf("height %s; peers %s; pool %s; %s",
		strings.Join(heights, " "), strings.Join(peers, " "), strings.Join(pools, " "), v.agreement())
}

// printTable aligns columns.
func printTable(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	return t.Flush()
}
