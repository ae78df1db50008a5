package refchain

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/client"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/loadgen/driver"
)

// Config says which nodes to drive.
type Config struct {
	// Targets are the addresses of nodes of one network, host:port. The first
	// one that answers is followed and asked. Sessions submit to the one that
	// their segment names, and to another while that one can't be reached.
	Targets        []string
	TLS            *tls.Config
	Token          string
	AllowPlaintext bool          // permit targets off loopback without TLS
	AnswerTimeout  time.Duration // after which an answer is unknown; 0 = 10 s; at most 10 minutes
}

const (
	answerTimeout    = 10 * time.Second
	answerTimeoutMax = 10 * time.Minute
)

// Driver implements driver.Driver, Locator, Sealer, Auditor and Inspector.
type Driver struct {
	cfg     Config
	nodes   []*client.Client // one for each target, for everything but submission
	mu      sync.Mutex
	payees  *payees       // of the network last seen
	headers []ledger.Hash // by height, as Headers last verified them
}

var (
	_ driver.Driver    = (*Driver)(nil)
	_ driver.Locator   = (*Driver)(nil)
	_ driver.Sealer    = (*Driver)(nil)
	_ driver.Auditor   = (*Driver)(nil)
	_ driver.Inspector = (*Driver)(nil)
)

// New prepares the connections. It does no I/O.
func New(cfg Config) (*Driver, error) {
	if len(cfg.Targets) == 0 {
		return nil, errors.New("no target: name at least one node as host:port")
	}
	if cfg.AnswerTimeout < 0 || cfg.AnswerTimeout > answerTimeoutMax {
		return nil, fmt.Errorf("answer timeout %s: permitted 0 (the default) to %s", cfg.AnswerTimeout, answerTimeoutMax)
	}
	if cfg.AnswerTimeout == 0 {
		cfg.AnswerTimeout = answerTimeout
	}
	d := &Driver{cfg: cfg}
	for _, target := range cfg.Targets {
		c, err := client.Dial(target, cfg.options())
		if err != nil {
			return nil, errors.Join(err, d.Close())
		}
		d.nodes = append(d.nodes, c)
	}
	return d, nil
}

func (c *Config) options() client.Options {
	return client.Options{TLS: c.TLS, Token: c.Token, AllowPlaintext: c.AllowPlaintext}
}

// Close releases the connections.
func (d *Driver) Close() error {
	var err error
	for _, c := range d.nodes {
		err = errors.Join(err, c.Close())
	}
	return err
}

// The kinds of transactions, as Tx.Kind counts them.
const (
	kindTransfer uint8 = iota
	kindInvalidSignature
	kindDoubleSpend
)

var kinds = []driver.Kind{
	kindTransfer:         {Name: "transfer"},
	kindInvalidSignature: {Name: "invalid_signature", Expect: driver.RejectSignature},
	kindDoubleSpend:      {Name: "double_spend", Expect: driver.RejectDoubleSpend},
}

// Info describes the first node that answers, and the interval of all miners
// together.
func (d *Driver) Info(ctx context.Context) (driver.Info, error) {
	i, err := d.info(ctx)
	if err != nil {
		return driver.Info{}, err
	}
	return driver.Info{
		Family:     "reference",
		Network:    i.Params.Name,
		Client:     i.Client,
		Genesis:    idOf(i.Genesis),
		Finality:   driver.FinalityProbabilistic,
		AckMeans:   driver.AckMeans(i.AckMeans), // same numbers: see TestAckMeans
		Kinds:      kinds,
		LaneWindow: i.Limits.PoolDepth,
		BatchMax:   i.Limits.BatchTxs,
		PayloadMax: i.Limits.PayloadBytes,
		PoolMax:    i.Limits.PoolTxs,
		LanesMax:   int(i.Params.DevOutputs),
		Interval:   i.Interval,
		OnDemand:   i.OnDemand,
		Dev:        i.Params.Dev,
		Unit:       "bytes",
		Tip:        ref(i.Tip),
		Settings:   i.Settings,
	}, nil
}

// idOf turns a hash round: nodes and explorers write its last byte first.
func idOf(h ledger.Hash) (id driver.ID) {
	for i, b := range h {
		id[len(id)-1-i] = b
	}
	return id
}

// hashOf is the way back.
func hashOf(id driver.ID) ledger.Hash { return ledger.Hash(idOf(ledger.Hash(id))) }

func ref(r client.Ref) driver.Ref {
	return driver.Ref{Height: uint64(r.Height), ID: idOf(r.Hash)}
}

func unref(r driver.Ref) client.Ref {
	return client.Ref{Height: uint32(r.Height), Hash: hashOf(r.ID)}
}
