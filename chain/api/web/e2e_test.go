//go:build e2e

package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	keys "github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/api/server"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

var shots = flag.String("shots", "", "folder to keep screenshots in")

// tab is a page of a real browser that notes every request and complaint.
type tab struct {
	t        *testing.T
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
	b := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	command(b, network.Enable, network.EnableParams{})
	command(b, cdplog.Enable, cdp.Empty{})
	command(b, runtime.Enable, cdp.Empty{})
	return b
}

func command[P, R any](b *tab, c cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, c, params); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, fmt.Sprintf("%s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		b.problems = append(b.problems, fmt.Sprintf("console %s", e.Type))
	case *cdplog.EventEntryAdded:
		b.problems = append(b.problems, e.Entry.Text+" "+e.Entry.URL)
	}
}

// quiet fails the test if the page asked another than its node, or complained.
func (b *tab) quiet(origin string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.requests {
		if !strings.HasPrefix(r, origin+"/") {
			b.t.Errorf("request to %s", r)
		}
	}
	for _, p := range b.problems {
		b.t.Errorf("the browser says: %s", p)
	}
}

func (b *tab) open(page, scheme string, width int64) {
	b.t.Helper()
	command(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1})
	command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	if err := chromedp.Do(b.ctx, chromedp.Navigate(page)); err != nil {
		b.t.Fatal(err)
	}
}

// eval returns what a script in the page says.
func eval[T any](b *tab, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// await waits until a script in the page says true, looking at each frame.
func (b *tab) await(what, script string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script))
		if err != nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.t.Fatalf("waiting for %s: %v; the browser says %q", what, err, b.problems)
		}
		if ok {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// press types keys as a person would.
func (b *tab) press(list ...string) {
	b.t.Helper()
	codes := map[string]int64{"Enter": 13, "Tab": 9, "ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "End": 35, "Escape": 27, "/": 191}
	for _, k := range list {
		text := ""
		if len(k) == 1 {
			text = k
		} else if k == "Enter" {
			text = "\r"
		}
		command(b, keys.DispatchKeyEvent, keys.DispatchKeyEventParams{Type: "keyDown", Key: k, Code: k, Text: text, WindowsVirtualKeyCode: codes[k]})
		command(b, keys.DispatchKeyEvent, keys.DispatchKeyEventParams{Type: "keyUp", Key: k, Code: k, WindowsVirtualKeyCode: codes[k]})
	}
}

func (b *tab) write(text string) {
	b.t.Helper()
	command(b, keys.InsertText, keys.InsertTextParams{Text: text})
}

// shot keeps a picture of the whole page, where one was asked for.
func (b *tab) shot(name string) {
	b.t.Helper()
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// daemon is a node in a process of its own.
type daemon struct {
	Listen, HTTP string
	stop         func()
}

// launch starts the real binary, which make e2e names in CHAINDYNO_BIN.
func launch(t *testing.T, args ...string) *daemon {
	t.Helper()
	bin := os.Getenv("CHAINDYNO_BIN")
	if bin == "" {
		t.Fatal("CHAINDYNO_BIN is not set: use make e2e")
	}
	cmd := exec.Command(bin, append([]string{"node", "--admin", "", "--set", "network.dev_outputs=2000"}, args...)...)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &daemon{stop: sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})}
	t.Cleanup(d.stop)
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, d) != nil || d.HTTP == "" {
		d.stop()
		t.Fatalf("not ready: %s %s", line, log.String())
	}
	return d
}

// sender makes transfers that spend one output of the genesis after the other.
type sender struct {
	*client.Client
	params *ledger.Params
	next   uint32
}

func connect(t *testing.T, addr string) *sender {
	t.Helper()
	c, err := client.Dial(addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	info, err := c.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &sender{Client: c, params: info.Params}
}

func (s *sender) pay(t *testing.T) ledger.Hash {
	t.Helper()
	n := &node{params: s.params}
	raw := n.transfer(s.next)
	s.next++
	answer, id, err := s.Submit(t.Context(), raw)
	if err != nil || answer != ledger.RejectNone {
		t.Fatalf("%v, %v", answer, err)
	}
	return id
}

const (
	newest  = `Number(document.querySelector('#strip li')?.dataset.height ?? -1)`
	live    = `document.body.dataset.state === 'live' && document.querySelector('#strip li') !== null`
	title   = `(document.querySelector('#content h2')?.textContent ?? '')`
	tooWide = `document.documentElement.scrollWidth - document.documentElement.clientWidth`
)

// The explorer follows new blocks without being loaded again, finds a
// transaction that was just sent, and verifies its proof, with nothing but the
// keyboard: in light and dark, on a desk and on a phone.
func TestE2EExplorer(t *testing.T) {
	d := launch(t, "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--pace", "400ms")
	s := connect(t, d.Listen)
	origin := "http://" + d.HTTP
	grounds := map[string]string{"light": "rgb(244, 245, 247)", "dark": "rgb(20, 23, 28)"}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 390} {
			t.Run(fmt.Sprintf("%s %d", scheme, width), func(t *testing.T) {
				b := newTab(t)
				name := fmt.Sprintf("%s-%d", scheme, width)
				b.open(origin+"/", scheme, width)
				b.await("the strip", live)
				if got := eval[string](b, `getComputedStyle(document.body).backgroundColor`); got != grounds[scheme] {
					t.Errorf("background %s, want %s", got, grounds[scheme])
				}
				eval[bool](b, `window.kept = true`)
				for range 60 {
					s.pay(t)
				}
				at := eval[int](b, newest)
				b.await("three more blocks", fmt.Sprintf("%s >= %d && window.kept", newest, at+3))
				b.await("the pool", `!document.querySelector('#content').textContent.includes('Not read yet')`)
				b.await("the chart", `document.querySelector('.chart .curve').getAttribute('d') !== ''`)
				b.look("home-" + name)
				id := s.pay(t).String()
				b.press("/")
				b.write(id)
				b.press("Enter")
				b.await("the proof", `document.querySelector('#proven') !== null && window.kept`)
				steps := eval[[]string](b, `[...document.querySelectorAll('.steps li')].map(e => e.className)`)
				if !slices.Equal(steps, []string{"ok", "ok", "ok", "ok", "ok"}) {
					t.Errorf("steps %q", steps)
				}
				if got := eval[string](b, `document.querySelector('.facts dd').textContent`); got != id {
					t.Errorf("the page shows %s, want %s", got, id)
				}
				b.look("tx-" + name)
				eval[bool](b, `document.querySelector('#content .facts a[href^="#/block/"]').click(), true`)
				b.await("the block", title+`.startsWith('Block ')`)
				if ids := eval[[]string](b, `[...document.querySelectorAll('.ids a')].map(e => e.textContent)`); !slices.Contains(ids, id) {
					t.Errorf("the block does not list %s", id)
				}
				b.look("block-" + name)
				b.quiet(origin)
			})
		}
	}
}

// look checks that what is on the screen can be read, and keeps a picture.
func (b *tab) look(name string) {
	b.t.Helper()
	if wide := eval[int](b, tooWide); wide > 0 {
		b.t.Errorf("%s is %d px wider than the screen", name, wide)
	}
	if got := eval[string](b, contrastScript); !strings.Contains(got, `"bad":{}`) || strings.Contains(got, `"checked":0`) {
		b.t.Errorf("%s: below 4.5:1: %s", name, got)
	}
	b.shot(name)
}

// All text against what lies under it: 4.5:1 or better.
const contrastScript = `(() => {
  const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return { rgb: m.slice(0, 3), a: m.length > 3 ? m[3] : 1 }; };
  const lum = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a === 1) return c.rgb; } return [255, 255, 255]; };
  const bad = {};
  let checked = 0;
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.closest('script, style, noscript, .hidden') || !e.checkVisibility()) continue;
    const s = getComputedStyle(e), f = lum(parse(e.tagName === 'text' ? s.fill : s.color).rgb), g = lum(ground(e.tagName === 'text' ? e.closest('section') : e));
    const r = (Math.max(f, g) + 0.05) / (Math.min(f, g) + 0.05);
    checked++;
    if (r < 4.5) bad[e.tagName + '.' + e.getAttribute('class')] = Math.round(r * 100) / 100;
  }
  return JSON.stringify({ checked, bad });
})()`

// Everything can be reached and used with the keyboard alone.
func TestE2EExplorerKeyboard(t *testing.T) {
	d := launch(t, "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--pace", "200ms")
	b := newTab(t)
	b.open("http://"+d.HTTP+"/", "light", 1280)
	b.await("six blocks", `document.querySelectorAll('#strip li').length >= 6`)
	const focus = `(e => e.id || e.className || e.tagName + ' ' + (e.closest('li')?.dataset.height ?? ''))(document.activeElement)`
	b.press("Tab")
	if got := eval[string](b, focus); got != "skip" {
		t.Errorf("the first stop is %q, want the skip link", got)
	}
	b.press("Enter")
	if got := eval[string](b, focus); got != "content" {
		t.Errorf("the skip link leads to %q", got)
	}
	b.press("/")
	if got := eval[string](b, focus); got != "query" {
		t.Errorf("/ leads to %q", got)
	}
	b.press("Tab", "Tab")
	if !eval[bool](b, `document.activeElement.closest('#strip') !== null`) {
		t.Fatalf("after the search comes %q, want the strip", eval[string](b, focus))
	}
	b.press("End")
	if got := eval[bool](b, `document.activeElement.closest('li') === document.querySelector('#strip').lastElementChild`); !got {
		t.Errorf("End leads to %q", eval[string](b, focus))
	}
	at := eval[int](b, `Number(document.activeElement.closest('li').dataset.height)`)
	b.press("ArrowLeft")
	if got := eval[int](b, `Number(document.activeElement.closest('li').dataset.height)`); got != at+1 {
		t.Errorf("one to the left of block %d is %d", at, got)
	}
	// New blocks take nothing from who is reading: focus stays on its block.
	b.await("two more blocks", fmt.Sprintf("%s >= %d", newest, eval[int](b, newest)+2))
	if got := eval[int](b, `Number(document.activeElement.closest('li').dataset.height)`); got != at+1 {
		t.Errorf("focus went from block %d to %d by itself", at+1, got)
	}
	b.press("Enter")
	b.await("the block", title+fmt.Sprintf(` === 'Block %d'`, at+1))
	if got := eval[bool](b, `document.activeElement === document.querySelector('#content h2')`); !got {
		t.Errorf("the page has opened, and focus is on %q", eval[string](b, focus))
	}
	outline := eval[string](b, `(document.querySelector('#query').focus(), getComputedStyle(document.querySelector('#query')).outlineStyle)`)
	if outline == "none" {
		t.Error("focus on the search cannot be seen")
	}
}

// Blocks that are reverted leave the strip, and the page says so.
func TestE2EExplorerReorganisation(t *testing.T) {
	n := newNode()
	n.peers = []Peer{{ID: strings.Repeat("5a", 32), Address: "10.0.0.7:7702", Height: 12, RTT: 1300 * time.Microsecond}, {ID: "b", Address: "10.0.0.8:7702", Inbound: true}}
	raw := n.transfer(1)
	for i := range 12 {
		if i == 9 {
			n.extend(raw)
			continue
		}
		n.extend()
	}
	tx, _, _ := ledger.ParseTx(raw, ledger.MaxTxBytes)
	s := serve(t, n, func(wc *Config, _ *server.Config) { wc.SampleEvery = 50 * time.Millisecond })
	b := newTab(t)
	b.open(s.url+"/#/tx/"+tx.ID().String(), "light", 1280)
	b.await("block 12", newest+" === 12")
	b.await("the transaction", `document.querySelector('#content').textContent.includes('3 blocks deep')`)
	gone := eval[string](b, `document.querySelector('#strip a').hash`)
	n.back(4)
	n.extend()
	b.await("the revert", fmt.Sprintf(`%s === 9 && !document.querySelector('#strip a[href="%s"]')`, newest, gone))
	b.await("the notice", `document.querySelector('#notice').checkVisibility() && document.querySelector('#notice').textContent.includes('4 blocks were reverted')`)
	b.await("the transaction to be gone", `document.querySelector('#content').textContent.includes('not known to this node')`)
	heights := eval[[]int](b, `[...document.querySelectorAll('#strip li')].map(e => Number(e.dataset.height))`)
	if len(heights) != 10 || heights[0] != 9 || heights[9] != 0 {
		t.Errorf("the strip shows %v", heights)
	}
	b.look("reverted")
	n.extend(raw) // the other branch takes it in as well
	b.await("the transaction to be back", `document.querySelector('#content').textContent.includes('1 block deep')`)
	b.open(s.url+"/#/", "light", 1280)
	b.await("the peers", `document.querySelector('#content').textContent.includes('10.0.0.8:7702')`)
	b.look("peers")
}

// A page whose node has gone says so, and goes on when it is back.
func TestE2EExplorerDisconnection(t *testing.T) {
	dir := t.TempDir()
	d := launch(t, "--data", dir, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--pace", "200ms", "--sync", "always")
	b := newTab(t)
	b.open("http://"+d.HTTP+"/", "dark", 1280)
	b.await("the strip", live)
	eval[bool](b, `window.kept = true`)
	d.stop()
	b.await("the complaint", `document.querySelector('#state-text').textContent.startsWith('Disconnected')`)
	b.look("disconnected")
	at := eval[int](b, newest)
	launch(t, "--data", dir, "--listen", d.Listen, "--http", d.HTTP, "--pace", "200ms")
	b.await("the node to be back", fmt.Sprintf("%s && %s >= %d && window.kept", live, newest, at+2))
	if gaps := eval[int](b, `[...document.querySelectorAll('#strip li')].map(e => Number(e.dataset.height)).filter((h, i, all) => i && all[i - 1] - h !== 1).length`); gaps != 0 {
		t.Errorf("%d gaps in the strip", gaps)
	}
}

// With a token, the page asks for it, and works once it has it.
func TestE2EExplorerToken(t *testing.T) {
	n := newNode()
	n.extend()
	s := serve(t, n, func(_ *Config, sc *server.Config) { sc.Token = "open sesame?" })
	b := newTab(t)
	b.open(s.url+"/", "light", 1280)
	b.await("the question", `document.activeElement.id === 'token-value'`)
	b.look("token")
	if eval[bool](b, `document.querySelector('#token-wrong').checkVisibility()`) {
		t.Error("a token that nobody has given is called wrong")
	}
	b.write("wrong")
	b.press("Enter")
	b.await("the answer", `document.activeElement.id === 'token-value' && document.querySelector('#token-wrong').checkVisibility()`)
	b.look("token-wrong")
	eval[bool](b, `document.activeElement.select(), true`)
	b.write("open sesame?")
	b.press("Enter")
	b.await("the strip", live)
	if eval[bool](b, `document.querySelector('#token').checkVisibility()`) {
		t.Error("the question is still there")
	}
}

// The page's own SHA-256 and Merkle rule are those of the chain, and refuse
// what has been tampered with.
func TestE2EExplorerProofs(t *testing.T) {
	n := newNode()
	var raws [][]byte
	for i := range uint32(12) {
		raws = append(raws, n.transfer(i))
	}
	m := n.extend(raws...)
	s := serve(t, n, nil)
	b := newTab(t)
	b.open(s.url+"/", "light", 1280)
	b.await("the strip", live)
	for i := range m.block.Txs {
		id := m.block.Txs[i].ID().String()
		script := fmt.Sprintf(`import('./explorer/proof.js').then(async ({ merkleRoot, hashOf, readHeader }) => {
  const tx = await (await fetch('v1/transactions/%s')).json(), p = await (await fetch('v1/transactions/%s/proof')).json();
  const root = (id, index, count, siblings) => merkleRoot(id, index, count, siblings) === p.header.merkle, flip = h => (h[0] === '0' ? '1' : '0') + h.slice(1);
  const wrong = { 'another ID': root(flip(p.id), p.index, p.count, p.siblings), 'another index': root(p.id, p.index ^ 1, p.count, p.siblings),
    'fewer siblings': root(p.id, p.index, p.count, p.siblings.slice(1)), 'an index past the end': root(p.id, p.count, p.count, p.siblings),
    'another payload': hashOf(flip(tx.payload)) === p.id, 'another header': readHeader(p.header.raw.slice(0, -2) + 'ff').hash === p.header.hash };
  p.siblings.forEach((h, i) => { wrong['sibling ' + i] = root(p.id, p.index, p.count, p.siblings.with(i, flip(h))); });
  const good = root(p.id, p.index, p.count, p.siblings) && hashOf(tx.payload) === p.id && readHeader(p.header.raw).hash === p.header.hash;
  return [good ? '' : 'the true proof', ...Object.keys(wrong).filter(k => wrong[k])].filter(Boolean).join(', ');
})`, id, id)
		if got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise)); err != nil || got != "" {
			t.Errorf("transaction %d: wrong about %s (%v)", i, got, err)
		}
	}
	for text, want := range map[string]string{
		"":    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", // FIPS 180-4's examples
		"abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq": "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
	} {
		script := fmt.Sprintf(`import('./explorer/sha256.js').then(m => Array.from(m.sha256(new TextEncoder().encode(%q)), b => b.toString(16).padStart(2, '0')).join(''))`, text)
		if got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise)); err != nil || got != want {
			t.Errorf("%q: %s (%v)", text, got, err)
		}
	}
}
