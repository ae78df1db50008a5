package reports

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// lineEvery is how often a line is written where there is no terminal.
const lineEvery = 10 * time.Second

// liveLines writes a line every ten seconds, at each change of phase and at
// the end, and each warning once.
func liveLines(ctx context.Context, w io.Writer, updates <-chan Progress) error {
	tick := time.NewTicker(lineEvery)
	defer tick.Stop()
	l := &liner{w: w, warned: map[string]bool{}}
	for l.err == nil {
		select {
		case <-ctx.Done():
			l.flush()
			return l.err
		case p, ok := <-updates:
			if !ok {
				l.flush()
				return l.err
			}
			l.take(p)
		case <-tick.C:
			l.flush()
		}
	}
	return l.err
}

// liner keeps the latest reading that was not written yet.
type liner struct {
	w       io.Writer
	phase   string
	pending *Progress
	warned  map[string]bool
	err     error
}

func (l *liner) take(p Progress) {
	for _, w := range p.Warnings {
		if !l.warned[w] {
			l.warned[w] = true
			l.line("level", "warn", "msg", w)
		}
	}
	l.pending = &p
	if p.Phase != l.phase {
		l.phase = p.Phase
		l.flush()
	}
}

func (l *liner) flush() {
	if l.pending != nil {
		l.line(fields(l.pending)...)
		l.pending = nil
	}
}

// line writes pairs of key and value as logfmt.
func (l *liner) line(pairs ...string) {
	if l.err != nil {
		return
	}
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(pairs[i] + "=" + logfmtValue(pairs[i+1]))
	}
	_, l.err = fmt.Fprintln(l.w, b.String())
}

// logfmtValue quotes what would not be one word.
func logfmtValue(s string) string {
	s = Clean(s)
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '"' || r == '=' }) {
		return strconv.Quote(s)
	}
	return s
}

// fields are the values of a line, in order. Phases without load are short.
func fields(p *Progress) []string {
	out := []string{"level", "info", "run", p.Name, "phase", p.Phase, "t", p.Elapsed.Round(100 * time.Millisecond).String()}
	add := func(key, value string) { out = append(out, key, value) }
	if p.Among != "" {
		add("among", p.Among)
	}
	if p.Of > 0 {
		add("done", strconv.FormatUint(p.Done, 10))
		add("of", strconv.FormatUint(p.Of, 10))
		return out
	}
	if !p.loaded() {
		return out
	}
	rate := func(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }
	add("asked", rate(p.AskedPerS))
	add("sent", rate(p.AchievedPerS))
	add("committed", rate(p.CommittedPerS))
	if p.CommitP99 > 0 {
		add("p50", p.CommitP50.Round(time.Microsecond).String())
		add("p99", p.CommitP99.Round(time.Microsecond).String())
	}
	add("inflight", strconv.FormatInt(p.InFlight, 10))
	if p.Pool >= 0 {
		add("pool", strconv.FormatInt(p.Pool, 10))
	}
	add("blocks", strconv.Itoa(p.Blocks))
	add("height", strconv.FormatUint(p.Height, 10))
	add("reorgs", strconv.Itoa(p.Reorgs))
	add("dropped", strconv.FormatUint(p.Dropped, 10))
	add("rejected", strconv.FormatUint(p.Rejected, 10))
	add("unknown", strconv.FormatUint(p.Unknown, 10))
	for _, c := range p.SLO {
		add("slo."+strings.ReplaceAll(Clean(c.Name), " ", "_"), map[bool]string{true: "ok", false: "missed"}[c.OK])
	}
	return out
}
