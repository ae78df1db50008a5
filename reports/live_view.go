package reports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/chaindyno/chaindyno/reports/result"
)

// liveView runs the drawing view. What ends it from outside is no error.
func liveView(ctx context.Context, out io.Writer, in io.Reader, stop func(), updates <-chan Progress) error {
	m := liveModel{ctx: ctx, updates: updates, stop: stop, style: style(ColorAuto.on(out)), width: widthOf(out, 0)}
	_, err := tea.NewProgram(m, tea.WithContext(ctx), tea.WithOutput(out), tea.WithInput(in),
		tea.WithoutSignalHandler(), tea.WithFPS(20)).Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		return nil
	}
	return err
}

// liveModel is the view's state. Bubble Tea calls it from one goroutine.
type liveModel struct {
	ctx      context.Context
	updates  <-chan Progress
	stop     func()
	stopping bool
	over     bool
	have     bool
	p        Progress
	width    int
	style    style
}

type (
	progressMsg Progress
	overMsg     struct{}
)

func (m liveModel) Init() tea.Cmd { return m.next }

// next waits for a reading. It runs on a goroutine of Bubble Tea's.
func (m liveModel) next() tea.Msg {
	select {
	case p, ok := <-m.updates:
		if ok {
			return progressMsg(p)
		}
	case <-m.ctx.Done():
	}
	return overMsg{}
}

func (m liveModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case progressMsg:
		m.p, m.have = Progress(msg), true
		return m, m.next
	case overMsg:
		m.over = true
		return m, tea.Quit
	case tea.WindowSizeMsg:
		m.width = min(max(msg.Width, 40), widest)
	case tea.KeyPressMsg:
		if msg.String() == "ctrl+c" {
			return m.interrupt()
		}
	}
	return m, nil
}

func (m liveModel) interrupt() (tea.Model, tea.Cmd) {
	if m.stopping {
		m.over = true
		return m, tea.Quit
	}
	m.stopping = true
	if m.stop != nil {
		m.stop()
	}
	return m, nil
}

// View draws nothing once it is over, so that the final tables take its place.
func (m liveModel) View() tea.View {
	if m.over || !m.have {
		return tea.NewView("")
	}
	return tea.NewView(m.draw())
}

// draw lays out the reading, at most m.width columns wide.
func (m liveModel) draw() string {
	s, p := m.style, m.p
	lines := []string{
		s.bold(cut(Clean(p.Name), m.width/2)) + "  " + s.dim(cut(Clean(p.Target), m.width/2-4)),
	}
	if p.Among != "" {
		lines = append(lines, cut(Clean(p.Among), m.width))
	}
	lines = append(lines, m.phaseLine(), "")
	if p.Of > 0 {
		lines = append(lines, fmt.Sprintf("%s of %s", formatCount(p.Done), formatCount(p.Of)))
	}
	if p.loaded() {
		lines = append(lines, m.load()...)
	}
	lines = append(lines, m.slo()...)
	lines = append(lines, m.workers()...)
	lines = append(lines, m.warnings()...)
	lines = append(lines, "", m.hint())
	for i := range lines {
		lines[i] = ansi.Truncate(lines[i], m.width, "…")
	}
	return strings.Join(lines, "\n")
}

func (m liveModel) phaseLine() string {
	p, share := m.p, -1.0
	switch {
	case p.Of > 0:
		share = float64(p.Done) / float64(p.Of)
	case p.Total > 0:
		share = p.Elapsed.Seconds() / p.Total.Seconds()
	}
	phase := fmt.Sprintf("%-9s", Clean(p.Phase))
	when := p.Elapsed.Round(time.Second).String()
	if p.Total > 0 && p.Of == 0 {
		when += " of " + p.Total.Round(time.Second).String()
	}
	if share < 0 {
		return m.style.cyan(phase) + " " + when
	}
	return m.style.cyan(phase) + " " + m.bar(min(max(share, 0), 1), min(m.width-36, 50)) + fmt.Sprintf(" %3.0f %%  ", 100*min(share, 1)) + m.style.dim(when)
}

// bar is a progress bar in eighths of a column.
func (m liveModel) bar(share float64, width int) string {
	width = max(width, 5)
	eighths := int(math.Round(share * float64(width) * 8))
	full := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		full += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return m.style.green(full) + m.style.dim(strings.Repeat("·", width-len([]rune(full))))
}

// load shows rates, sparklines on one common scale, latency and the chain.
func (m liveModel) load() []string {
	s, p := m.style, m.p
	width := max(min(m.width-44, 60), 10)
	top := peak(p.Offered, p.Committed, width)
	asked := ""
	if p.AskedPerS > 0 {
		asked = s.dim("asked " + formatNumber(p.AskedPerS) + "/s")
	}
	row := func(name, value, line string) string {
		return fmt.Sprintf("%-10s%s  %s", name, padLeft(value, 10), line)
	}
	lines := []string{
		row("offered", formatNumber(p.AchievedPerS)+"/s", s.dim(sparkline(p.Offered, top, width))+" "+asked),
		row("committed", s.bold(formatNumber(p.CommittedPerS)+"/s"), s.cyan(sparkline(p.Committed, top, width))+" "+s.dim("peak "+formatNumber(top)+"/s")),
		row("latency", formatLive(p.CommitP99), "commit p99, p50 "+formatLive(p.CommitP50)),
		row("backlog", formatCount(p.InFlight), "in flight"+pooled(p.Pool)),
		row("blocks", formatCount(p.Blocks), fmt.Sprintf("height %s, %s", formatCount(p.Height), plural(p.Reorgs, "reorganisation"))),
	}
	errors := fmt.Sprintf("rejected %s, unknown %s, dropped %s", formatCount(p.Rejected), formatCount(p.Unknown), formatCount(p.Dropped))
	count := formatCount(p.Rejected + p.Unknown + p.Dropped)
	if p.Rejected+p.Unknown+p.Dropped > 0 {
		count = s.yellow(count)
	}
	return append(lines, row("errors", count, errors))
}

func pooled(n int64) string {
	if n < 0 {
		return ""
	}
	return ", " + formatCount(n) + " in the pool"
}

func formatLive(d time.Duration) string {
	if d <= 0 {
		return absent
	}
	return formatNs(int64(d))
}

func padLeft(s string, n int) string { return strings.Repeat(" ", max(n-visible(s), 0)) + s }

// peak is the greatest of the last n values of either history.
func peak(a, b []float64, n int) float64 {
	top := 0.0
	for _, h := range [][]float64{a, b} {
		for _, v := range h[max(len(h)-n, 0):] {
			top = max(top, v)
		}
	}
	return top
}

// sparkline draws the last n values, each as a block in eighths of top. A
// value above 0 is never drawn as nothing.
func sparkline(values []float64, top float64, n int) string {
	values = values[max(len(values)-n, 0):]
	var b strings.Builder
	for _, v := range values {
		switch {
		case v <= 0 || top <= 0 || math.IsNaN(v):
			b.WriteRune(' ')
		default:
			level := int(math.Ceil(8*min(v/top, 1))) - 1
			b.WriteRune([]rune("▁▂▃▄▅▆▇█")[max(level, 0)])
		}
	}
	return b.String() + strings.Repeat(" ", n-len(values))
}

func (m liveModel) slo() []string {
	var lines []string
	for _, c := range m.p.SLO {
		mark := m.style.mark(c.OK)
		if !c.Known {
			mark = m.style.dim("·")
		}
		lines = append(lines, fmt.Sprintf("%s %s %s  %s", mark, cut(Clean(c.Name), 40), limit(c), m.style.dim(observedSoFar(c))))
	}
	return spaced(lines)
}

func observedSoFar(c result.Check) string {
	if !c.Known {
		return "not observed yet"
	}
	return "so far " + beside(c.Observed, c.Limit, c.Unit)
}

// spaced puts an empty line before a part that is there.
func spaced(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return append([]string{""}, lines...)
}

// A view shows this many of each, and says how many more there are.
const (
	liveWorkers  = 8
	liveWarnings = 4
)

func (m liveModel) workers() []string {
	if len(m.p.Workers) < 2 {
		return nil
	}
	var lines []string
	for i, w := range m.p.Workers {
		if i == liveWorkers {
			lines = append(lines, m.style.dim(fmt.Sprintf("… and %d more", len(m.p.Workers)-i)))
			break
		}
		state := m.style.green("●")
		if w.Lost {
			state = m.style.red("✗ lost")
		}
		lines = append(lines, fmt.Sprintf("%-16s %s/s  p99 %s  %s", cut(Clean(w.Name), 16), padLeft(formatNumber(w.SentPerS), 8), padLeft(formatLive(w.CommitP99), 7), state))
	}
	return spaced(lines)
}

func (m liveModel) warnings() []string {
	var lines []string
	all := m.p.Warnings
	if n := len(all) - liveWarnings; n > 0 {
		lines = append(lines, m.style.dim(plural(n, "earlier warning")))
		all = all[n:]
	}
	for _, w := range all {
		lines = append(lines, m.style.yellow("!")+" "+cut(Clean(w), m.width-4))
	}
	return spaced(lines)
}

func (m liveModel) hint() string {
	if m.stopping {
		return m.style.yellow("stopping: waiting for what is under way; every file will be written")
	}
	return m.style.dim("Ctrl-C ends the run early; its files are written all the same")
}
