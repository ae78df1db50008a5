package chain

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/chain/state"
	"github.com/chaindyno/chaindyno/chain/store"
	"github.com/chaindyno/chaindyno/chain/tree"
)

// ErrMismatch says that block log and output set do not belong together.
var ErrMismatch = errors.New("block log and output set do not belong together")

// The folders within Config.Data.
const (
	blocksFolder = "blocks"
	stateFolder  = "state"
)

// openData opens the log first: it takes the lock on the folder, and says
// which network the folder is of.
func (n *Node) openData(fs vfs.FS) (err error) {
	if n.store, err = store.Open(n.storeConfig(fs)); err != nil {
		return err
	}
	if n.state, err = state.Open(n.stateConfig(fs)); err != nil {
		return errors.Join(err, n.store.Close())
	}
	return nil
}

func (n *Node) storeConfig(fs vfs.FS) store.Config {
	c := store.DefaultConfig()
	c.Dir, c.FS = filepath.Join(n.cfg.Data, blocksFolder), fs
	c.Network, c.Params = n.params.Name, n.params.Digest()
	c.Sync, c.SyncInterval = n.cfg.Sync, time.Duration(n.cfg.SyncInterval)
	c.TxIndex, c.MinFreeBytes = n.cfg.Index.Tx, uint64(n.cfg.MinFreeMB)<<20
	c.Events = n.ev.Store
	return c
}

func (n *Node) stateConfig(fs vfs.FS) state.Config {
	c := state.DefaultConfig()
	c.Dir, c.FS = filepath.Join(n.cfg.Data, stateFolder), fs
	c.Network, c.Params = n.params.Name, n.params.Digest()
	c.CacheBytes, c.FlushBytes, c.FlushBlocks = int64(n.cfg.State.CacheMB)<<20, int64(n.cfg.State.FlushMB)<<20, n.cfg.State.FlushBlocks
	c.KeyIndex, c.MinFreeBytes = n.cfg.Index.Key, uint64(n.cfg.MinFreeMB)<<20
	c.Barrier = n.store.Sync
	c.Events = n.ev.State
	return c
}

// recover brings the set to where the log stands, whatever a crash left: an
// empty folder, a log without indexes, a set that is behind, or one that was
// written on a branch that has been abandoned since, or not been switched to.
func (n *Node) recover() error {
	began := time.Now()
	n.tree = tree.New(n.params)
	n.setTip(n.tree.Best())
	best, ok := n.store.Best()
	if !ok {
		if err := n.begin(); err != nil {
			return err
		}
		best, _ = n.store.Best()
	}
	if err := n.loadHeaders(best); err != nil {
		return err
	}
	from, err := n.replay(n.tree.Get(best.Hash))
	if err != nil {
		return err
	}
	n.log.Info("recovered", "height", n.tip.Height, "tip", n.tip.Hash, "set_from", from, "log_blocks", n.store.Recovered().Blocks,
		"log_torn_bytes", n.store.Recovered().TornBytes, "outputs", n.state.Stats().Outputs, "took", time.Since(began))
	return nil
}

// begin writes the genesis to an empty log.
func (n *Node) begin() error {
	if height, hash, ok := n.state.Tip(); ok {
		return fmt.Errorf("%s: %w: the log is empty, the set stands at block %d %s", n.cfg.Data, ErrMismatch, height, hash)
	}
	g := n.params.Genesis()
	_, err := n.store.Append(&store.Record{Body: g.Append(nil), IDs: g.IDs(), Undo: []ledger.Change{}, Extend: true})
	return err
}

// headersAtOnce bounds the headers that are read together.
const headersAtOnce = 10_000

// loadHeaders puts the best chain into the tree.
func (n *Node) loadHeaders(best store.Ref) error {
	for from := uint32(1); from <= best.Height; {
		headers, err := n.store.Headers(from, headersAtOnce)
		if err != nil {
			return err
		}
		if len(headers) == 0 {
			break
		}
		for _, h := range headers {
			if _, reject := n.tree.Add(h, anyTime); reject != ledger.RejectNone {
				return fmt.Errorf("%s: header %d: %w", filepath.Join(n.cfg.Data, blocksFolder), from, reject)
			}
			from++
		}
	}
	if n.tree.Get(best.Hash) == nil {
		return fmt.Errorf("%s: %w: the best chain does not lead to its tip %d %s",
			filepath.Join(n.cfg.Data, blocksFolder), store.ErrDamaged, best.Height, best.Hash)
	}
	return nil
}

// replay moves the set to the log's tip and says where it stood before.
func (n *Node) replay(tip *tree.Node) (from uint32, err error) {
	if _, _, ok := n.state.Tip(); !ok {
		if err := n.applyGenesis(); err != nil {
			return 0, err
		}
	}
	from, hash, _ := n.state.Tip()
	at, err := n.find(hash)
	if err != nil {
		return from, err
	}
	if at == nil {
		return from, fmt.Errorf("%s: %w: the set stands at block %d %s, which the log does not have", n.cfg.Data, ErrMismatch, from, hash)
	}
	err = n.moveSet(tip)
	if errors.Is(err, store.ErrNotFound) { // synced before the set was written
		err = fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	if err != nil {
		return from, fmt.Errorf("%s: replay: %w", n.cfg.Data, err)
	}
	n.setTip(tip)
	return from, nil
}

func (n *Node) applyGenesis() error {
	delta, err := ledger.Connect(n.params.Genesis(), 0, n.params, n.state.Lookup)
	if err != nil {
		return fmt.Errorf("genesis: %w", err)
	}
	return n.state.Apply(delta)
}

// find returns the node of a block, or nil if it is nowhere. The tree starts
// with the best chain alone; a branch that is in the log from an earlier life
// is added to it here, when something refers to it.
func (n *Node) find(hash ledger.Hash) (*tree.Node, error) {
	var headers []ledger.Header
	for n.tree.Get(hash) == nil {
		info, err := n.store.Info(hash)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		headers = append(headers, info.Header)
		hash = info.Header.Prev
	}
	node := n.tree.Get(hash)
	for _, h := range slices.Backward(headers) {
		var reject ledger.Reject
		if node, reject = n.tree.Add(h, anyTime); reject != ledger.RejectNone {
			return nil, nil // refused, or built on what was refused
		}
	}
	return node, nil
}
