package chain

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/chaindyno/chaindyno/chain/ledger"
)

var update = flag.Bool("update", false, "write what scripts print into testdata")

// TestScripts plays testdata/node/*.txt. A script is a list of commands, each
// followed by "----" and what it prints, up to an empty line:
//
//	pay TX COIN.. [outputs=N]   make a transaction; coins are g0, g1.. of the genesis, or TX.0, TX.1..
//	block B on PARENT [TX..]    make a block; the first one is genesis
//	submit TX..                 offer transactions, print the answers
//	accept B..                  hand over blocks, print the outcomes and the tip
//	seal                        let the node make a block, which is called after its height: n1, n2..
//	locate TX..                 print where they are
//	pool                        print what would go into a block, in order
//	restart                     stop the node and open it again
//	crash                       lose what was not synced, and open again
//	set                         print how many outputs there are, and whether a fresh build has the same
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/node/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { playFile(t, file) })
	}
}

func playFile(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t)
	var out strings.Builder
	for chunk := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		commands, want, ok := strings.Cut(chunk+"\n", "----\n")
		if !ok { // a comment by itself
			out.WriteString(chunk + "\n\n")
			continue
		}
		var got strings.Builder
		for line := range strings.Lines(commands) {
			if words := strings.Fields(line); len(words) > 0 && words[0] != "#" {
				got.WriteString(s.do(words))
			}
		}
		if got.String() != want && !*update {
			t.Errorf("%s\n got: %s\nwant: %s", commands, got.String(), want)
		}
		fmt.Fprintf(&out, "%s----\n%s\n", commands, got.String())
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.TrimSpace(out.String())+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// stage is a node and the names that a script gives to things.
type stage struct {
	*maker
	r      *running
	cfg    Config
	fs     *vfs.MemFS
	txs    map[string]ledger.Tx
	coins  map[string]coin
	blocks map[string]*ledger.Block
	height map[string]uint32
}

func newStage(t *testing.T) *stage {
	cfg := testConfig("/data")
	cfg.Miner.Threads, cfg.Miner.OnDemand = 1, true
	fs := vfs.NewCrashableMem()
	r := open(t, cfg, Options{FS: fs})
	s := &stage{
		maker: newMaker(t, r.params), r: r, cfg: cfg, fs: fs,
		txs: map[string]ledger.Tx{}, coins: map[string]coin{},
		blocks: map[string]*ledger.Block{"genesis": r.params.Genesis()}, height: map[string]uint32{"genesis": 0},
	}
	for i := range int(r.params.DevOutputs) {
		s.coins[fmt.Sprintf("g%d", i)] = s.genesis(i)
	}
	return s
}

func (s *stage) do(words []string) string {
	args := words[1:]
	switch words[0] {
	case "pay":
		return s.makeTx(args)
	case "block":
		return s.makeBlock(args)
	case "submit":
		return s.submit(args)
	case "accept":
		return s.acceptAll(args)
	case "seal":
		return s.sealOne()
	case "locate":
		return s.locate(args)
	case "pool":
		return s.pool()
	case "restart":
		return s.reopen(s.fs)
	case "crash":
		return s.reopen(s.fs.CrashClone(vfs.CrashCloneCfg{}))
	case "set":
		return s.set()
	}
	s.t.Fatalf("unknown command %q", words)
	return ""
}

func (s *stage) makeTx(args []string) string {
	name, outputs := args[0], 1
	var coins []coin
	for _, a := range args[1:] {
		if _, err := fmt.Sscanf(a, "outputs=%d", &outputs); err == nil {
			continue
		}
		c, ok := s.coins[a]
		if !ok {
			s.t.Fatalf("no coin %s", a)
		}
		coins = append(coins, c)
	}
	tx, out := s.spend(coins, outputs)
	s.txs[name] = tx
	for i, c := range out {
		s.coins[fmt.Sprintf("%s.%d", name, i)] = c
	}
	return ""
}

func (s *stage) makeBlock(args []string) string {
	parent, ok := s.blocks[args[2]]
	if !ok || args[1] != "on" {
		s.t.Fatalf("want block NAME on PARENT, got %q", args)
	}
	s.name(args[0], s.block(parent.Header, s.height[args[2]]+1, s.named(args[3:])...), s.height[args[2]]+1)
	return ""
}

func (s *stage) name(name string, b *ledger.Block, height uint32) {
	s.blocks[name], s.height[name] = b, height
}

func (s *stage) named(names []string) (txs []ledger.Tx) {
	for _, name := range names {
		tx, ok := s.txs[name]
		if !ok {
			s.t.Fatalf("no transaction %s", name)
		}
		txs = append(txs, tx)
	}
	return txs
}

func (s *stage) submit(names []string) string {
	var out strings.Builder
	for i, answer := range submit(s.r.Node, s.named(names)...) {
		fmt.Fprintf(&out, "%s: %s\n", names[i], strings.Replace(answer.String(), "none", "accepted", 1))
	}
	return out.String()
}

func (s *stage) acceptAll(names []string) string {
	var out strings.Builder
	for _, name := range names {
		outcome := "ok"
		if err := s.r.Accept(s.t.Context(), s.blocks[name]); err != nil {
			outcome = err.Error()
		}
		fmt.Fprintf(&out, "%s: %s\n", name, outcome)
	}
	return out.String() + s.tipLine()
}

func (s *stage) tipLine() string {
	tip := s.r.tip()
	for name, b := range s.blocks {
		if b.Header.Hash() == tip.Hash {
			return fmt.Sprintf("tip %d %s\n", tip.Height, name)
		}
	}
	return fmt.Sprintf("tip %d unknown\n", tip.Height)
}

func (s *stage) sealOne() string {
	ref, err := s.r.Seal(s.t.Context(), 1)
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := s.r.store.Block(ref.Hash)
	if err != nil {
		s.t.Fatal(err)
	}
	s.name(fmt.Sprintf("n%d", ref.Height), &b, ref.Height)
	return s.list("holds", b.Txs[1:]) + s.tipLine()
}

// list names transactions in their order.
func (s *stage) list(what string, txs []ledger.Tx) string {
	for i := range txs {
		for name, tx := range s.txs {
			if tx.ID() == txs[i].ID() {
				what += " " + name
			}
		}
	}
	return what + "\n"
}

func (s *stage) locate(names []string) string {
	var ids []ledger.Hash
	for _, tx := range s.named(names) {
		ids = append(ids, tx.ID())
	}
	places, err := s.r.Locate(ids)
	if err != nil {
		s.t.Fatal(err)
	}
	var out strings.Builder
	for i, p := range places {
		fmt.Fprintf(&out, "%s: %s\n", names[i], [...]string{PlaceUnknown: "unknown", PlacePooled: "pooled", PlaceBlock: "block"}[p])
	}
	return out.String()
}

func (s *stage) pool() string {
	taken, _ := s.r.pool.Take(1000, 1<<20)
	s.r.pool.Return(taken)
	txs := make([]ledger.Tx, len(taken))
	for i := range taken {
		txs[i] = taken[i].Tx
	}
	return s.list("pool", txs)
}

func (s *stage) reopen(fs *vfs.MemFS) string {
	if err := s.r.stop(); err != nil {
		s.t.Fatal(err)
	}
	s.fs = fs
	s.r = open(s.t, s.cfg, Options{FS: fs})
	return s.tipLine()
}

func (s *stage) set() string {
	d := s.r.digest()
	same := "the same"
	if freshDigest(s.t, s.params, s.r.blocks(s.t)) != d {
		same = "another"
	}
	if d.Count != s.r.Stats().Outputs {
		same += ", miscounted"
	}
	return fmt.Sprintf("%d outputs, a fresh build has %s\n", d.Count, same)
}
