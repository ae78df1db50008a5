package result

// Work is what a second of throughput was made of, and what it cost: systems
// with equal transactions a second may differ in all of it. Rates are over the
// steady window, costs over the whole run; 0 = not known.
type Work struct {
	UsedPerS       float64 `json:"used_per_s"`                   // of the blocks' capacity, others' transactions too, in Chain.Unit
	LimitPerS      float64 `json:"limit_per_s"`                  // what these blocks could have held
	Fullness       float64 `json:"fullness"`                     // UsedPerS / LimitPerS
	PayloadPerS    float64 `json:"committed_bytes_per_s"`        // payload of succeeded transactions, at the mean size of those sent
	SignaturesPerS float64 `json:"signatures_per_s"`             // of succeeded transactions, as the workload makes them
	OutputsPerS    float64 `json:"outputs_per_s"`                // the same
	Nodes          int     `json:"nodes"`                        // that could be read
	NodeCPUPerTxNs float64 `json:"node_cpu_per_tx_ns"`           // of all nodes together, per succeeded transaction
	NodeDiskPerTx  float64 `json:"node_disk_bytes_per_tx"`       // the same
	OwnCPUPerTxNs  float64 `json:"generator_cpu_per_tx_ns"`      //
	PayloadPerTx   float64 `json:"payload_bytes_per_tx"`         // mean of those sent
	DiskOverBytes  float64 `json:"node_disk_over_payload_bytes"` // bytes written for each byte of payload, all nodes together
}

// Fairness is how evenly the chain served those who sent at the same time:
// commit latency over the steady window.
type Fairness struct {
	Connections   []Connection `json:"connections"`
	SlowestP50    float64      `json:"p50_slowest_over_fastest"` // connection; 0 = not known
	SlowestP99    float64      `json:"p99_slowest_over_fastest"` // the same
	JainSucceeded float64      `json:"jain_of_succeeded"`        // Jain's index over the connections' succeeded transactions
	JainMean      float64      `json:"jain_of_mean_latency"`     // the same over their mean latencies
	Lanes         LaneSpread   `json:"lanes"`
}

// Connection is one row of fairness.csv. Quantiles come from buckets of 1.6 %
// and are absent as in Latency.
type Connection struct {
	Connection int    `json:"connection"` // from 0
	Lanes      int    `json:"lanes"`
	Succeeded  uint64 `json:"succeeded"` // of the steady window
	MeanNs     int64  `json:"mean_ns"`
	P50Ns      *int64 `json:"p50_ns"`
	P99Ns      *int64 `json:"p99_ns"`
	MaxNs      int64  `json:"max_ns"`
}

// LaneSpread is how the lanes' own mean latencies spread.
type LaneSpread struct {
	Why          string  `json:"why,omitempty"` // nothing is told of lanes
	Lanes        int     `json:"lanes"`
	Served       int     `json:"served"` // that had a transaction succeed
	SucceededMin uint64  `json:"succeeded_min"`
	SucceededMax uint64  `json:"succeeded_max"`
	MeanMinNs    int64   `json:"mean_min_ns"` // of the lanes served, here and below
	MeanP50Ns    int64   `json:"mean_p50_ns"`
	MeanP99Ns    int64   `json:"mean_p99_ns"`
	MeanMaxNs    int64   `json:"mean_max_ns"`
	Jain         float64 `json:"jain_of_mean_latency"`
	JainByChance float64 `json:"jain_by_chance"` // what lanes of as many transactions have when none is worse off
}
