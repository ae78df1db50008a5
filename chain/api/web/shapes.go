package web

import (
	"encoding/hex"
	"errors"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

// hash is a hash as people read it: hexadecimal, last byte first, which is how
// the node's log, reports and other chains' explorers print it.
type hash ledger.Hash

func (h hash) MarshalText() ([]byte, error) { return []byte(ledger.Hash(h).String()), nil }

var errHash = errors.New("not a hash of 64 hexadecimal digits")

func (h *hash) UnmarshalText(b []byte) error {
	if len(b) != 2*len(h) {
		return errHash
	}
	if _, err := hex.Decode(h[:], b); err != nil {
		return errHash
	}
	for i, j := 0, len(h)-1; i < j; i, j = i+1, j-1 {
		h[i], h[j] = h[j], h[i]
	}
	return nil
}

// raw is bytes in hexadecimal, in their order.
type raw []byte

func (r raw) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, r), nil }

func (r *raw) UnmarshalText(b []byte) (err error) {
	*r, err = hex.AppendDecode(nil, b)
	return err
}

type ref struct {
	Height uint32 `json:"height"`
	Hash   hash   `json:"hash"`
}

type header struct {
	Height  uint32 `json:"height"`
	Hash    hash   `json:"hash"    doc:"double SHA-256 of raw"`
	Raw     raw    `json:"raw"     doc:"the 80 bytes that are hashed"`
	Version uint32 `json:"version"`
	Prev    hash   `json:"prev"    doc:"hash of the block before"`
	Merkle  hash   `json:"merkle"  doc:"root over the transactions' IDs"`
	Time    uint32 `json:"time"    doc:"in the network's unit, since its epoch"`
	TimeMs  int64  `json:"time_ms" doc:"the same in milliseconds since 1970"`
	Bits    uint32 `json:"bits"    doc:"compact target"`
	Nonce   uint32 `json:"nonce"`
}

type tip struct {
	Tip    ref    `json:"tip"`
	Header header `json:"header"`
}

type info struct {
	Client     string            `json:"client"      doc:"software and version"`
	Name       string            `json:"name"        doc:"of this node"`
	Genesis    hash              `json:"genesis"`
	Params     params            `json:"params"      doc:"the rules of the network"`
	Tip        ref               `json:"tip"`
	Limits     limits            `json:"limits"      doc:"what the node takes from callers"`
	IntervalNs int64             `json:"interval_ns" doc:"expected mean time between blocks; 0: unknown"`
	OnDemand   bool              `json:"on_demand"   doc:"blocks are made only when asked for"`
	AckMeans   string            `json:"ack_means"   doc:"what an accepted transaction has passed: received, verified or pooled"`
	Settings   map[string]string `json:"settings"    doc:"of the node, without secrets and addresses"`
}

type params struct {
	Name            string `json:"name"`
	Dev             bool   `json:"dev" doc:"worthless: the genesis pays keys that everybody knows"`
	TimeUnitNs      int64  `json:"time_unit_ns"`
	EpochS          int64  `json:"epoch_s" doc:"since 1970"`
	EpochNs         uint32 `json:"epoch_ns" doc:"beyond epoch_s"`
	Bits            uint32 `json:"bits" doc:"compact limit target"`
	FixedDifficulty bool   `json:"fixed_difficulty"`
	IntervalNs      int64  `json:"interval_ns"`
	HalfLifeNs      int64  `json:"half_life_ns"`
	Subsidy         uint64 `json:"subsidy"`
	HalvingEvery    uint32 `json:"halving_every"`
	MaxMoney        uint64 `json:"max_money"`
	Maturity        uint32 `json:"maturity"`
	MinFee          uint64 `json:"min_fee"`
	MaxBlockBytes   uint64 `json:"max_block_bytes"`
	MaxBlockTxs     uint64 `json:"max_block_txs"`
	DevSeed         uint64 `json:"dev_seed"`
	DevScheme       uint32 `json:"dev_scheme"`
	DevOutputs      uint32 `json:"dev_outputs"`
	DevValue        uint64 `json:"dev_value"`
}

type limits struct {
	BatchBytes    uint32 `json:"batch_bytes"    doc:"payloads of one batch together"`
	BatchTxs      uint32 `json:"batch_txs"      doc:"transactions of one batch"`
	PayloadBytes  uint32 `json:"payload_bytes"  doc:"of one transaction"`
	StreamBatches uint32 `json:"stream_batches" doc:"gRPC: unanswered on one stream"`
	StreamTxs     uint32 `json:"stream_txs"     doc:"gRPC: unanswered on one stream"`
	PoolTxs       uint64 `json:"pool_txs"       doc:"waiting for a block"`
	PoolBytes     uint64 `json:"pool_bytes"     doc:"waiting for a block"`
	PoolDepth     uint32 `json:"pool_depth"     doc:"longest chain of unconfirmed spends"`
}

type stats struct {
	Name         string            `json:"name"`
	UptimeNs     int64             `json:"uptime_ns"`
	PoolTxs      uint64            `json:"pool_txs"`
	PoolBytes    uint64            `json:"pool_bytes"`
	QueueTxs     uint64            `json:"queue_txs"     doc:"received but not verified"`
	Outputs      uint64            `json:"outputs"       doc:"that can be spent"`
	BlocksSealed uint64            `json:"blocks_sealed" doc:"by this node, since it started"`
	Threads      []thread          `json:"threads"       doc:"that seal"`
	Rejected     map[string]uint64 `json:"rejected"      doc:"transactions, by kind"`
	Settings     map[string]string `json:"settings"`
	CPUS         float64           `json:"cpu_s"         doc:"user and system"`
	GCS          float64           `json:"gc_s"          doc:"stop-the-world"`
	RSSBytes     uint64            `json:"rss_bytes"`
	HeapBytes    uint64            `json:"heap_bytes"`
	DiskBytes    uint64            `json:"disk_bytes"    doc:"written to the data folder"`
	Tip          ref               `json:"tip"`
	Tiers        []tier            `json:"tiers"         doc:"of the read path, the fastest first"`
}

type tier struct {
	Name     string `json:"name"     doc:"l1: in process, l2: Redis, l3: the store"`
	Hits     uint64 `json:"hits"     doc:"reads that it answered"`
	Misses   uint64 `json:"misses"   doc:"that it was asked for in vain"`
	TookNs   int64  `json:"took_ns"  doc:"by the hits together, from the question to the answer"`
	Poisoned uint64 `json:"poisoned" doc:"values that were not what they were kept as; never used"`
	Failures uint64 `json:"failures" doc:"no answer in time, or an error"`
}

type thread struct {
	Hashes uint64 `json:"hashes"`
	BusyNs int64  `json:"busy_ns"`
}

type block struct {
	Header header `json:"header"`
	Best   bool   `json:"best"   doc:"on the best chain"`
	Txs    int    `json:"txs"    doc:"transactions in the block"`
	Bytes  int    `json:"bytes"  doc:"of its encoding"`
	Offset int    `json:"offset" doc:"of the first of ids"`
	IDs    []hash `json:"ids"    doc:"of transactions, in the block's order, the reward first"`
}

type headerList struct {
	Height  uint32   `json:"height" doc:"of the first"`
	Headers []header `json:"headers"`
}

type transaction struct {
	ID           hash    `json:"id"`
	Place        string  `json:"place"           doc:"pooled, or block"`
	Block        *ref    `json:"block,omitempty" doc:"where place is block"`
	Index        uint32  `json:"index"           doc:"in the block"`
	Bytes        int     `json:"bytes"           doc:"of its encoding; 0 where the node gives none for a transaction that still waits"`
	Scheme       string  `json:"scheme"          doc:"of its signatures; none for the reward of a block"`
	Coinbase     bool    `json:"coinbase"`
	InputsTotal  int     `json:"inputs_total"`
	OutputsTotal int     `json:"outputs_total"`
	Inputs       []input `json:"inputs"          doc:"at most 1,000"`
	Outputs      []txOut `json:"outputs"         doc:"at most 1,000"`
	Payload      raw     `json:"payload"         doc:"its encoding; left empty over 100,000 bytes, which only a genesis has"`
}

type input struct {
	ID    hash   `json:"id"    doc:"of the transaction whose output is spent"`
	Index uint32 `json:"index" doc:"of that output"`
	Key   raw    `json:"key"   doc:"public key"`
}

type txOut struct {
	Value uint64 `json:"value"`
	Key   raw    `json:"key" doc:"hash of the key that may spend it"`
}

type proof struct {
	ID       hash   `json:"id"`
	Block    ref    `json:"block"`
	Header   header `json:"header"`
	Index    uint32 `json:"index"    doc:"of the transaction in the block"`
	Count    uint32 `json:"count"    doc:"transactions in the block"`
	Siblings []hash `json:"siblings" doc:"from the leaf upwards"`
}

type outputList struct {
	Outputs []output `json:"outputs"`
}

type output struct {
	ID       hash   `json:"id"`
	Index    uint32 `json:"index"`
	Value    uint64 `json:"value"`
	Height   uint32 `json:"height"   doc:"of the block that made it"`
	Coinbase bool   `json:"coinbase"`
}

type peerList struct {
	Enabled bool   `json:"enabled" doc:"the node takes part in a network"`
	Peers   []peer `json:"peers"`
}

type peer struct {
	ID      string `json:"id"`
	Address string `json:"address"`
	Inbound bool   `json:"inbound" doc:"it has connected to this node"`
	Height  uint32 `json:"height"  doc:"of its best block, as it says"`
	RTTNs   int64  `json:"rtt_ns"  doc:"round-trip time; 0: not measured yet"`
	Client  string `json:"client"  doc:"software and version, as it says"`
	SinceMs int64  `json:"since_ms" doc:"when it was connected, in milliseconds since 1970"`

	BytesIn  uint64 `json:"bytes_in"  doc:"received over its connection"`
	BytesOut uint64 `json:"bytes_out" doc:"sent over its connection"`
}

// submission is the body of a POST: one of the two.
type submission struct {
	Payload  *raw    `json:"payload,omitempty"  doc:"one transaction"`
	Payloads *packed `json:"payloads,omitempty" doc:"many transactions"`
}

type answer struct {
	Accepted bool   `json:"accepted"`
	Kind     string `json:"kind"         doc:"none if accepted, else why not; busy means: send the same again later"`
	ID       *hash  `json:"id,omitempty" doc:"left out where the payload is no transaction"`
}

type batchAnswer struct {
	Accepted int      `json:"accepted" doc:"how many were"`
	Answers  []string `json:"answers"  doc:"one kind for each transaction, in order: none if accepted, else why not"`
}
