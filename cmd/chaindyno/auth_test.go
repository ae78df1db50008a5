package main

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpccreds "google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/internal/tlsx"
	"github.com/chaindyno/chaindyno/reports/result"
)

// The secrets of the tests below.
const (
	submitToken = "submit-token-7c1d9e55"
	adminToken  = "admin-token-e0b2a4f1"
)

// secured is a node with everything switched on, and what its friends and
// strangers have.
type secured struct {
	*nodeProcess
	dir     string
	ca      tlsx.File
	own     tlsx.File   // the client's
	keys    []tlsx.File // all whose keys are secret
	expired tls.Certificate
	strange tls.Certificate
	roots   *tls.Config // trusts the node, shows nothing
}

func newSecured(t *testing.T) *secured {
	t.Helper()
	dir := t.TempDir()
	files, err := tlsx.Make(dir, tlsx.Request{Name: "node", Hosts: []string{"localhost", "127.0.0.1"}}, tlsx.Request{Name: "client"})
	if err != nil {
		t.Fatal(err)
	}
	s := &secured{dir: dir, ca: files[0], own: files[2], keys: files}
	ours, err := tlsx.LoadAuthority(s.ca.Cert, s.ca.Key)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := tlsx.NewAuthority("chaindyno dev CA", 0) // the same by name alone
	if err != nil {
		t.Fatal(err)
	}
	s.expired = issue(t, ours, tlsx.Request{Name: "client", NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)})
	s.strange = issue(t, theirs, tlsx.Request{Name: "client"})
	s.roots = &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: ours.Pool()}
	config := filepath.Join(dir, "node.yaml")
	text := fmt.Sprintf("admin_token: %s\ntls: {cert: %q, key: %q, client_ca: %q}\npeers: {listen: \"127.0.0.1:0\", tls: {cert: %[2]q, key: %[3]q, ca: %[4]q}}\nlog_level: debug\n",
		adminToken, files[1].Cert, files[1].Key, s.ca.Cert)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := small(filepath.Join(dir, "data"), "--config", config, "--pace", "20ms")[1:]
	s.nodeProcess = spawnNode(t, []string{"CHAINDYNO_NODE_TOKEN=" + submitToken}, args...)
	return s
}

func issue(t *testing.T, a *tlsx.Authority, r tlsx.Request) tls.Certificate {
	t.Helper()
	pair, err := a.Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	return pair.TLS()
}

// with shows a certificate.
func (s *secured) with(certs ...tls.Certificate) *tls.Config {
	c := s.roots.Clone()
	c.Certificates = certs
	return c
}

func (s *secured) good(t *testing.T) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(s.own.Cert, s.own.Key)
	if err != nil {
		t.Fatal(err)
	}
	return s.with(pair)
}

// admin asks the admin port.
func (s *secured) admin(t *testing.T, path, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.ready.Admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// TestReliability11Authentication turns away whoever has no, an expired or a
// stranger's certificate, or no or a wrong token, before any handler runs, at
// every port of a real node; and finds nothing secret in whatever the node and
// its callers print or write.
func TestReliability11Authentication(t *testing.T) {
	s := newSecured(t)
	handshakes, tokens := s.refusals(t)
	s.adminRefusals(t)
	webTokens := s.webRefusals(t)
	s.peerRefusals(t)
	_, text := s.admin(t, "/metrics", adminToken)
	for name, want := range map[string]float64{
		`chaindyno_denied_total{port="listen",why="token"}`: float64(tokens),
		`chaindyno_denied_total{port="admin",why="token"}`:  6,
		`chaindyno_denied_total{port="http",why="token"}`:   float64(webTokens),
		"chaindyno_transactions_received_total":             0,
	} {
		if got := metric(t, text, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for port, least := range map[string]int{"listen": handshakes, "http": 4, "peers": 5} { // some callers try again by themselves
		if got := metric(t, text, fmt.Sprintf(`chaindyno_denied_total{port=%q,why="handshake"}`, port)); got < float64(least) {
			t.Errorf("%v failed handshakes at port %s, want %d at least", got, port, least)
		}
	}
	if strings.Contains(text, "chaindyno_calls_total{") || strings.Contains(text, "chaindyno_peer_call_seconds_count{") {
		t.Errorf("a handler has run:\n%s", text)
	}
	// Those who may are let in, and counted: the counters do count.
	c, err := client.Dial(s.ready.Listen, client.Options{TLS: s.good(t), Token: submitToken})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	info, err := c.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	payOnce(t, c, info.Params)
	if err := s.beat(t, grpccreds.NewTLS(s.node(t))); status.Code(err) != codes.InvalidArgument {
		t.Errorf("another node: %v", err)
	}
	if code, err := s.web(t, s.good(t), http.MethodGet, "/v1/tip", submitToken); err != nil || code != http.StatusOK {
		t.Errorf("HTTP with everything: %d, %v", code, err)
	}
	_, text = s.admin(t, "/metrics", adminToken)
	if metric(t, text, `chaindyno_calls_total{method="/chaindyno.chain.v1.Chain/Submit"}`) != 1 || metric(t, text, "chaindyno_transactions_received_total") != 1 ||
		!strings.Contains(text, `chaindyno_peer_call_seconds_count{code="InvalidArgument",method="Heartbeat"} 1`) {
		t.Errorf("the one call is not counted:\n%s", text)
	}
	s.searchEverything(t, text)
}

// refusals calls in every way that must fail, and returns how many callers
// failed for their certificate and for their token.
func (s *secured) refusals(t *testing.T) (handshakes, tokens int) {
	t.Helper()
	for name, cfg := range map[string]*tls.Config{
		"plain text": nil, "no certificate": s.roots, "expired": s.with(s.expired), "a stranger's": s.with(s.strange),
	} {
		c, err := client.Dial(s.ready.Listen, client.Options{TLS: cfg, Token: submitToken})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Submit(t.Context(), []byte{1}); !errors.Is(err, client.ErrUnreachable) || strings.Contains(err.Error(), submitToken) {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
		handshakes++
	}
	for _, token := range []string{"", "wrong", submitToken[:len(submitToken)-1], submitToken + "x", adminToken} {
		tokens += s.wrongToken(t, token)
	}
	return handshakes, tokens
}

// wrongToken makes calls of every shape, and one that is none, and returns how
// many.
func (s *secured) wrongToken(t *testing.T, token string) (calls int) {
	t.Helper()
	c, err := client.Dial(s.ready.Listen, client.Options{TLS: s.good(t), Token: token})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, call := range map[string]func() error{
		"Info":   func() error { _, err := c.Info(t.Context()); return err },
		"Submit": func() error { _, _, err := c.Submit(t.Context(), []byte{1}); return err },
		"SubmitStream": func() error {
			stream, err := c.SubmitStream(t.Context())
			if err == nil {
				_, _, err = stream.Recv(nil)
			}
			return err
		},
		"Follow": func() error {
			return c.Follow(t.Context(), client.Ref{}, func(client.Event) error { return errors.New("let in") })
		},
		"SetDigest": func() error { _, err := c.SetDigest(t.Context()); return err },
		"Seal":      func() error { _, err := c.Seal(t.Context(), 1); return err },
	} {
		if err := call(); !errors.Is(err, client.ErrDenied) {
			t.Errorf("%s with token %q: %v", name, token, err)
		}
		calls++
	}
	conn, err := grpc.NewClient(s.ready.Listen, grpc.WithTransportCredentials(grpccreds.NewTLS(s.good(t))))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var none struct{}
	if err := conn.Invoke(t.Context(), "/no.such/Method", &none, &none, grpc.ForceCodec(empty{})); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a method that does not exist, with token %q: %v", token, err)
	}
	return calls + 1
}

// empty is a codec of messages that hold nothing.
type empty struct{}

func (empty) Name() string                { return "proto" }
func (empty) Marshal(any) ([]byte, error) { return nil, nil }
func (empty) Unmarshal([]byte, any) error { return nil }

func (s *secured) adminRefusals(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/cmdline"} {
		for _, token := range []string{"", submitToken} {
			if code, text := s.admin(t, path, token); code != http.StatusUnauthorized || strings.Contains(text, adminToken) {
				t.Errorf("%s with token %q: %d %s", path, token, code, text)
			}
		}
	}
	if code, _ := s.admin(t, "/readyz", ""); code != http.StatusOK {
		t.Errorf("health is hidden: %d", code)
	}
}

// webRefusals asks over HTTP in every way that must fail, and returns how many
// callers failed for their token.
func (s *secured) webRefusals(t *testing.T) (tokens int) {
	t.Helper()
	if answer, err := http.Get("http://" + s.ready.HTTP + "/v1/info"); err == nil {
		answer.Body.Close()
		if answer.StatusCode != http.StatusBadRequest {
			t.Errorf("plain text: %s", answer.Status)
		}
	}
	for name, cfg := range map[string]*tls.Config{"no certificate": s.roots, "expired": s.with(s.expired), "a stranger's": s.with(s.strange)} {
		if code, err := s.web(t, cfg, http.MethodGet, "/v1/info", ""); err == nil {
			t.Errorf("%s: %d", name, code)
		}
	}
	good := s.good(t)
	for _, token := range []string{"", "wrong", adminToken} {
		for path, method := range map[string]string{
			"/v1/info": http.MethodGet, "/v1/tip": http.MethodGet, "/v1/stats": http.MethodGet, "/v1/peers": http.MethodGet,
			"/v1/blocks/0": http.MethodGet, "/v1/transactions": http.MethodPost, "/ws": http.MethodGet,
		} {
			if code, err := s.web(t, good, method, path, token); err != nil || code != http.StatusUnauthorized {
				t.Errorf("%s with token %q: %d, %v", path, token, code, err)
			}
			tokens++
		}
	}
	return tokens
}

// web asks the port of HTTP over a connection of its own.
func (s *secured) web(t *testing.T, cfg *tls.Config, method, path, token string) (int, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://"+s.ready.HTTP+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true}}
	answer, err := c.Do(r)
	if err != nil {
		return 0, err
	}
	answer.Body.Close()
	return answer.StatusCode, nil
}

// node shows a node's certificate.
func (s *secured) node(t *testing.T) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(s.keys[1].Cert, s.keys[1].Key)
	if err != nil {
		t.Fatal(err)
	}
	return s.with(pair)
}

// peerRefusals calls the port for nodes as who is none, clients of the same
// authority among them.
func (s *secured) peerRefusals(t *testing.T) {
	t.Helper()
	for name, creds := range map[string]grpccreds.TransportCredentials{
		"plain text": insecure.NewCredentials(), "no certificate": grpccreds.NewTLS(s.roots), "expired": grpccreds.NewTLS(s.with(s.expired)),
		"a stranger's": grpccreds.NewTLS(s.with(s.strange)), "a client's": grpccreds.NewTLS(s.good(t)),
	} {
		if err := s.beat(t, creds); status.Code(err) != codes.Unavailable {
			t.Errorf("peers, %s: %v", name, err)
		}
	}
}

// beat makes the shortest call that there is between nodes, without the ID
// that it should hold.
func (s *secured) beat(t *testing.T, creds grpccreds.TransportCredentials) error {
	t.Helper()
	conn, err := grpc.NewClient(s.ready.Peers, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var none struct{}
	return conn.Invoke(t.Context(), "/chaindyno.chain.v1.NodeService/Heartbeat", &none, &none, grpc.ForceCodec(empty{}))
}

// searchEverything loads, probes and watches the node, and looks for secrets in
// all that is printed and written meanwhile.
func (s *secured) searchEverything(t *testing.T, metrics string) {
	t.Helper()
	out := filepath.Join(s.dir, "out")
	shown := []string{"--tls-ca", s.ca.Cert, "--tls-cert", s.own.Cert, "--tls-key", s.own.Key, "--token-env", "SUBMIT_TOKEN"}
	texts := map[string]string{"metrics": metrics, "ready line": s.line}
	run := func(want map[int]bool, args ...string) string {
		cmd := command(t, append(args, shown...)...)
		cmd.Env = append(cmd.Env, "SUBMIT_TOKEN="+submitToken)
		said, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); !want[code] {
			t.Fatalf("%v: %d, %v\n%s", args, code, err, said)
		}
		texts[args[0]] = string(said)
		return string(said)
	}
	if said := run(map[int]bool{exitPass: true}, "probe", s.ready.Listen); !strings.Contains(said, "in block") {
		t.Errorf("probe:\n%s", said)
	}
	run(map[int]bool{exitPass: true}, "watch", s.ready.Listen, "--for", "5s")
	// A busy machine may make the generator late, which is no matter here.
	run(map[int]bool{exitPass: true, exitInvalid: true}, "run", "--target", s.ready.Listen, "--out", out, "--calibrate", "off",
		"--set", "load.schedule={constant: {rate: 100/s, for: 1s}}", "--set", "load.warmup=200ms", "--set", "load.lanes=32",
		"--set", "load.connections=2", "--set", "slo=[]")
	dirs, _ := filepath.Glob(filepath.Join(out, "*"))
	if len(dirs) != 1 {
		t.Fatalf("%v\n%s", dirs, texts["run"])
	}
	if sum := summary(t, dirs[0]); sum.Counts.Fates[result.FateSucceeded] == 0 {
		t.Errorf("nothing was loaded: %+v", sum.Counts)
	}
	for _, path := range []string{"/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2"} {
		_, texts[path] = s.admin(t, path, adminToken)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_ = s.cmd.Process.Signal(os.Interrupt)
	waited := make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(waited) }()
	select {
	case <-waited:
	case <-ctx.Done():
		t.Fatal("the node does not stop")
	}
	texts["log"] = s.log.String()
	if !strings.Contains(texts["log"], "stopping") {
		t.Errorf("the log says nothing: %q", texts["log"])
	}
	readAll(t, out, texts)
	readAll(t, filepath.Join(s.dir, "data"), texts)
	s.search(t, texts)
}

func readAll(t *testing.T, dir string, texts map[string]string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		texts[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// search looks for tokens and keys: as they are in their files, and as bytes.
func (s *secured) search(t *testing.T, texts map[string]string) {
	t.Helper()
	secrets := map[string]string{"token": submitToken, "admin token": adminToken}
	for _, f := range s.keys {
		text, err := os.ReadFile(f.Key)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		secrets[f.Key] = strings.Split(string(text), "\n")[1] // the first line of base64
		secrets[f.Key+" in DER"] = string(block.Bytes)
	}
	for where, text := range texts {
		for what, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s tells the secret of %s", where, what)
			}
		}
	}
	if len(texts) < 15 {
		t.Errorf("only %d texts were searched", len(texts))
	}
}
