package chain

import (
	"context"
	"sync"

	"github.com/chaindyno/chaindyno/chain/ingest"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// submit offers transactions and waits for the answers.
func submit(n *Node, txs ...ledger.Tx) []ledger.Reject {
	payloads := make([][]byte, len(txs))
	for i := range txs {
		payloads[i] = txs[i].Bytes()
	}
	var answered sync.WaitGroup
	answered.Add(1)
	b := &ingest.Batch{Payloads: payloads, Done: func(*ingest.Batch) { answered.Done() }}
	n.Submit(b)
	answered.Wait()
	return b.Answers
}

// coinsOf finds what the development keys can spend, by the index by key.
func coinsOf(n *Node) (coins []coin, err error) {
	m := newMaker(noTest{}, n.params)
	for i := range int(n.params.DevOutputs) {
		key := m.key(i)
		outputs, err := n.OutputsOf(ledger.HashKey(key.Scheme(), key.Public()), 4)
		if err != nil {
			return nil, err
		}
		for _, o := range outputs {
			if !o.Entry.Coinbase || o.Entry.Height == 0 {
				coins = append(coins, coin{o.Point, o.Entry.Value, key})
			}
		}
	}
	return coins, nil
}

// feedForEver spends coins and what they become, batch after batch, until ctx
// ends. A coin that a node refuses for good is given up.
func feedForEver(ctx context.Context, n *Node) error {
	m := newMaker(noTest{}, n.params)
	coins, err := coinsOf(n)
	if err != nil {
		return err
	}
	for ctx.Err() == nil && len(coins) > 0 {
		batch := coins[:min(16, len(coins))]
		var txs []ledger.Tx
		var next []coin
		for _, c := range batch {
			tx, out := m.spend([]coin{c}, 1) // one that is split is soon worth nothing
			txs, next = append(txs, tx), append(next, out[0])
		}
		coins = coins[len(batch):]
		for i, answer := range submit(n, txs...) {
			switch answer {
			case ledger.RejectNone:
				coins = append(coins, next[i])
			case ledger.RejectBusy, ledger.RejectDepth:
				coins = append(coins, batch[i])
			}
		}
	}
	return nil
}
