package web

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/api/server"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

func TestReads(t *testing.T) {
	n := newNode()
	raw := n.transfer(3)
	n.extend(n.transfer(1), raw, n.transfer(2))
	b := n.extend()
	tx, _, err := ledger.ParseTx(raw, ledger.MaxTxBytes)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, n, nil)

	if v := get[tip](t, s, "/v1/tip"); v.Tip.Height != 2 || ledger.Hash(v.Tip.Hash) != b.Hash || v.Header.Hash != v.Tip.Hash || len(v.Header.Raw) != ledger.HeaderSize {
		t.Errorf("tip %+v", v)
	}
	want := n.params.Epoch.Add(200 * n.params.TimeUnit).UnixMilli()
	if v := get[headerList](t, s, "/v1/headers?from=1&count=5"); len(v.Headers) != 2 || v.Headers[1].Prev != v.Headers[0].Hash || v.Headers[1].TimeMs != want {
		t.Errorf("headers %+v, want time %d", v, want)
	}
	for _, which := range []string{"1", n.best[1].Hash.String(), strings.ToUpper(n.best[1].Hash.String())} {
		v := get[block](t, s, "/v1/blocks/"+which+"?offset=2&limit=1")
		if v.Txs != 4 || !v.Best || v.Offset != 2 || len(v.IDs) != 1 || ledger.Hash(v.IDs[0]) != tx.ID() || v.Bytes != n.best[1].block.Size() {
			t.Errorf("block %s: %+v", which, v)
		}
	}
	if v := get[block](t, s, "/v1/blocks/1?offset=9"); v.Offset != 4 || len(v.IDs) != 0 {
		t.Errorf("past the end: %+v", v)
	}
	v := get[transaction](t, s, "/v1/transactions/"+tx.ID().String())
	if v.Place != "block" || v.Block == nil || v.Block.Height != 1 || v.Index != 2 || !bytes.Equal(v.Payload, raw) ||
		len(v.Inputs) != 1 || v.Inputs[0].Index != 3 || len(v.Outputs) != 1 || v.Outputs[0].Value != n.params.DevValue-10 || v.Scheme != "ed25519" {
		t.Errorf("transaction %+v", v)
	}
	p := get[proof](t, s, "/v1/transactions/"+tx.ID().String()+"/proof")
	path := ledger.Proof{Index: p.Index, Count: p.Count}
	for _, h := range p.Siblings {
		path.Siblings = append(path.Siblings, ledger.Hash(h))
	}
	if !path.Verify(tx.ID(), ledger.Hash(p.Header.Merkle)) || p.Header.Hash != p.Block.Hash {
		t.Errorf("proof %+v", p)
	}
	if v := get[info](t, s, "/v1/info"); v.AckMeans != "pooled" || ledger.Hash(v.Genesis) != n.params.GenesisHash() || v.Params.DevValue != n.params.DevValue || v.Limits.PayloadBytes != ledger.MaxTxBytes {
		t.Errorf("info %+v", v)
	}
	if v := get[stats](t, s, "/v1/stats"); v.Rejected["fee"] != 2 || len(v.Threads) != 1 || v.Threads[0].Hashes != 5 {
		t.Errorf("stats %+v", v)
	}
	if v := get[peerList](t, s, "/v1/peers"); v.Enabled || v.Peers == nil {
		t.Errorf("peers %+v", v)
	}
}

// A block that was reverted can still be read, and says so.
func TestRevertedBlock(t *testing.T) {
	n := newNode()
	old := n.extend()
	n.back(1)
	n.extend()
	s := serve(t, n, nil)
	if v := get[block](t, s, "/v1/blocks/"+old.Hash.String()); v.Best || v.Header.Height != 1 {
		t.Errorf("%+v", v)
	}
}

// The genesis is larger than what is sent of any transaction.
func TestGenesisTransaction(t *testing.T) {
	n := newNode()
	n.params.DevOutputs = 5000
	n.best, n.known = nil, map[ledger.Hash]*made{}
	g := n.put(*n.params.Genesis())
	s := serve(t, n, nil)
	v := get[transaction](t, s, "/v1/transactions/"+g.block.Txs[0].ID().String())
	if v.OutputsTotal != 5000 || len(v.Outputs) != partsMost || len(v.Payload) != 0 || !v.Coinbase || v.Bytes != g.block.Txs[0].Size() {
		t.Errorf("%d outputs of %d, %d bytes of payload of %d", len(v.Outputs), v.OutputsTotal, len(v.Payload), v.Bytes)
	}
}

// What HTTP answers to payloads is what gRPC answers.
func TestSubmitAnswers(t *testing.T) {
	n := newNode()
	kinds := []ledger.Reject{ledger.RejectNone, ledger.RejectBusy, ledger.RejectDoubleSpend, ledger.RejectMalformed, ledger.RejectUnauthorized}
	n.submit = func(payloads [][]byte, done func([]ledger.Reject, []ledger.Hash)) {
		answers, ids := make([]ledger.Reject, len(payloads)), make([]ledger.Hash, len(payloads))
		for i, p := range payloads {
			answers[i] = kinds[int(p[0])]
			if answers[i] != ledger.RejectMalformed {
				ids[i] = ledger.DoubleSHA256(p)
			}
		}
		done(answers, ids)
	}
	s := serve(t, n, nil)
	c, err := client.Dial(s.grpc, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var all []string
	for i, kind := range kinds {
		payload := []byte{byte(i), 1, 2}
		all = append(all, `"`+hex.EncodeToString(payload)+`"`)
		want, id, err := c.Submit(t.Context(), payload)
		if err != nil || want != kind {
			t.Fatalf("%v, %v", want, err)
		}
		for contentType, body := range map[string]string{
			"application/octet-stream":        string(payload),
			"application/json":                `{"payload":"` + hex.EncodeToString(payload) + `"}`,
			"application/json; charset=utf-8": ` { "payload" : "` + hex.EncodeToString(payload) + `" } `,
		} {
			code, b := s.ask(t, http.MethodPost, "/v1/transactions", contentType, body)
			var got answer
			if err := json.Unmarshal(b, &got); err != nil || code != http.StatusOK || got.Kind != want.String() || got.Accepted != (want == ledger.RejectNone) {
				t.Errorf("%s: %d %s, want %v", contentType, code, b, want)
			}
			if (got.ID == nil) != id.IsZero() || got.ID != nil && ledger.Hash(*got.ID) != id {
				t.Errorf("%s: ID in %s, want %v", contentType, b, id)
			}
		}
	}
	code, b := s.ask(t, http.MethodPost, "/v1/transactions", "application/json", `{"payloads": [ `+strings.Join(all, " ,\n")+` ] }`)
	var got batchAnswer
	if err := json.Unmarshal(b, &got); err != nil || code != http.StatusOK || got.Accepted != 1 || len(got.Answers) != len(kinds) {
		t.Fatalf("%d %s", code, b)
	}
	for i, kind := range kinds {
		if got.Answers[i] != kind.String() {
			t.Errorf("answer %d: %s, want %v", i, got.Answers[i], kind)
		}
	}
}

// What a caller gets wrong is answered in one shape, with what is permitted.
func TestMistakes(t *testing.T) {
	s := serve(t, newNode(), func(_ *Config, sc *server.Config) { sc.BatchTxs = 3 })
	id := strings.Repeat("ab", 32)
	const post, get, js = http.MethodPost, http.MethodGet, "application/json"
	for _, c := range []struct {
		method, path, contentType, body string
		status                          int
		code, says                      string
	}{
		{get, "/v1/nothing", "", "", 404, "not_found", "/openapi.json"},
		{get, "/v2", "", "", 404, "not_found", "/v2"},
		{"DELETE", "/v1/tip", "", "", 405, "method_not_allowed", "permitted: GET"},
		{get, "/v1/transactions", "", "", 405, "method_not_allowed", "permitted: POST"},
		{post, "/ws", "", "", 405, "method_not_allowed", "permitted: GET"},
		{get, "/ws", "", "", 426, "upgrade_required", "WebSocket"},
		{get, "/v1/transactions/" + id, "", "", 404, "not_found", "not found"},
		{get, "/v1/transactions/" + id + "/proof", "", "", 404, "not_found", "not found"},
		{get, "/v1/transactions/abc", "", "", 400, "invalid_argument", "64 hexadecimal digits"},
		{get, "/v1/blocks/99", "", "", 404, "not_found", "height 99"},
		{get, "/v1/blocks/9999999999", "", "", 400, "invalid_argument", "0 to 4294967295"},
		{get, "/v1/blocks/-1", "", "", 400, "invalid_argument", "a height of"},
		{get, "/v1/blocks/" + id, "", "", 404, "not_found", "not found"},
		{get, "/v1/blocks/0?limit=0", "", "", 400, "invalid_argument", "permitted: 1 to 1000"},
		{get, "/v1/blocks/0?limit=1001", "", "", 400, "invalid_argument", "permitted: 1 to 1000"},
		{get, "/v1/blocks/0?page=1", "", "", 400, "invalid_argument", "permitted: offset, limit"},
		{get, "/v1/tip?x=1", "", "", 400, "invalid_argument", "permitted: none"},
		{get, "/v1/headers?count=2001", "", "", 400, "invalid_argument", "permitted: 1 to 2000"},
		{get, "/v1/headers?from=x", "", "", 400, "invalid_argument", "permitted: 0 to 4294967295"},
		{get, "/v1/headers?from=%zz", "", "", 400, "invalid_argument", "query"},
		{get, "/v1/keys/ab/outputs", "", "", 400, "invalid_argument", "40 hexadecimal digits"},
		{get, "/v1/keys/" + id[:40] + "/outputs", "", "", 409, "failed_precondition", "index by key is off"},
		{post, "/v1/transactions", "", "{}", 415, "unsupported_media_type", "permitted: application/json, application/octet-stream"},
		{post, "/v1/transactions", "text/plain", "{}", 415, "unsupported_media_type", "text/plain"},
		{post, "/v1/transactions", js, "", 400, "invalid_argument", "EOF"},
		{post, "/v1/transactions", js, "{}", 400, "invalid_argument", `one of "payload" and "payloads"`},
		{post, "/v1/transactions", js, `{"payload":"00","payloads":[]}`, 400, "invalid_argument", `one of "payload" and "payloads"`},
		{post, "/v1/transactions", js, `{"payload":"0"}`, 400, "invalid_argument", "odd length"},
		{post, "/v1/transactions", js, `{"payload":"zz"}`, 400, "invalid_argument", "invalid byte"},
		{post, "/v1/transactions", js, `{"payload":"00","more":1}`, 400, "invalid_argument", "more"},
		{post, "/v1/transactions", js, `{"payload":"00"}{}`, 400, "invalid_argument", "follows"},
		{post, "/v1/transactions", js, `{"payloads":"00"}`, 400, "invalid_argument", "not a list"},
		{post, "/v1/transactions", js, `{"payloads":[1]}`, 400, "invalid_argument", "not a list"},
		{post, "/v1/transactions", js, `{"payloads":["00","x"]}`, 400, "invalid_argument", "payload 1"},
		{post, "/v1/transactions", js, `{"payloads":[]}`, 400, "invalid_argument", "1 to 3"},
		{post, "/v1/transactions", js, `{"payloads":["00","00","00","00"]}`, 400, "invalid_argument", "1 to 3"},
		{post, "/v1/transactions", js, `{"payloads":[` + strings.Repeat(`"",`, packedMost) + `""]}`, 400, "invalid_argument", "more than 16384"},
		{post, "/v1/transactions", "application/octet-stream", strings.Repeat("x", messageBytes+1), 413, "too_large", "over 2097152 bytes"},
	} {
		code, b := s.ask(t, c.method, c.path, c.contentType, c.body)
		var got errorBody
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(&got); err != nil || code != c.status || got.Error.Code != c.code || !strings.Contains(got.Error.Message, c.says) {
			t.Errorf("%s %s %.60s: %d %s; want %d %s with %q", c.method, c.path, c.body, code, b, c.status, c.code, c.says)
		}
	}
}

// A body that does not say how long it is has the same bound.
func TestChunkedBody(t *testing.T) {
	s := serve(t, newNode(), nil)
	for size, want := range map[int]int{1000: 200, messageBytes + 1: 413} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v1/transactions", struct{ *bytes.Buffer }{bytes.NewBuffer(make([]byte, size))})
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/octet-stream")
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		if r.ContentLength != 0 || reply.StatusCode != want {
			t.Errorf("%d bytes, declared %d: %s, want %d", size, r.ContentLength, reply.Status, want)
		}
	}
	if left := s.reading.Load(); left != 0 {
		t.Errorf("%d bytes are still counted as under way", left)
	}
}

// Bodies under way have a bound together: beyond, the answer is busy, at once,
// and there is room again when they have come.
func TestBodiesBound(t *testing.T) {
	s := serve(t, newNode(), func(wc *Config, _ *server.Config) { wc.BodyBytes = jsonBodyMax })
	out, in := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v1/transactions", out)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json") // of unknown length: as much as permitted
	done := make(chan error, 1)
	go func() {
		reply, err := http.DefaultClient.Do(r)
		if err == nil {
			reply.Body.Close()
		}
		done <- err
	}()
	fmt.Fprint(in, `{"payload":`)
	for s.reading.Load() == 0 {
		get[tip](t, s, "/v1/tip") // until the first is being read
	}
	code, b := s.ask(t, http.MethodPost, "/v1/transactions", "application/octet-stream", "x")
	if code != http.StatusServiceUnavailable || !strings.Contains(string(b), `"busy"`) {
		t.Errorf("%d %s", code, b)
	}
	fmt.Fprint(in, `"00"}`)
	in.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if code, b := s.ask(t, http.MethodPost, "/v1/transactions", "application/octet-stream", "x"); code != http.StatusOK {
		t.Errorf("%d %s", code, b)
	}
}

// Without the token nothing runs and nothing is read, and no answer tells it.
func TestToken(t *testing.T) {
	n := newNode()
	n.submit = func([][]byte, func([]ledger.Reject, []ledger.Hash)) { t.Error("a handler ran") }
	s := serve(t, n, func(_ *Config, sc *server.Config) { sc.Token = "hush-hush" })
	for _, header := range [][]string{nil, {"Authorization", "Bearer wrong"}, {"Authorization", "hush-hush"}, {"Authorization", "Basic aHVzaC1odXNo"}} {
		for _, rt := range s.routes {
			path := strings.NewReplacer("{id}", strings.Repeat("0", 64), "{block}", "0", "{key}", strings.Repeat("0", 40)).Replace(rt.path)
			code, b := s.ask(t, rt.method, path, "no/such", "no body", header...)
			if code != http.StatusUnauthorized || !strings.Contains(string(b), "unauthenticated") || strings.Contains(string(b), "hush") {
				t.Errorf("%s %s with %q: %d %s", rt.method, path, header, code, b)
			}
		}
	}
	if code, b := s.ask(t, http.MethodGet, "/v1/tip", "", "", "Authorization", "Bearer hush-hush"); code != http.StatusOK {
		t.Errorf("with the token: %d %s", code, b)
	}
	for _, open := range []string{"/", "/openapi.json", "/explorer/main.js"} { // they hold nothing of the node's
		if code, b := s.ask(t, http.MethodGet, open, "", ""); code != http.StatusOK || strings.Contains(string(b), "hush") {
			t.Errorf("%s: %d", open, code)
		}
	}
}

// Every field of a message has its namesake in the shape that is made of it.
func TestNoFieldIsMissing(t *testing.T) {
	for _, pair := range []struct {
		message protoreflect.ProtoMessage
		shape   any
	}{
		{&chainpb.Ref{}, ref{}}, {&chainpb.InfoReply{}, info{}}, {&chainpb.Params{}, params{}}, {&chainpb.Limits{}, limits{}},
		{&chainpb.TipReply{}, tip{}}, {&chainpb.HeadersReply{}, headerList{}}, {&chainpb.TransactionReply{}, transaction{}},
		{&chainpb.ProofReply{}, proof{}}, {&chainpb.OutputsReply{}, outputList{}}, {&chainpb.Output{}, output{}},
		{&chainpb.StatsReply{}, stats{}}, {&chainpb.Thread{}, thread{}}, {&chainpb.Tier{}, tier{}},
	} {
		var have []string
		shape := reflect.TypeOf(pair.shape)
		for i := range shape.NumField() {
			name, _, _ := strings.Cut(shape.Field(i).Tag.Get("json"), ",")
			have = append(have, name)
		}
		fields := pair.message.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			if name := string(fields.Get(i).Name()); !slices.Contains(have, name) {
				t.Errorf("%s of %T is not in %s", name, pair.message, shape)
			}
		}
	}
}

// FuzzPayloads reads lists as encoding/json would.
func FuzzPayloads(f *testing.F) {
	for _, s := range []string{`["00","ff01"]`, ` [ ] `, `[""]`, `["0"]`, `["zz",1]`, `[["00"]]`, `["00""00"]`, `["00",,]`, `"00"`, `null`, `["\u0030\u0030"]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !json.Valid(b) {
			return
		}
		var got packed
		err := json.Unmarshal(b, &got)
		var want []raw
		wantErr := json.Unmarshal(b, &want)
		if string(bytes.TrimSpace(b)) == "null" || bytes.Contains(b, []byte(`null`)) || bytes.Contains(b, []byte(`\`)) {
			return // never sent: hexadecimal needs no escapes
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%s: %v, encoding/json: %v", b, err, wantErr)
		}
		if err != nil {
			return
		}
		all := []byte{}
		for i, p := range want {
			all = append(all, p...)
			if got.sizes[i] != uint32(len(p)) {
				t.Fatalf("%s: size %d is %d", b, i, got.sizes[i])
			}
		}
		if len(got.sizes) != len(want) || !bytes.Equal(all, got.bytes) {
			t.Fatalf("%s: %d of %x", b, len(got.sizes), got.bytes)
		}
	})
}
