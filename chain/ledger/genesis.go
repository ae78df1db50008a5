package ledger

import (
	"encoding/binary"
	"runtime"
	"sync"
)

// genesisCached bounds the genesis blocks that are kept, 1.8 MB each at 65,536
// outputs.
const genesisCached = 8

var genesisCache = struct {
	sync.Mutex
	byDigest map[Hash]*genesisOnce
}{byDigest: map[Hash]*genesisOnce{}}

type genesisOnce struct {
	once  sync.Once
	block *Block
	hash  Hash
}

// Genesis returns the first block, which must not be changed: every caller
// with equal parameters shares it. Its coinbase pays DevValue to each
// development key and may be spent at once. Deriving 65,536 keys takes about
// a second of CPU, spread over all cores, the first time.
func (p *Params) Genesis() *Block { return p.genesis().block }

// GenesisHash returns the hash of the first block, which identifies the
// network: its nonce is the start of Digest, so that other rules give another
// hash.
func (p *Params) GenesisHash() Hash { return p.genesis().hash }

func (p *Params) genesis() *genesisOnce {
	digest := p.Digest()
	genesisCache.Lock()
	g, ok := genesisCache.byDigest[digest]
	if !ok {
		if len(genesisCache.byDigest) >= genesisCached {
			clear(genesisCache.byDigest)
		}
		g = &genesisOnce{}
		genesisCache.byDigest[digest] = g
	}
	genesisCache.Unlock()
	g.once.Do(func() {
		g.block = p.makeGenesis(digest)
		g.hash = g.block.Header.Hash()
	})
	return g
}

func (p *Params) makeGenesis(digest Hash) *Block {
	raw := AppendCoinbase(nil, 0, 0, p.devOutputs())
	tx, _, err := ParseTx(raw, MaxBlockBytes)
	if err != nil {
		panic("ledger: genesis of parameters that are not valid: " + err.Error())
	}
	return &Block{
		Header: Header{Version: HeaderVersion, Merkle: tx.ID(), Bits: p.Bits, Nonce: binary.LittleEndian.Uint32(digest[:])},
		Txs:    []Tx{tx},
	}
}

// devOutputs returns what the genesis pays: without development keys, nothing
// to nobody, since a transaction has an output.
func (p *Params) devOutputs() []Output {
	if p.DevOutputs == 0 {
		return []Output{{}}
	}
	outs := make([]Output, p.DevOutputs)
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(outs); i += workers {
				key := DevKey(p.DevSeed, p.DevScheme, uint32(i))
				outs[i] = Output{Value: p.DevValue, Key: HashKey(p.DevScheme, key.Public())}
			}
		})
	}
	wg.Wait()
	return outs
}
