package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// post sends a body and fills reply with the answer.
func post(t *testing.T, url, contentType, body string, reply any) {
	t.Helper()
	r, err := http.Post(url, contentType, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK || json.Unmarshal(b, reply) != nil {
		t.Fatalf("%s: %s %s %v", url, r.Status, b, err)
	}
}

func getJSON[T any](t *testing.T, url string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(get(t, url)), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// A transaction is sent, found and proven with nothing but HTTP.
func TestNodeOverHTTP(t *testing.T) {
	n := startNode(t, small(t.TempDir(), "--pace", "20ms"))
	url := "http://" + n.ready.HTTP
	info := getJSON[struct {
		Genesis string `json:"genesis"`
		Params  struct {
			DevSeed  uint64 `json:"dev_seed"`
			DevValue uint64 `json:"dev_value"`
		} `json:"params"`
	}](t, url+"/v1/info")
	if info.Genesis != n.ready.Genesis {
		t.Fatalf("genesis %s, want %s", info.Genesis, n.ready.Genesis)
	}
	block := getJSON[struct {
		IDs []string `json:"ids"`
	}](t, url+"/v1/blocks/0")
	genesis, paid := shownHash(t, info.Genesis), shownHash(t, block.IDs[0])
	key := ledger.DevKey(info.Params.DevSeed, ledger.SchemeEd25519, 5)
	out := ledger.Output{Value: info.Params.DevValue - 10, Key: ledger.HashKey(ledger.SchemeEd25519, key.Public())}
	raw := ledger.AppendTransfer(nil, genesis, []ledger.Spend{{Prev: ledger.OutPoint{TxID: paid, Index: 5}, Key: key}}, []ledger.Output{out})

	var one struct {
		Accepted bool   `json:"accepted"`
		Kind     string `json:"kind"`
		ID       string `json:"id"`
	}
	post(t, url+"/v1/transactions", "application/octet-stream", string(raw), &one)
	if !one.Accepted || one.Kind != "none" || one.ID != ledger.DoubleSHA256(raw).String() {
		t.Fatalf("%+v", one)
	}
	var many struct {
		Accepted int      `json:"accepted"`
		Answers  []string `json:"answers"`
	}
	wrong := append([]byte(nil), raw...)
	wrong[len(wrong)-1] ^= 1 // another key is paid, under the same signature
	post(t, url+"/v1/transactions", "application/json", fmt.Sprintf(`{"payloads":[%q,%q,"00"]}`, hex.EncodeToString(raw), hex.EncodeToString(wrong)), &many)
	if many.Accepted != 0 || len(many.Answers) != 3 || many.Answers[0] != "duplicate" || many.Answers[2] != "malformed" {
		t.Errorf("%+v", many)
	}
	var proof struct {
		Block struct {
			Height uint32 `json:"height"`
		} `json:"block"`
		Count    uint32   `json:"count"`
		Siblings []string `json:"siblings"`
	}
	for deadline := time.Now().Add(time.Minute); ; {
		r, err := http.Get(url + "/v1/transactions/" + one.ID + "/proof")
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(r.Body).Decode(&proof)
		r.Body.Close()
		if r.StatusCode == http.StatusOK {
			if err != nil || proof.Block.Height == 0 || proof.Count != 2 || len(proof.Siblings) != 1 {
				t.Errorf("%+v, %v", proof, err)
			}
			break
		}
		if r.StatusCode != http.StatusNotFound || time.Now().After(deadline) {
			t.Fatalf("%s %v", r.Status, err)
		}
	}
	if page := get(t, url+"/"); !strings.Contains(page, "<title>chaindyno explorer</title>") {
		t.Errorf("%.200s", page)
	}
	if metrics := get(t, "http://"+n.ready.Admin+"/metrics"); !strings.Contains(metrics, `chaindyno_http_seconds_count{route="POST /v1/transactions",status="200"} 2`) {
		t.Error("the answers are not counted")
	}
}

// shownHash reads a hash as it is shown: last byte first.
func shownHash(t *testing.T, text string) (h ledger.Hash) {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(h) {
		t.Fatalf("%q is no hash", text)
	}
	for i := range b {
		h[len(h)-1-i] = b[i]
	}
	return h
}

// Who is connected to whom can be read from both.
func TestNodePeersOverHTTP(t *testing.T) {
	type list struct {
		Enabled bool `json:"enabled"`
		Peers   []struct {
			Address string `json:"address"`
			Inbound bool   `json:"inbound"`
			SinceMs int64  `json:"since_ms"`
		} `json:"peers"`
	}
	alone := startNode(t, small(t.TempDir(), "--threads", "0"))
	if got := getJSON[list](t, "http://"+alone.ready.HTTP+"/v1/peers"); got.Enabled {
		t.Errorf("a node without peers: %+v", got)
	}
	first := startNode(t, small(t.TempDir(), "--threads", "0", "--set", "peers.listen=127.0.0.1:0"))
	second := startNode(t, small(t.TempDir(), "--threads", "0", "--set", "peers.listen=127.0.0.1:0", "--set", "peers.seeds="+first.ready.Peers))
	read := func(n *liveNode) list {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; {
			got := getJSON[list](t, "http://"+n.ready.HTTP+"/v1/peers")
			if len(got.Peers) == 1 {
				return got
			}
			if time.Now().After(deadline) {
				t.Fatalf("%+v", got)
			}
		}
	}
	there, here := read(second).Peers[0], read(first).Peers[0]
	if there.Address != first.ready.Peers || there.Inbound || there.SinceMs == 0 {
		t.Errorf("%+v, want %s", there, first.ready.Peers)
	}
	if here.Address != second.ready.Peers || !here.Inbound {
		t.Errorf("%+v, want %s", here, second.ready.Peers)
	}
}

// The transaction of docs/http.md is good on every development network with
// the default settings: it spends the last output of the genesis.
func TestDocumentedPayload(t *testing.T) {
	p := ledger.DevParams()
	last := p.DevOutputs - 1
	key := ledger.DevKey(p.DevSeed, p.DevScheme, last)
	out := ledger.Output{Value: p.DevValue - 1000, Key: ledger.HashKey(p.DevScheme, key.Public())}
	from := ledger.OutPoint{TxID: p.Genesis().Txs[0].ID(), Index: last}
	raw := ledger.AppendTransfer(nil, p.GenesisHash(), []ledger.Spend{{Prev: from, Key: key}}, []ledger.Output{out})
	page, err := os.ReadFile("../../docs/http.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{hex.EncodeToString(raw), ledger.DoubleSHA256(raw).String()} {
		if !strings.Contains(string(page), want) {
			t.Errorf("docs/http.md lacks %s", want)
		}
	}
}
