// Package scenario is what a run is asked to do: a strict YAML file with
// defaults for everything. See scenarios/ for examples and
// docs/scenario.schema.json for every key.
package scenario

import (
	"encoding/json"

	"github.com/chaindyno/chaindyno/internal/strictyaml"
)

// Version is the only version of the file format so far.
const Version = 1

// Scenario is one run: a target, perhaps started by us, a load, and what is
// expected of it. Parse returns it with every default filled in.
type Scenario struct {
	Version int         `json:"version" doc:"version of this format" range:"1..1"`
	Name    string      `json:"name" doc:"names the run and its folder: letters, digits, dots, dashes"`
	Target  Target      `json:"target" doc:"what is measured"`
	Chain   *Chain      `json:"chain,omitempty" doc:"how the target is started; absent: it is already there"`
	Load    Load        `json:"load" doc:"what is sent to it"`
	SLO     []Objective `json:"slo" doc:"objectives such as \"commit.p99 < 2s\"; all must be met for PASS"`
	Audit   string      `json:"audit" doc:"how the chain is checked after the run" enum:"off|headers|counts|full"`
	Faults  []Fault     `json:"faults,omitempty" doc:"what is done to the nodes during the run"`
	Sweep   *Sweep      `json:"sweep,omitempty" doc:"a matrix of runs, for chaindyno sweep"`

	Capacity *Capacity `json:"capacity,omitempty" doc:"how the highest rate under the SLO is searched for, by chaindyno capacity"`

	file string               // for errors
	at   strictyaml.Positions // of every key given
}

// Target is the chain under load, as a driver reaches it.
type Target struct {
	Driver   string            `json:"driver" doc:"kind of chain: reference, null"`
	Submit   []string          `json:"submit,omitempty" doc:"addresses, host:port or URL; absent where chain starts the nodes"`
	TLS      TLS               `json:"tls,omitzero" doc:"transport security; absent: none"`
	TokenEnv string            `json:"token_env,omitempty" doc:"environment variable that holds a bearer token"`
	Auth     Auth              `json:"auth,omitzero" doc:"user and password, for drivers that want them"`
	Options  map[string]string `json:"options,omitempty" doc:"the driver's own settings"`

	// AllowRemote permits a target off loopback whose network is not known to
	// be worthless. It is a flag and not a key, so that no file can set it.
	AllowRemote bool `json:"-"`
}

// TLS names the files of a secured connection.
type TLS struct {
	CA   string `json:"ca,omitempty" doc:"certificate authority to trust, PEM file"`
	Cert string `json:"cert,omitempty" doc:"own certificate, PEM file"`
	Key  string `json:"key,omitempty" doc:"own key, PEM file"`
	Name string `json:"server_name,omitempty" doc:"name the server's certificate must carry; absent: the address"`
}

// Auth names where user and password are found; they are never in a file.
type Auth struct {
	UserEnv      string `json:"user_env,omitempty" doc:"environment variable that holds the user"`
	PasswordEnv  string `json:"password_env,omitempty" doc:"environment variable that holds the password"`
	PasswordFile string `json:"password_file,omitempty" doc:"file that holds the password"`
}

// Chain is how the system under test is started.
type Chain struct {
	Up    Up              `json:"up" doc:"what is started"`
	Node  strictyaml.Tree `json:"node,omitempty" doc:"settings of the reference node, as in its own file"`
	Reset string          `json:"reset" doc:"fresh, or wipe as other chains call it: every run starts from an empty data folder" enum:"fresh|wipe"`
}

// SetDefaults fills in what a file with a chain need not say.
func (c *Chain) SetDefaults() { *c = Chain{Up: Up{Nodes: 1, Miners: 1}, Reset: "fresh"} }

// Up is what is started.
type Up struct {
	Nodes  int    `json:"nodes" doc:"child processes, one network" range:"1..16"`
	Miners int    `json:"miners" doc:"how many of them make blocks, the first ones; each at its own pace" range:"1..16"`
	Binary string `json:"binary,omitempty" doc:"the chaindyno whose nodes are started, such as another build; absent: this one"`
}

// Load is what is sent.
type Load struct {
	Schedule      Schedule `json:"schedule" doc:"when transactions arrive; one of the kinds below"`
	Warmup        Duration `json:"warmup" doc:"load ahead of the schedule, at its first rate, that is not counted" range:"0s..1h"`
	Drain         Duration `json:"drain" doc:"longest wait after the load for what is still under way" range:"1s..1h"`
	Batch         Batch    `json:"batch" doc:"how transactions share a message"`
	Connections   int      `json:"connections" doc:"connections to the target, each with its share of the lanes" range:"1..256"`
	Lanes         Lanes    `json:"lanes" doc:"ordered spenders, each with at most one unanswered transaction: auto, or a number"`
	Sign          string   `json:"sign" doc:"before: ahead of the clock, onto disk; live: as it is sent" enum:"before|live"`
	Confirmations int      `json:"confirmations" doc:"blocks on top of and including a transaction's own, for it to count as final" range:"1..1000"`
	Seed          uint64   `json:"seed" doc:"of everything random: equal seeds give equal loads"`
	Mix           []Mix    `json:"mix" doc:"kinds of transaction; shares add up to 100"`
	Options       Workload `json:"options" doc:"the shape of transactions"`
	InFlight      int      `json:"in_flight" doc:"most transactions sent and without a fate; past it arrivals are dropped as overload; 0: chosen from lanes and rate" range:"0..50000000"`
}

// Batch is how transactions share a message.
type Batch struct {
	Size   int      `json:"size" doc:"most transactions in a message" range:"1..65536"`
	Linger Duration `json:"linger" doc:"longest wait for a message to fill" range:"0s..10s"`
}

// Mix is one kind of transaction and its share, in percent.
type Mix struct {
	Kind  string  `json:"kind" doc:"transfer"`
	Share float64 `json:"share" doc:"percent" range:"0..100"`
}

// Workload shapes transactions.
type Workload struct {
	Inputs            int    `json:"inputs" doc:"outputs that a transaction spends" range:"1..500"`
	Outputs           int    `json:"outputs" doc:"outputs that a transaction makes" range:"1..1000"`
	InvalidSignatures Share  `json:"invalid_signatures" doc:"share with a wrong signature: 0.05 or 5%" range:"0..1"`
	DoubleSpends      Share  `json:"double_spends" doc:"share that spends again what its lane just spent" range:"0..1"`
	KeySkew           Skew   `json:"key_skew" doc:"uniform, or the exponent of Zipf's law over receiving keys" range:"0..10"`
	Scheme            string `json:"scheme,omitempty" doc:"signature scheme; absent: the chain's default"`
}

// Default returns the scenario that runs where no file is given.
func Default() *Scenario {
	s := base()
	s.Chain = &Chain{}
	s.Chain.SetDefaults()
	s.Chain.Node = strictyaml.Tree{
		"miner":  strictyaml.Tree{"threads": int64(1), "pace": "250ms"},
		"ingest": strictyaml.Tree{"batch_size": int64(1024), "linger": "2ms"},
		"sync":   "interval",
	}
	s.SLO = []Objective{mustObjective("commit.p99 < 2s"), mustObjective("error_share < 0.001"), mustObjective("lost == 0")}
	return s
}

// base is what a file starts from: a chain and objectives are only there when
// it asks for them.
func base() *Scenario {
	return &Scenario{
		Version: Version,
		Name:    "transfer",
		Target:  Target{Driver: DriverReference},
		Load: Load{
			Schedule:      Schedule{Constant: &Constant{Rate: 5000, For: Duration(30 * second)}},
			Warmup:        Duration(5 * second),
			Drain:         Duration(30 * second),
			Batch:         Batch{Size: 256, Linger: Duration(2 * millisecond)},
			Connections:   4,
			Sign:          SignBefore,
			Confirmations: 1,
			Seed:          42,
			Mix:           []Mix{{Kind: "transfer", Share: 100}},
			Options:       Workload{Inputs: 1, Outputs: 2},
		},
		SLO:   []Objective{},
		Audit: "counts",
		at:    strictyaml.Positions{},
	}
}

// Parse decodes a scenario and lays sets, "key=value" each, over it. Every
// error is one line that names file, line, column and key. No file at all is
// the default scenario: see ParseSets.
func Parse(data []byte, file string, sets ...string) (*Scenario, error) {
	s := base()
	s.file = file
	if err := strictyaml.Decode(data, file, s, s.at); err != nil {
		return nil, err
	}
	return s.lay(sets)
}

// ParseSets lays sets over the default scenario.
func ParseSets(sets ...string) (*Scenario, error) {
	s := Default()
	s.file = "default scenario"
	return s.lay(sets)
}

func (s *Scenario) lay(sets []string) (*Scenario, error) {
	for _, set := range sets {
		if err := strictyaml.Set(set, s, s.at); err != nil {
			return nil, err
		}
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s, nil
}

// JSON returns the whole scenario with its defaults filled in. It holds no
// secret, and parses to an equal scenario.
func (s *Scenario) JSON() json.RawMessage {
	out, err := json.Marshal(s)
	if err != nil {
		panic("scenario: " + err.Error()) // every type in it marshals
	}
	return out
}

// JSONSchema returns the schema of scenario files, as it is published in
// docs/scenario.schema.json.
func JSONSchema() []byte {
	out, err := strictyaml.Schema(base(), "https://github.com/chaindyno/chaindyno/blob/main/docs/scenario.schema.json", "chaindyno scenario")
	if err != nil {
		panic("scenario: " + err.Error())
	}
	return out
}

// ErrorAt returns an error about a key, with the place where it was given. It
// is for what only shows once the target is known.
func (s *Scenario) ErrorAt(key, format string, args ...any) error {
	file := s.file
	if file == "" {
		file = "scenario"
	}
	return s.at.Errorf(file, key, format, args...)
}
