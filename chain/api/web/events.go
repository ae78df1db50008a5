package web

// The events of a WebSocket. Each is one message of JSON, told apart by type.

type helloEvent struct {
	Type     string `json:"type"      const:"hello" doc:"first of all"`
	Name     string `json:"name"      doc:"of the node"`
	Client   string `json:"client"    doc:"software and version"`
	Network  string `json:"network"`
	Genesis  hash   `json:"genesis"`
	Tip      ref    `json:"tip"`
	TimeMs   int64  `json:"time_ms"   doc:"the node's clock, since 1970"`
	SkipOver int    `json:"skip_over" doc:"blocks by which a caller may fall behind before it skips"`
}

type startEvent struct {
	Type string `json:"type"  const:"start" doc:"before the first block"`
	At   ref    `json:"at"    doc:"which of the cursors was taken; a hash of zeros: before the genesis"`
}

type blockEvent struct {
	Type       string `json:"type"        const:"block" doc:"a block on top of the one told of before"`
	Header     header `json:"header"`
	Txs        uint32 `json:"txs"         doc:"transactions in the block"`
	Bytes      uint64 `json:"bytes"       doc:"of its encoding"`
	Durable    bool   `json:"durable"     doc:"synced to stable storage before it was announced"`
	IntervalNs int64  `json:"interval_ns" doc:"since the previous block; 0: unknown"`
	SealNs     int64  `json:"seal_ns"     doc:"spent in sealing; 0 where another node did"`
	Hashes     uint64 `json:"hashes"      doc:"tried while sealing"`
}

type revertEvent struct {
	Type   string `json:"type"   const:"revert" doc:"blocks are no longer on the best chain"`
	Blocks []ref  `json:"blocks" doc:"newest first"`
	Parent ref    `json:"parent" doc:"where the chain stands after it"`
}

type skippedEvent struct {
	Type   string `json:"type"   const:"skipped" doc:"the caller was too slow: blocks that it was not told of"`
	Blocks uint32 `json:"blocks" doc:"how many"`
	Next   ref    `json:"next"   doc:"the block after which it goes on; what was told before may have been reverted"`
}

type poolEvent struct {
	Type     string            `json:"type"      const:"pool" doc:"the pool, when it has changed; at most each second"`
	TimeMs   int64             `json:"time_ms"   doc:"the node's clock, since 1970"`
	Txs      uint64            `json:"txs"       doc:"that wait for a block"`
	Bytes    uint64            `json:"bytes"`
	QueueTxs uint64            `json:"queue_txs" doc:"received but not verified"`
	Outputs  uint64            `json:"outputs"   doc:"that can be spent"`
	Rejected map[string]uint64 `json:"rejected"  doc:"by kind, since the node's start"`
}

type peersEvent struct {
	Type  string   `json:"type"  const:"peers" doc:"the peers, when they have changed; at most each second"`
	Peers peerList `json:"peers"`
}

// events are zero values of all of them, for the document.
func events() []any {
	return []any{helloEvent{}, startEvent{}, blockEvent{}, revertEvent{}, skippedEvent{}, poolEvent{}, peersEvent{}}
}
