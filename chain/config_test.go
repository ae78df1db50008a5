package chain

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/chaindyno/chaindyno/chain/ingest"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/store"
	"github.com/chaindyno/chaindyno/internal/strictyaml"
)

func TestDefaultsAreValidAndTheDevNetwork(t *testing.T) {
	c := DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if got, want := c.Network.Params().Digest(), ledger.DevParams().Digest(); got != want {
		t.Error("the default network is not the development network")
	}
}

// Each parameter reaches ledger.Params: changing any field of the network
// changes the digest of the rules.
func TestEveryNetworkFieldIsARule(t *testing.T) {
	base := DefaultConfig()
	v := reflect.ValueOf(&base.Network).Elem()
	for i := range v.NumField() {
		c := DefaultConfig()
		f := reflect.ValueOf(&c.Network).Elem().Field(i)
		switch {
		case f.CanInt():
			f.SetInt(f.Int() + 1)
		case f.CanUint():
			f.SetUint(f.Uint() + 1)
		case f.Kind() == reflect.Bool:
			f.SetBool(!f.Bool())
		case f.String() == "ed25519":
			f.SetString("secp256k1")
		default:
			f.SetString("other")
		}
		if c.Network.Params().Digest() == base.Network.Params().Digest() {
			t.Errorf("%s is ignored", v.Type().Field(i).Name)
		}
	}
}

func TestParseConfig(t *testing.T) {
	c, err := ParseConfig([]byte(`
miner: {threads: 2, pace: 100ms, pace_min: 5ms}
ingest: {batch_size: 64, linger: 1ms, queue: 1000, verifiers: 3}
pool: {max_txs: 10, max_mb: 1, max_depth: 2, max_age: 1m}
sync: interval
sync_interval: 20ms
state: {cache_mb: 1, flush_mb: 2}
index: {tx: false, key: true}
network: {bits: 0x207fffff, dev_scheme: secp256k1, dev_outputs: 7}
`), "node.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if c.Miner.Threads != 2 || time.Duration(c.Miner.Pace) != 100*time.Millisecond || c.Sync != store.SyncInterval ||
		c.Index != (IndexConfig{Key: true}) || c.Network.Bits != 0x207fffff || c.ingestConfig().QueueTxs != 1000 ||
		c.poolConfig().MaxBytes != 1<<20 || c.Network.Params().DevScheme != ledger.SchemeSecp256k1 {
		t.Errorf("not as written: %+v", c)
	}
	if c.State.FlushBlocks != DefaultConfig().State.FlushBlocks {
		t.Error("what is not mentioned has lost its default")
	}
}

// TestMistakes holds what users get wrong; each error is one line with the
// place, the key and what is permitted.
func TestMistakes(t *testing.T) {
	for _, tc := range []struct{ yaml, want string }{
		{"minre: {}", `n.yaml:1:1: minre: unknown key; did you mean miner?`},
		{"miner:\n  thread: 1", `n.yaml:2:3: miner.thread: unknown key; did you mean threads?`},
		{"miner: {threads: -1}", `n.yaml:1:18: miner.threads: -1 is out of range; permitted: 0 to 1024`},
		{"miner: {pace: 5}", `n.yaml:1:15: miner.pace: "5" is not a duration; write a number with a unit`},
		{"miner: {pace: 10ms, pace_min: 20ms}", `miner.pace_min: 20ms is longer than miner.pace; permitted are 0s to 10ms`},
		{"miner: {payout: xyz}", `miner.payout: "xyz" is not a key hash; permitted are 40 hexadecimal digits`},
		{"sync: sometimes", `n.yaml:1:7: sync: `},
		{"sync_interval: 2h", `sync_interval: 2h0m0s is out of range; permitted: 1ms to 1m`},
		{"listen: 0.0.0.0:7700", `n.yaml:1:9: listen: "0.0.0.0:7700" can be reached from other machines without TLS`},
		{"admin: 0.0.0.0:7701\ntls: {cert: a, key: b}", `admin: "0.0.0.0:7701" can be reached from other machines without TLS and a token`},
		{"admin: 0.0.0.0:7701\nadmin_token: t", `admin: "0.0.0.0:7701" can be reached from other machines without TLS and a token`},
		{"admin_token: \"hush\\n\"", `admin_token: holds a character that no header can carry`},
		{"cache: {redis: \"redis://:hush@host/x\"}", `cache: redis is neither host:port nor a URL`},
		{"cache: {l1_mb: -1}", `cache.l1_mb: -1`},
		{"token: hush hush", `token: holds a character that no header can carry`},
		{"tls: {cert: a}", `tls: a TLS server needs both a certificate and a key`},
		{"network: {dev: false}", `network: dev_outputs 65536: pay keys that everybody can derive`},
		{"network: {dev: false, dev_outputs: 0}", `miner.payout: is needed on a network without development keys`},
		{"network: {bits: zero}", `network.bits: "zero" is not a compact target`},
		{"network: {bits: 0}", `network: bits 0x000000`},
		{"network: {dev_outputs: 1198369}", `network.dev_outputs: 1198369 is out of range; permitted: 0 to 1198368`},
		{"network: {fixed_difficulty: false, interval: 1s}\nminer: {pace: 250ms}", `miner.pace: 250ms is too long for adjusted difficulty`},
		{"network: {dev_value: 9007199254740991}", `network: subsidy`},
		{"log_level: loud", `log_level: "loud" is not known; permitted: debug, info, warn, error`},
		{"pool: {max_txs: 0}", `pool.max_txs: 0 is out of range; permitted: 1 to 16777216`},
		{"ingest: {verifiers: 0}", `ingest.verifiers: 0 is out of range; permitted: 1 to 1024`},
	} {
		_, err := ParseConfig([]byte(tc.yaml), "n.yaml")
		if err == nil {
			t.Errorf("%q: accepted", tc.yaml)
		} else if msg := err.Error(); !strings.Contains(msg, tc.want) || strings.Contains(msg, "\n") || !strings.HasPrefix(msg, "n.yaml:") {
			t.Errorf("%q:\n got %s\nwant %s", tc.yaml, msg, tc.want)
		} else if strings.Contains(msg, "hush") {
			t.Errorf("a secret is told: %s", msg)
		}
	}
}

// A short pace by itself is not an error for the sake of a default.
func TestPaceMinFollowsPace(t *testing.T) {
	for _, tc := range []struct {
		yaml string
		want time.Duration
	}{
		{"", 25 * time.Millisecond}, {"miner: {pace: 5s}", 25 * time.Millisecond}, {"miner: {pace: 20ms}", 2 * time.Millisecond},
		{"miner: {pace: 0s}", 0}, {"miner: {pace: 20ms, pace_min: 9ms}", 9 * time.Millisecond},
	} {
		c, err := ParseConfig([]byte(tc.yaml), "n.yaml")
		if err != nil || time.Duration(c.Miner.PaceMin) != tc.want {
			t.Errorf("%q: %v (%v), want %v", tc.yaml, c.Miner.PaceMin, err, tc.want)
		}
	}
}

func TestOverridesWinInTheirOrder(t *testing.T) {
	env, err := Environment([]string{
		"PATH=/bin", "CHAINDYNO_NODE_MINER_PACE=3s", "CHAINDYNO_NODE_SYNC=always", "CHAINDYNO_NODE_TOKEN={a:#b", "CHAINDYNO_NODE_NAME=7",
	})
	if err != nil {
		t.Fatal(err)
	}
	file := []byte("miner: {pace: 2s, threads: 4}\nsync: none\n")
	c, err := LoadConfig(file, "n.yaml", append(env, Override{"--pace", "miner.pace", "4s"}))
	if err != nil {
		t.Fatal(err)
	}
	if time.Duration(c.Miner.Pace) != 4*time.Second || c.Miner.Threads != 4 || c.Sync != store.SyncAlways || c.Token != "{a:#b" || c.Name != "7" {
		t.Errorf("wrong precedence: %+v", c)
	}
}

func TestOverrideErrorsNameTheirOrigin(t *testing.T) {
	for _, tc := range []struct {
		o    Override
		want string
	}{
		{Override{"--pace", "miner.pace", "soon"}, `--pace: miner.pace: "soon" is not a duration`},
		{Override{"--threads", "miner.threads", "9999"}, `--threads: miner.threads: 9999 is out of range`},
		{Override{"CHAINDYNO_NODE_SYNC", "sync", "x"}, `CHAINDYNO_NODE_SYNC: sync: `},
	} {
		_, err := LoadConfig([]byte("miner: {pace: 1s, threads: 1}"), "n.yaml", []Override{tc.o})
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("got %v, want %s", err, tc.want)
		}
	}
}

func TestUnknownEnvironmentIsRefused(t *testing.T) {
	_, err := Environment([]string{"CHAINDYNO_NODE_MINER_PAEC=1s"})
	if err == nil || !strings.HasSuffix(err.Error(), "CHAINDYNO_NODE_MINER_PAEC is not known; permitted: CHAINDYNO_NODE_ and a key of the configuration, such as CHAINDYNO_NODE_MINER_PACE") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

// Every value can be set from the environment: no two keys share a variable.
func TestEnvironmentNamesAreUnique(t *testing.T) {
	seen := map[string]string{}
	c := DefaultConfig()
	for _, l := range leaves(&c) {
		name := strings.ToUpper(strings.ReplaceAll(l.key, ".", "_"))
		if seen[name] != "" {
			t.Errorf("%s and %s share %s", seen[name], l.key, name)
		}
		seen[name] = l.key
	}
	if len(seen) < 40 {
		t.Errorf("only %d values", len(seen))
	}
}

// TestSettingsNameASlowBuild: a build that gives throughput away says so, and no
// other one does. `go test -tags slowverify` shows the other half.
func TestSettingsNameASlowBuild(t *testing.T) {
	c := DefaultConfig()
	if got := strings.HasPrefix(c.Settings()["build"], "slowverify: "); got != ingest.SlowVerify {
		t.Errorf("slow build: %v, its settings %q", ingest.SlowVerify, c.Settings()["build"])
	}
}

func TestSettingsHoldNoSecret(t *testing.T) {
	c := DefaultConfig()
	c.Token, c.AdminToken, c.TLS.Key, c.Cache.Redis = "hush", "hush", "hush", "redis://:hush@host"
	for k, v := range c.Settings() {
		if strings.Contains(v, "hush") {
			t.Errorf("%s tells a secret", k)
		}
	}
	if c.Settings()["sync"] != c.Sync.String() || c.Settings()["miner.pace"] != "250ms" {
		t.Errorf("incomplete: %v", c.Settings())
	}
}

func TestAdminMayBeReached(t *testing.T) {
	for _, tc := range []struct {
		yaml    string
		secured bool
	}{
		{"admin: 127.0.0.1:0\nadmin_token: t\ntls: {cert: a, key: b}", false},
		{"admin: 0.0.0.0:0\nadmin_token: t\ntls: {cert: a, key: b}", true},
		{"admin: 0.0.0.0:0\ninsecure: true", false},
		{"admin: 0.0.0.0:0\ninsecure: true\nadmin_token: t\ntls: {cert: a, key: b}", true},
		{"admin: 0.0.0.0:0\ninsecure: true\ntls: {cert: a, key: b}", false},
		{"admin: ''", false},
	} {
		c, err := ParseConfig([]byte(tc.yaml), "n.yaml")
		if err != nil || c.AdminSecured() != tc.secured {
			t.Errorf("%s: secured %v, %v", tc.yaml, c.AdminSecured(), err)
		}
	}
}

// The ranges published here are those of the stages: at either end of each,
// the stage agrees.
func TestRangesAgreeWithTheStages(t *testing.T) {
	stages := func(c *Config) []error {
		return []error{
			c.minerConfig(ledger.KeyHash{}).Validate(), c.ingestConfig().Validate(), c.poolConfig().Validate(), c.Network.Params().Validate(),
		}
	}
	tags := map[string]string{}
	collectRanges("", reflect.TypeFor[Config](), tags)
	for key, r := range tags {
		low, high, _ := strings.Cut(r, "..")
		for _, v := range []string{low, high} {
			if key == "miner.pace_min" && v == high || key == "network.max_block_bytes" && v == low {
				continue // bound by another value, too
			}
			c := DefaultConfig()
			c.Network.DevValue, c.Network.DevOutputs = 1, 1
			c.Network.Subsidy = 0
			if key == "miner.pace" {
				c.Miner.PaceMin = 0
			}
			if err := (Override{Key: key, Value: v}).apply(&c, strictyaml.Positions{}); err != nil {
				t.Fatal(err)
			}
			for _, err := range stages(&c) {
				if err != nil {
					t.Errorf("%s: %s is published as permitted, but %v", key, v, err)
				}
			}
		}
	}
}

func collectRanges(prefix string, t reflect.Type, into map[string]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		key := prefix + f.Tag.Get("json")
		if r := f.Tag.Get("range"); r != "" {
			into[key] = r
		}
		if f.Type.Kind() == reflect.Struct {
			collectRanges(key+".", f.Type, into)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte("miner: {pace: 1s}\nnetwork: {bits: 0x1f00ffff}\n"))
	f.Add([]byte("sync: [block]\n"))
	f.Add([]byte("network: {name: \"\\n\"}"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		c, err := ParseConfig(doc, "f.yaml")
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		if err := c.Validate(); err != nil {
			t.Errorf("accepted, but %v", err)
		}
	})
}
