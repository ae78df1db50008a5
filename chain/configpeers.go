package chain

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/chaindyno/chaindyno/internal/tlsx"
)

// PeersConfig says how the node takes part in a network. This package only
// keeps it for whoever wires node and peers together.
type PeersConfig struct {
	Listen    string    `json:"listen"    doc:"address for other nodes; port 0 picks a free one; empty: a node without peers"`
	Advertise string    `json:"advertise" doc:"host:port that others dial; empty: the bound address"`
	Seeds     []string  `json:"seeds"     doc:"host:port of nodes to begin with; separated by commas outside of a file"`
	Relay     string    `json:"relay"  enum:"announce|flood" doc:"transactions: announce their IDs and send those asked for, or send them at once"`
	Hops      int       `json:"hops"   range:"1..255"  doc:"nodes that a message passes at most"`
	Linger    Duration  `json:"linger" range:"0s..1s"  doc:"longest wait to gather an announcement"`
	Active    int       `json:"active" range:"1..32"   doc:"peers that the node connects to"`
	Random    int       `json:"random" range:"0..32"   doc:"of those, kept for random ones"`
	TLS       tlsx.Peer `json:"tls"`
}

// The ways of relaying transactions.
const (
	RelayAnnounce = "announce"
	RelayFlood    = "flood"
)

func defaultPeers() PeersConfig {
	return PeersConfig{Relay: RelayAnnounce, Hops: 16, Linger: Duration(5 * time.Millisecond), Active: 8, Random: 2}
}

func (p *PeersConfig) validate() error {
	for _, addr := range p.Seeds {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return fmt.Errorf("seeds: %q is not host:port", addr)
		}
	}
	if _, _, err := net.SplitHostPort(p.Advertise); p.Advertise != "" && err != nil {
		return fmt.Errorf("advertise: %q is not host:port", p.Advertise)
	}
	if p.Random > p.Active {
		return fmt.Errorf("random: %d are more than active; permitted are 0 to %d", p.Random, p.Active)
	}
	return p.TLS.Validate()
}

// ofPlace says whether a key of peers says where the node is rather than what
// it does.
func ofPlace(key string) bool {
	switch key {
	case "peers.listen", "peers.advertise", "peers.seeds":
		return true
	}
	return strings.HasPrefix(key, "peers.tls.")
}
