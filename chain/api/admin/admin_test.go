package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chaindyno/chaindyno/internal/tlsx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, h Health, m *Metrics) (url string) {
	t.Helper()
	return startWith(t, Config{}, h, m)
}

func startWith(t *testing.T, cfg Config, h Health, m *Metrics) (url string) {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	s, err := New(cfg, h, m)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return "http://" + s.Addr().String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestHealth(t *testing.T) {
	var why atomic.Pointer[error]
	url := start(t, Health{Ready: func() error {
		if e := why.Load(); e != nil {
			return *e
		}
		return nil
	}}, NewMetrics())
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, text := get(t, url+path); code != 200 || text != "ok\n" {
			t.Errorf("%s: %d %q", path, code, text)
		}
	}
	e := errors.New("replaying blocks: 3 of 10")
	why.Store(&e)
	if code, text := get(t, url+"/readyz"); code != 503 || text != e.Error()+"\n" {
		t.Errorf("not ready: %d %q", code, text)
	}
	if code, _ := get(t, url+"/healthz"); code != 200 {
		t.Errorf("not ready is not dead: %d", code)
	}
}

func TestMetrics(t *testing.T) {
	m := NewMetrics()
	answered := m.Counter("answers_total", "Answers.", "kind")
	took := m.Seconds("verify_seconds", "Verification of a batch.")
	sizes := m.Sizes("block_txs", "Transactions of a block.")
	pool := 0.0
	m.Gauge("pool_txs", "Waiting.", func() float64 { return pool })
	m.Total("disk_bytes_total", "Written.", func() float64 { return 8 })
	rejected := map[string]uint64{"busy": 2}
	m.Totals("rejected_total", "Refusals.", "kind", func() map[string]uint64 { return rejected })
	url := start(t, Health{}, m)

	answered(3, "none")
	answered(2, "none")
	took(25 * time.Microsecond)
	sizes(5)
	pool = 7
	rejected["fee"] = 9
	code, text := get(t, url+"/metrics")
	if code != 200 {
		t.Fatalf("%d: %s", code, text)
	}
	for _, want := range []string{
		`chaindyno_answers_total{kind="none"} 5`,
		`chaindyno_verify_seconds_bucket{le="2e-05"} 0`,
		`chaindyno_verify_seconds_bucket{le="4e-05"} 1`,
		`chaindyno_block_txs_bucket{le="4"} 0`,
		`chaindyno_block_txs_sum 5`,
		`chaindyno_pool_txs 7`,
		`# TYPE chaindyno_disk_bytes_total counter`,
		`chaindyno_disk_bytes_total 8`,
		`chaindyno_rejected_total{kind="busy"} 2`,
		`chaindyno_rejected_total{kind="fee"} 9`,
		`process_resident_memory_bytes `,
		`go_goroutines `,
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no line %q", want)
		}
	}
}

func TestProfiles(t *testing.T) {
	url := start(t, Health{}, NewMetrics())
	for path, want := range map[string]string{
		"/debug/pprof/":                  "goroutine",
		"/debug/pprof/goroutine?debug=1": "goroutine profile",
		"/debug/pprof/cmdline":           "admin.test",
	} {
		if code, text := get(t, url+path); code != 200 || !strings.Contains(text, want) {
			t.Errorf("%s: %d without %q", path, code, want)
		}
	}
	if code, _ := get(t, url+"/nothing"); code != 404 {
		t.Errorf("an unknown path: %d", code)
	}
}

// TestTokenAndTLS reads everything with the token, and health without.
func TestTokenAndTLS(t *testing.T) {
	a, err := tlsx.NewAuthority("test", 0)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := a.Issue(tlsx.Request{Name: "node", Hosts: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	var denied atomic.Int32
	cfg := Config{Token: "right", Denied: func() { denied.Add(1) }}
	cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair.TLS()}}
	url := startWith(t, cfg, Health{}, NewMetrics())
	url = "https" + strings.TrimPrefix(url, "http")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: a.Pool()}}}
	defer client.CloseIdleConnections()
	wrong := int32(0)
	for _, tc := range []struct {
		path, token string
		code        int
	}{
		{"/healthz", "", 200}, {"/readyz", "", 200}, {"/readyz", "wrong", 200},
		{"/metrics", "", 401}, {"/metrics", "wrong", 401}, {"/metrics", "right", 200},
		{"/debug/pprof/", "", 401}, {"/debug/pprof/cmdline", "wrong", 401}, {"/debug/pprof/heap", "", 401}, {"/debug/pprof/cmdline", "right", 200},
	} {
		r, err := http.NewRequest(http.MethodGet, url+tc.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tc.token != "" {
			r.Header.Set("Authorization", "Bearer "+tc.token)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != tc.code {
			t.Errorf("%s with token %q: %d, want %d", tc.path, tc.token, answer.StatusCode, tc.code)
		}
		if tc.code == 401 {
			wrong++
		}
	}
	if denied.Load() != wrong {
		t.Errorf("%d denials were counted of %d", denied.Load(), wrong)
	}
	// Over plain text the port tells nothing.
	if code, text := get(t, "http"+strings.TrimPrefix(url, "https")+"/metrics"); code != 400 || strings.Contains(text, "go_") {
		t.Errorf("plain text: %d %s", code, text)
	}
}

func TestListen(t *testing.T) {
	for _, tc := range []struct {
		cfg Config
		ok  bool
	}{
		{Config{Listen: "127.0.0.1:0"}, true},
		{Config{Listen: "0.0.0.0:0"}, false},
		{Config{Listen: ":0", AllowRemote: true}, true},
		{Config{Listen: ":0", TLS: &tls.Config{MinVersion: tls.VersionTLS13}}, false},
		{Config{Listen: ":0", Token: "t"}, false},
		{Config{Listen: ":0", TLS: &tls.Config{MinVersion: tls.VersionTLS13}, Token: "t"}, true},
		{Config{Listen: "nonsense", AllowRemote: true}, false},
	} {
		if err := tc.cfg.Validate(); (err == nil) != tc.ok {
			t.Errorf("%+v: %v", tc.cfg, err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	if _, err := New(Config{Listen: addr}, Health{}, NewMetrics()); err == nil || err.Error() != addr+": bind: address already in use" {
		t.Errorf("a busy port: %v", err)
	}
}
