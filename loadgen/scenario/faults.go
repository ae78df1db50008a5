package scenario

// Fault is something done to a node while the load runs.
type Fault struct {
	At   Duration `json:"at" doc:"since the start of the load, warm-up included" range:"0s..168h"`
	Node int      `json:"node" doc:"index of the node, from 0" range:"0..15"`
	Do   string   `json:"do" doc:"kill: SIGKILL, and started again; restart: asked to stop, and started again; pause: stopped and continued" enum:"kill|restart|pause"`
	For  Duration `json:"for" doc:"until it is started again or continued" range:"0s..1h"`
}

func (s *Scenario) validateFaults() error {
	if len(s.Faults) > 0 && s.Chain == nil {
		return s.ErrorAt("faults", "only nodes that the run starts itself can be hurt; add chain")
	}
	for i, f := range s.Faults {
		if f.Node >= s.Chain.Up.Nodes {
			return s.ErrorAt(keyf("faults[%d].node", i), "%d is out of range; permitted: 0 to %d", f.Node, s.Chain.Up.Nodes-1)
		}
		if f.At.Std() >= s.Length() {
			return s.ErrorAt(keyf("faults[%d].at", i), "%v is after the load has ended; permitted: less than %v", f.At, s.Length())
		}
	}
	return nil
}
