package chain

import (
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/chaindyno/chaindyno/chain/ingest"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/miner"
	"github.com/chaindyno/chaindyno/chain/pool"
	"github.com/chaindyno/chaindyno/chain/state"
	"github.com/chaindyno/chaindyno/chain/store"
	"github.com/chaindyno/chaindyno/chain/store/tier"
	"github.com/chaindyno/chaindyno/internal/bearer"
	"github.com/chaindyno/chaindyno/internal/strictyaml"
	"github.com/chaindyno/chaindyno/internal/tlsx"
)

// Config is everything that can be set on a node. DefaultConfig fills all but
// Data. The names of the keys are those of the json tags.
type Config struct {
	Name     string      `json:"name"     doc:"what the node calls itself"`
	Data     string      `json:"data"     doc:"folder of blocks and output set"`
	Listen   string      `json:"listen"   doc:"gRPC address; port 0 picks a free one"`
	Admin    string      `json:"admin"    doc:"address of metrics, health and pprof; empty: off"`
	HTTP     string      `json:"http"     doc:"address of the JSON API, WebSocket and explorer, with the same tls and token as listen; empty: off"`
	Insecure bool        `json:"insecure" doc:"permit addresses off loopback without TLS"`
	TLS      tlsx.Server `json:"tls"      doc:"PEM files of the gRPC server"`
	Token    string      `json:"token"    doc:"what callers must present; empty: nothing"`
	// AdminToken guards metrics and profiles; health is told to everybody.
	AdminToken string `json:"admin_token" doc:"what callers of the admin port must present; empty: nothing"`
	LogLevel   string `json:"log_level" enum:"debug|info|warn|error" doc:"least level that is logged"`

	Peers  PeersConfig  `json:"peers"`
	Miner  MinerConfig  `json:"miner"`
	Ingest IngestConfig `json:"ingest"`
	Pool   PoolConfig   `json:"pool"`

	Sync         store.SyncPolicy `json:"sync"          doc:"when blocks are on stable storage: always, block, interval or none"`
	SyncInterval Duration         `json:"sync_interval" range:"1ms..1m" doc:"between two syncs, with sync: interval"`
	State        StateConfig      `json:"state"`
	Index        IndexConfig      `json:"index"`
	Cache        CacheConfig      `json:"cache"         doc:"in front of the disk, for readers"`
	MinFreeMB    int              `json:"min_free_mb" range:"0..1048576" doc:"room on the disk below which nothing is accepted"`
	HeapFloorMB  int              `json:"heap_floor_mb" range:"0..65536" doc:"heap below which garbage is left alone, so that memory is level from the start; 0: none"`

	Network NetworkConfig `json:"network" doc:"the rules; all nodes of a network must agree"`
}

// MinerConfig is miner.Config.
type MinerConfig struct {
	Threads  int      `json:"threads"   range:"0..1024"  doc:"search threads; 0: the node makes no blocks"`
	OnDemand bool     `json:"on_demand" doc:"make blocks only when asked to"`
	Pace     Duration `json:"pace"      range:"0s..24h" doc:"mean wait before each search; 0s: none"`
	PaceMin  Duration `json:"pace_min"  range:"0s..24h" doc:"shortest wait that is drawn; unless given, at most a tenth of pace"`
	Refresh  Duration `json:"refresh"   range:"0s..24h" doc:"how long one template is searched with; 0s: for ever"`
	Payout   string   `json:"payout"    doc:"key hash that rewards are paid to, 40 hexadecimal digits; empty: development key 0"`
	Seed     uint64   `json:"seed"      doc:"of the draws of waits"`
}

// IngestConfig is ingest.Config.
type IngestConfig struct {
	BatchSize int      `json:"batch_size" range:"1..16384"   doc:"transactions that are verified together"`
	Linger    Duration `json:"linger"     range:"0s..1s"     doc:"longest wait for others to be verified with"`
	Queue     int      `json:"queue"      range:"1..4194304" doc:"transactions received and not yet answered; beyond: busy"`
	Verifiers int      `json:"verifiers"  range:"1..1024"    doc:"goroutines that check signatures"`
}

// PoolConfig is pool.Config.
type PoolConfig struct {
	MaxTxs   int      `json:"max_txs"   range:"1..16777216" doc:"transactions that wait for a block"`
	MaxMB    int      `json:"max_mb"    range:"1..65536"    doc:"their encodings together"`
	MaxDepth int      `json:"max_depth" range:"1..1024"     doc:"chain of unconfirmed spends"`
	MaxAge   Duration `json:"max_age"   range:"1s..8760h"   doc:"how long a transaction may wait"`
}

// StateConfig is state.Config.
type StateConfig struct {
	CacheMB     int `json:"cache_mb"     range:"0..65536"   doc:"outputs kept in memory although they are on disk"`
	FlushMB     int `json:"flush_mb"     range:"1..1024"    doc:"changes that are gathered before they are written"`
	FlushBlocks int `json:"flush_blocks" range:"1..1000000" doc:"blocks after which changes are written"`
}

// IndexConfig switches the indexes.
type IndexConfig struct {
	Tx  bool `json:"tx"  doc:"find transactions by their ID"`
	Key bool `json:"key" doc:"find outputs by their key; costs a second write per output"`
}

// CacheConfig is tier.Config.
type CacheConfig struct {
	L1MB  int      `json:"l1_mb" range:"0..65536" doc:"blocks, transactions and proofs kept in memory; 0: none"`
	Redis string   `json:"redis" doc:"a Redis that nodes share, host:port or redis:// URL; what it says is checked; empty: none"`
	TTL   Duration `json:"ttl"   range:"1s..8760h" doc:"how long Redis keeps them"`
}

// NetworkConfig is ledger.Params, all of which may be overridden.
type NetworkConfig struct {
	Name            string   `json:"name"`
	Dev             bool     `json:"dev"              doc:"worthless: the genesis pays keys that everybody knows"`
	TimeUnit        Duration `json:"time_unit"        range:"1ms..1s"`
	FixedDifficulty bool     `json:"fixed_difficulty" doc:"one target for ever; else ASERT towards the interval"`
	Bits            Bits     `json:"bits"             doc:"compact target of the first block, and the easiest permitted"`
	Interval        Duration `json:"interval"         range:"1ms..1h"  doc:"between blocks; read by ASERT alone"`
	HalfLife        Duration `json:"half_life"        range:"1m..720h" doc:"of ASERT"`
	Subsidy         uint64   `json:"subsidy"          doc:"of block 1"`
	HalvingEvery    uint32   `json:"halving_every"    doc:"blocks; 0: never"`
	MaxMoney        uint64   `json:"max_money"`
	Maturity        uint32   `json:"maturity"         doc:"blocks before a reward may be spent"`
	MinFee          uint64   `json:"min_fee"`
	MaxBlockBytes   int      `json:"max_block_bytes"  range:"1000..33554432"`
	MaxBlockTxs     int      `json:"max_block_txs"    range:"1..150000"`
	DevSeed         uint64   `json:"dev_seed"`
	DevScheme       string   `json:"dev_scheme"       enum:"ed25519|secp256k1"`
	DevOutputs      uint32   `json:"dev_outputs"      range:"0..1198368" doc:"outputs of the genesis; 0 unless dev"`
	DevValue        uint64   `json:"dev_value"        doc:"of each of them"`
}

// DefaultConfig returns the defaults: the development network, on loopback.
func DefaultConfig() Config {
	p, s, d, m, t := pool.DefaultConfig(), store.DefaultConfig(), state.DefaultConfig(), miner.DefaultConfig(), tier.DefaultConfig()
	return Config{
		Name: "node", Listen: "127.0.0.1:7700", Admin: "127.0.0.1:7701", HTTP: "127.0.0.1:7703", LogLevel: "info",
		Peers: defaultPeers(),
		Miner: MinerConfig{
			Threads: m.Threads, OnDemand: m.OnDemand, Seed: m.Seed,
			Pace: Duration(m.Pace), PaceMin: Duration(m.PaceMin), Refresh: Duration(m.Refresh),
		},
		Ingest: IngestConfig{BatchSize: 1024, Linger: Duration(2 * time.Millisecond), Queue: 65_536, Verifiers: runtime.GOMAXPROCS(0)},
		Pool:   PoolConfig{MaxTxs: p.MaxTxs, MaxMB: int(p.MaxBytes >> 20), MaxDepth: p.MaxDepth, MaxAge: Duration(p.MaxAge)},
		Sync:   s.Sync, SyncInterval: Duration(s.SyncInterval),
		State:     StateConfig{CacheMB: int(d.CacheBytes >> 20), FlushMB: int(d.FlushBytes >> 20), FlushBlocks: d.FlushBlocks},
		Index:     IndexConfig{Tx: s.TxIndex, Key: d.KeyIndex},
		Cache:     CacheConfig{L1MB: int(t.L1Bytes >> 20), TTL: Duration(t.TTL)},
		MinFreeMB: int(s.MinFreeBytes >> 20), HeapFloorMB: 384,
		Network: networkOf(ledger.DevParams()),
	}
}

func networkOf(p *ledger.Params) NetworkConfig {
	return NetworkConfig{
		Name: p.Name, Dev: p.Dev, TimeUnit: Duration(p.TimeUnit),
		FixedDifficulty: p.FixedDifficulty, Bits: Bits(p.Bits), Interval: Duration(p.Interval), HalfLife: Duration(p.HalfLife),
		Subsidy: p.Subsidy, HalvingEvery: p.HalvingEvery, MaxMoney: p.MaxMoney, Maturity: p.Maturity, MinFee: p.MinFee,
		MaxBlockBytes: p.MaxBlockBytes, MaxBlockTxs: p.MaxBlockTxs,
		DevSeed: p.DevSeed, DevScheme: p.DevScheme.String(), DevOutputs: p.DevOutputs, DevValue: p.DevValue,
	}
}

// Params returns the rules of the network, which Validate has to have passed.
func (n *NetworkConfig) Params() *ledger.Params {
	p := ledger.DevParams() // for the epoch, which is no rule
	p.Name, p.Dev, p.TimeUnit = n.Name, n.Dev, time.Duration(n.TimeUnit)
	p.FixedDifficulty, p.Bits = n.FixedDifficulty, uint32(n.Bits)
	p.Interval, p.HalfLife = time.Duration(n.Interval), time.Duration(n.HalfLife)
	p.Subsidy, p.HalvingEvery, p.MaxMoney, p.Maturity, p.MinFee = n.Subsidy, n.HalvingEvery, n.MaxMoney, n.Maturity, n.MinFee
	p.MaxBlockBytes, p.MaxBlockTxs = n.MaxBlockBytes, n.MaxBlockTxs
	p.DevSeed, p.DevScheme, p.DevOutputs, p.DevValue = n.DevSeed, schemeNamed(n.DevScheme), n.DevOutputs, n.DevValue
	return p
}

// schemeNamed returns SchemeNone for an unknown name.
func schemeNamed(name string) ledger.Scheme {
	for _, s := range []ledger.Scheme{ledger.SchemeEd25519, ledger.SchemeSecp256k1} {
		if s.String() == name {
			return s
		}
	}
	return ledger.SchemeNone
}

// payout returns the key hash that rewards are paid to.
func (c *Config) payout() (key ledger.KeyHash, err error) {
	if n := &c.Network; c.Miner.Payout == "" {
		if !n.Dev && c.Miner.Threads > 0 {
			return key, fmt.Errorf("is needed on a network without development keys; permitted are %d hexadecimal digits", 2*len(key))
		}
		scheme := schemeNamed(n.DevScheme)
		return ledger.HashKey(scheme, ledger.DevKey(n.DevSeed, scheme, 0).Public()), nil
	}
	b, err := hex.DecodeString(c.Miner.Payout)
	if err != nil || len(b) != len(key) {
		return key, fmt.Errorf("%q is not a key hash; permitted are %d hexadecimal digits", c.Miner.Payout, 2*len(key))
	}
	return ledger.KeyHash(b), nil
}

// Validate reports the first setting that is out of its range, in one line
// that names its key and what is permitted.
func (c *Config) Validate() error { return c.validate("configuration", nil) }

func (c *Config) validate(file string, at strictyaml.Positions) error {
	if err := strictyaml.Check(c, file, at); err != nil {
		return err
	}
	for _, rule := range c.rules() {
		if rule.broken != "" {
			return at.Errorf(file, rule.key, "%s", rule.broken)
		}
	}
	return nil
}

// rule is one check that looks at more than one value's range; broken is
// empty where it is kept.
type rule struct{ key, broken string }

func (c *Config) rules() []rule {
	text := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	params := c.Network.Params()
	_, payoutErr := c.payout()
	return []rule{
		{"tls", text(c.TLS.Validate())},
		{"listen", c.address(c.Listen, c.TLS.Enabled())},
		{"admin", c.adminAddress()},
		{"http", c.address(c.HTTP, c.TLS.Enabled())},
		{"token", fit(c.Token)},
		{"admin_token", fit(c.AdminToken)},
		{"peers", text(c.Peers.validate())},
		{"peers.listen", c.address(c.Peers.Listen, c.Peers.TLS.Enabled())},
		{"miner.pace_min", text(c.paceMin())},
		{"network", text(params.Validate())},
		{"miner.payout", text(payoutErr)},
		{"miner.pace", c.paceUnderASERT()},
		{"miner", text(c.minerConfig(ledger.KeyHash{}).Validate())},
		{"ingest", text(c.ingestConfig().Validate())},
		{"pool", text(c.poolConfig().Validate())},
		{"cache", text(c.cacheConfig().Validate())},
	}
}

// address says why plain text on addr is not permitted.
func (c *Config) address(addr string, secure bool) string {
	if addr == "" || secure || c.Insecure || tlsx.Loopback(addr) {
		return ""
	}
	return fmt.Sprintf("%q can be reached from other machines without TLS; permitted are loopback addresses such as 127.0.0.1:7700, "+
		"any address with tls, or any with insecure: true", addr)
}

// adminAddress says why the admin port may not be there. Unlike the chain,
// what the process does concerns nobody but its owner.
func (c *Config) adminAddress() string {
	if c.Admin == "" || c.Insecure || tlsx.Loopback(c.Admin) || c.TLS.Enabled() && c.AdminToken != "" {
		return ""
	}
	return fmt.Sprintf("%q can be reached from other machines without TLS and a token; permitted are loopback addresses such as 127.0.0.1:7701, "+
		"any address with tls and admin_token, or any with insecure: true", c.Admin)
}

// AdminSecured says whether the admin port is served with the certificate of
// tls: off loopback, where a token guards it.
func (c *Config) AdminSecured() bool {
	return c.TLS.Enabled() && c.AdminToken != "" && !tlsx.Loopback(c.Admin)
}

// fit says why a token cannot be presented, without telling it.
func fit(token string) string {
	if bearer.Fit(token) {
		return ""
	}
	return "holds a character that no header can carry; permitted is printable ASCII without spaces"
}

func (c *Config) paceMin() error {
	if c.Miner.PaceMin > c.Miner.Pace {
		return fmt.Errorf("%s is longer than miner.pace; permitted are 0s to %s", c.Miner.PaceMin, c.Miner.Pace)
	}
	return nil
}

// paceUnderASERT keeps the wait from being most of the interval that the
// difficulty is adjusted to: the target would rise until nothing is left to
// search.
func (c *Config) paceUnderASERT() string {
	if n := &c.Network; !n.FixedDifficulty && c.Miner.Pace >= n.Interval/4 && c.Miner.Pace > 0 {
		return fmt.Sprintf("%s is too long for adjusted difficulty; permitted is less than a quarter of network.interval %s, or 0s",
			c.Miner.Pace, n.Interval)
	}
	return ""
}

func (c *Config) minerConfig(payout ledger.KeyHash) miner.Config {
	m := &c.Miner
	return miner.Config{
		Threads: m.Threads, OnDemand: m.OnDemand, Pace: time.Duration(m.Pace), PaceMin: time.Duration(m.PaceMin),
		Refresh: time.Duration(m.Refresh), Payout: payout, Seed: m.Seed,
	}
}

func (c *Config) ingestConfig() ingest.Config {
	i := &c.Ingest
	return ingest.Config{QueueTxs: i.Queue, BatchSize: i.BatchSize, Linger: time.Duration(i.Linger), Verifiers: i.Verifiers}
}

func (c *Config) poolConfig() pool.Config {
	p := &c.Pool
	return pool.Config{MaxTxs: p.MaxTxs, MaxBytes: int64(p.MaxMB) << 20, MaxDepth: p.MaxDepth, MaxAge: time.Duration(p.MaxAge)}
}

func (c *Config) cacheConfig() tier.Config {
	return tier.Config{L1Bytes: int64(c.Cache.L1MB) << 20, Redis: c.Cache.Redis, TTL: time.Duration(c.Cache.TTL)}
}

// Secret says whether a value of a key must be kept from logs, reports and
// command lines.
func Secret(key, value string) bool {
	switch key {
	case "token", "admin_token":
		return true
	case "cache.redis":
		return strings.Contains(value, "@") // a URL with a password
	}
	return false
}

// Settings are the values that a report about this node prints. They hold no
// secret.
func (c *Config) Settings() map[string]string {
	s := map[string]string{}
	for _, l := range leaves(c) {
		if Secret(l.key, "") || strings.HasPrefix(l.key, "tls.") || l.key == "data" || l.key == "listen" || l.key == "admin" || l.key == "http" || ofPlace(l.key) {
			continue
		}
		s[l.key] = fmt.Sprint(l.value.Interface())
	}
	s["tls"] = fmt.Sprint(c.TLS.Enabled())
	if ingest.SlowVerify {
		s["build"] = "slowverify: a tenth of the verification throughput is given away on purpose"
	}
	s["cache.redis"] = fmt.Sprint(c.Cache.Redis != "") // the URL may hold a password
	return s
}
