//go:build e2e

package reports

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/chaindyno/chaindyno/reports/result"
)

var shots = flag.String("shots", "", "folder to keep screenshots in")

// tab is a page of a real browser that notes every request and complaint.
type tab struct {
	ctx      context.Context
	mu       sync.Mutex
	requests []string
	problems []string
}

func newTab(t *testing.T) *tab {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.NoSandbox, chromedp.WSURLReadTimeout(2*time.Minute))
	alloc, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // starts the browser
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(cancel)
	b := &tab{ctx: ctx}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	call(t, b, network.Enable, network.EnableParams{})
	call(t, b, cdplog.Enable, cdp.Empty{})
	call(t, b, runtime.Enable, cdp.Empty{})
	return b
}

func call[P, R any](t *testing.T, b *tab, command cdp.Command[P, R], params P) {
	t.Helper()
	if _, err := chromedp.Call(b.ctx, command, params); err != nil {
		t.Fatal(err)
	}
}

func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") {
			b.requests = append(b.requests, e.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.problems = append(b.problems, fmt.Sprintf("console %s", e.Type))
	case *cdplog.EventEntryAdded:
		b.problems = append(b.problems, e.Entry.Text)
	}
}

func (b *tab) run(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// eval returns what a script in the page says.
func eval[T any](t *testing.T, b *tab, script string) T {
	t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (b *tab) open(t *testing.T, page, scheme string, width int64) {
	t.Helper()
	call(t, b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1})
	call(t, b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	b.run(t, chromedp.Navigate(page))
}

// quiet fails the test if anything but the page itself was asked for, or
// anything was complained about.
func (b *tab) quiet(t *testing.T, page string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.requests {
		if r != page && !strings.HasPrefix(r, "blob:") {
			t.Errorf("request to %s", r)
		}
	}
	for _, p := range b.problems {
		t.Errorf("the browser says: %s", p)
	}
}

// shot keeps a picture of the whole page, where one was asked for.
func (b *tab) shot(t *testing.T, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// reportPage writes a run's report and returns its address.
func reportPage(t *testing.T, run *result.Run) string {
	t.Helper()
	dir := t.TempDir()
	if err := WriteRun(dir, run); err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(filepath.Join(dir, result.FileHTML))
	if err != nil {
		t.Fatal(err)
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// The report opens from disk in light and dark, wide and narrow: without a
// request, a console message, or anything wider than the screen.
func TestReportOpens(t *testing.T) {
	page := reportPage(t, sampleRun())
	grounds := map[string]string{"light": "rgb(244, 245, 247)", "dark": "rgb(20, 23, 28)"}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 420} {
			t.Run(fmt.Sprintf("%s %d", scheme, width), func(t *testing.T) {
				b := newTab(t)
				b.open(t, page, scheme, width)
				if got := eval[string](t, b, `getComputedStyle(document.body).backgroundColor`); got != grounds[scheme] {
					t.Errorf("background %s, want %s", got, grounds[scheme])
				}
				sections := eval[int](t, b, `document.querySelectorAll('main > section').length`)
				buttons := eval[int](t, b, `document.querySelectorAll('figure .tools button').length`)
				if sections < 16 || buttons < 20 {
					t.Errorf("%d sections and %d buttons: something is missing", sections, buttons)
				}
				if wide := eval[int](t, b, tooWide); wide > 0 {
					t.Errorf("the page is %d px wider than the screen", wide)
				}
				b.shot(t, fmt.Sprintf("%s-%d", scheme, width))
				b.quiet(t, page)
			})
		}
	}
}

const tooWide = `document.documentElement.scrollWidth - document.documentElement.clientWidth`

// All text against what lies under it, in both themes: 4.5:1 or better.
const contrastScript = `(() => {
  const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return { rgb: m.slice(0, 3), a: m.length > 3 ? m[3] : 1 }; };
  const lum = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a === 1) return c.rgb; } return [255, 255, 255]; };
  const bad = {};
  let checked = 0;
  const check = (e, colour, name) => {
    const f = lum(parse(colour).rgb), g = lum(ground(e)), r = (Math.max(f, g) + 0.05) / (Math.min(f, g) + 0.05);
    checked++;
    if (r < 4.5) bad[name] = Math.round(r * 100) / 100;
  };
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const s = getComputedStyle(e);
    if (own && e.closest('svg') && e.tagName === 'text') check(e.closest('.box, li'), s.fill, 'svg text.' + e.getAttribute('class'));
    else if (own && !e.closest('svg, script, style')) check(e, s.color, e.tagName + '.' + e.className);
    if (e.tagName === 'path' && e.closest('.plot') && s.stroke !== 'none') check(e.closest('.box, li'), s.stroke, 'path.' + e.getAttribute('class'));
  }
  return JSON.stringify({ checked, bad });
})()`

func TestReportContrast(t *testing.T) {
	page := reportPage(t, sampleRun())
	for _, scheme := range []string{"light", "dark"} {
		b := newTab(t)
		b.open(t, page, scheme, 1280)
		got := eval[string](t, b, contrastScript)
		if !strings.Contains(got, `"bad":{}`) {
			t.Errorf("%s: below 4.5:1: %s", scheme, got)
		}
		if strings.Contains(got, `"checked":0`) {
			t.Errorf("%s: nothing was checked", scheme)
		}
	}
}

// With scripts off every section, chart and data table is there, and no button
// that would do nothing.
func TestReportWithoutScripts(t *testing.T) {
	page := reportPage(t, sampleRun())
	b := newTab(t)
	call(t, b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.open(t, page, "light", 1280)
	b.shot(t, "no-script-1280")
	html, err := chromedp.Run(b.ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	if err != nil {
		t.Fatal(err)
	}
	charts, tables, buttons := strings.Count(html, `<svg class="chart" role="img"`), strings.Count(html, `<details class="data">`), strings.Count(html, "<button")
	if charts < 10 || tables != charts || buttons != 0 {
		t.Errorf("%d charts, %d data tables, %d buttons", charts, tables, buttons)
	}
	b.quiet(t, page)
}

// press is a click that does not depend on what has scrolled where.
func press(selector string) string {
	return fmt.Sprintf("document.querySelector(%q).click(), true", selector)
}

type place struct{ X, Y, W float64 }

// The pointer shows one moment in all charts over time; dragging zooms all of
// them and the button takes it back; a legend entry hides its curve.
func TestReportInteracts(t *testing.T) {
	page := reportPage(t, sampleRun())
	b := newTab(t)
	b.open(t, page, "light", 1280)
	b.run(t, chromedp.ScrollIntoView(chromedp.CSS("#fig-throughput")))
	r := eval[place](t, b, `(() => { const r = document.querySelector('#fig-throughput .box > svg.chart').getBoundingClientRect(); return { X: r.left, Y: r.top + 60, W: r.width }; })()`)
	b.run(t, chromedp.MouseEvent(chromedp.MouseMoved, r.X+r.W*0.4, r.Y))
	hairs := eval[int](t, b, `[...document.querySelectorAll('.hair')].filter(h => !h.hidden).length`)
	tips := eval[[]string](t, b, `[...document.querySelectorAll('.tip')].filter(h => !h.hidden).map(h => h.textContent)`)
	if hairs < 5 || len(tips) != 1 || !strings.Contains(tips[0], "committed (tx/s)") {
		t.Errorf("%d hairs, tips %q", hairs, tips)
	}
	b.shot(t, "hover")
	b.run(t,
		chromedp.MouseEvent(chromedp.MousePressed, r.X+r.W*0.3, r.Y, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseMoved, r.X+r.W*0.5, r.Y, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseReleased, r.X+r.W*0.5, r.Y, chromedp.ButtonLeft))
	boxes := eval[[]string](t, b, `[...new Set([...document.querySelectorAll('svg.chart[data-time] .plot')].map(p => p.getAttribute('viewBox').split(' ').map(Math.round).slice(0, 3).join(' ')))]`)
	if !slices.Equal(boxes, []string{"3000 0 2000"}) {
		t.Errorf("zoomed to %q, want one and the same 3000 0 2000", boxes)
	}
	b.shot(t, "zoomed")
	eval[bool](t, b, press("#fig-throughput .tools button:nth-child(3)"))
	if box := eval[string](t, b, `document.querySelector('#fig-throughput .box > .chart > .plot').getAttribute('viewBox')`); !strings.HasPrefix(box, "0 0 10000 ") {
		t.Errorf("reset to %q", box)
	}
	eval[bool](t, b, press(`#fig-throughput .legend li[data-s="c-ink"]`))
	if display := eval[string](t, b, `getComputedStyle(document.querySelector('#fig-throughput .box > .chart > .plot .c-ink')).display`); display != "none" {
		t.Errorf("display of the hidden curve is %q", display)
	}
	b.quiet(t, page)
}

// The buttons save what they say, from a file on disk and under the policy.
func TestReportDownloads(t *testing.T) {
	page := reportPage(t, sampleRun())
	b := newTab(t)
	downloads := t.TempDir()
	done := make(chan string, 4)
	err := chromedp.ListenBrowser(b.ctx, func(event any) {
		if e, ok := event.(*browser.EventDownloadProgress); ok && e.State == browser.DownloadProgressStateCompleted {
			done <- e.GUID
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: downloads, EventsEnabled: new(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.open(t, page, "light", 1280)
	for n, want := range map[int]string{1: "time (s),offered (tx/s)", 2: "<svg xmlns="} {
		eval[bool](t, b, press(fmt.Sprintf("#fig-throughput .tools button:nth-child(%d)", n)))
		select {
		case guid := <-done:
			data, err := os.ReadFile(filepath.Join(downloads, guid))
			if err != nil || !strings.HasPrefix(string(data), want) {
				t.Errorf("download %d: %.80q (%v), want %q first", n, data, err, want)
			}
			if *shots != "" && n == 2 {
				_ = os.WriteFile(filepath.Join(*shots, "chart.svg"), data, 0o644)
			}
		case <-time.After(time.Minute):
			t.Fatal("the download did not come")
		}
	}
	b.quiet(t, page)
}

// A run full of markup runs none of it.
func TestReportHostile(t *testing.T) {
	page := reportPage(t, hostileRun())
	b := newTab(t)
	b.open(t, page, "light", 1280)
	scripts := eval[int](t, b, `document.querySelectorAll('script').length`)
	foreign := eval[int](t, b, `document.querySelectorAll('img, iframe, object, embed, b:not(.tip b)').length`)
	wide := eval[int](t, b, tooWide)
	if scripts != 1 || foreign != 0 || wide > 0 {
		t.Errorf("%d scripts, %d foreign elements, %d px too wide", scripts, foreign, wide)
	}
	b.shot(t, "hostile")
	b.quiet(t, page)
}

// The smallest run there can be still makes a page.
func TestReportEmpty(t *testing.T) {
	page := reportPage(t, &result.Run{})
	b := newTab(t)
	b.open(t, page, "light", 1280)
	b.shot(t, "empty")
	b.quiet(t, page)
}
