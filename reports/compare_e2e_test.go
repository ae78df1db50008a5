//go:build e2e

package reports

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/chaindyno/chaindyno/reports/compare"
)

// comparisonPageOf writes a comparison and returns the address of its page.
func comparisonPageOf(t *testing.T, c *compare.Comparison) string {
	t.Helper()
	dir := t.TempDir()
	if err := WriteComparison(dir, c, []string{"chaindyno", "compare", "out/a", "--with", "out/b"}); err != nil {
		t.Fatal(err)
	}
	return (&url.URL{Scheme: "file", Path: filepath.Join(dir, FileCompareHTML)}).String()
}

// The comparison opens from disk in light and dark, wide and narrow: readable,
// no wider than the screen, without a request or a complaint.
func TestComparisonOpens(t *testing.T) {
	page := comparisonPageOf(t, sampleComparison(t))
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 420} {
			t.Run(fmt.Sprintf("%s %d", scheme, width), func(t *testing.T) {
				b := newTab(t)
				b.open(t, page, scheme, width)
				sections := eval[int](t, b, `document.querySelectorAll('main > section').length`)
				buttons := eval[int](t, b, `document.querySelectorAll('figure .tools button').length`)
				if sections != 8 || buttons != 24 {
					t.Errorf("%d sections and %d buttons", sections, buttons)
				}
				if wide := eval[int](t, b, tooWide); wide > 0 {
					t.Errorf("the page is %d px wider than the screen", wide)
				}
				if got := eval[string](t, b, contrastScript); !strings.Contains(got, `"bad":{}`) || strings.Contains(got, `"checked":0`) {
					t.Errorf("contrast: %s", got)
				}
				b.shot(t, fmt.Sprintf("compare-%s-%d", scheme, width))
				b.quiet(t, page)
			})
		}
	}
}

// The pointer reads both spectra at once, and a legend entry hides a side.
func TestComparisonInteracts(t *testing.T) {
	page := comparisonPageOf(t, sampleComparison(t))
	b := newTab(t)
	b.open(t, page, "light", 1280)
	b.run(t, chromedp.ScrollIntoView(chromedp.CSS("#fig-spectra")))
	r := eval[place](t, b, `(() => { const r = document.querySelector('#fig-spectra .box > svg.chart').getBoundingClientRect(); return { X: r.left, Y: r.top + 60, W: r.width }; })()`)
	b.run(t, chromedp.MouseEvent(chromedp.MouseMoved, r.X+r.W*0.4, r.Y))
	tips := eval[[]string](t, b, `[...document.querySelectorAll('.tip')].filter(h => !h.hidden).map(h => h.textContent)`)
	if len(tips) != 1 || !strings.Contains(tips[0], "A (ms)") || !strings.Contains(tips[0], "B (ms)") {
		t.Errorf("tips %q", tips)
	}
	eval[bool](t, b, press(`#fig-order-throughput .legend li[data-s="dots-b"]`))
	if display := eval[string](t, b, `getComputedStyle(document.querySelector('#fig-order-throughput .box > .chart > .plot .dots-b')).display`); display != "none" {
		t.Errorf("display of the hidden side is %q", display)
	}
	b.quiet(t, page)
}

func TestComparisonWithoutScripts(t *testing.T) {
	page := comparisonPageOf(t, sampleComparison(t))
	b := newTab(t)
	call(t, b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.open(t, page, "light", 1280)
	html, err := chromedp.Run(b.ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	if err != nil {
		t.Fatal(err)
	}
	charts, tables, buttons := strings.Count(html, `<svg class="chart" role="img"`), strings.Count(html, `<details class="data">`), strings.Count(html, "<button")
	if charts != 12 || tables != charts || buttons != 0 {
		t.Errorf("%d charts, %d data tables, %d buttons", charts, tables, buttons)
	}
	b.quiet(t, page)
}

// A comparison of runs full of markup runs none of it.
func TestComparisonHostileOpens(t *testing.T) {
	page := comparisonPageOf(t, hostileComparison(t))
	b := newTab(t)
	b.open(t, page, "light", 1280)
	scripts := eval[int](t, b, `document.querySelectorAll('script').length`)
	foreign := eval[int](t, b, `document.querySelectorAll('img, iframe, object, embed, b:not(.tip b)').length`)
	if wide := eval[int](t, b, tooWide); scripts != 1 || foreign != 0 || wide > 0 {
		t.Errorf("%d scripts, %d foreign elements, %d px too wide", scripts, foreign, wide)
	}
	b.shot(t, "compare-hostile")
	b.quiet(t, page)
	if data, err := os.ReadFile(strings.TrimPrefix(page, "file://")); err != nil || len(data) > 1<<20 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}
