package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chaindyno/chaindyno/reports/result"
)

func disclosureSection(v *view) section {
	s := section{
		ID: "disclosure", Title: "Disclosure", Short: "Disclosure",
		Lead: "Everything that it takes to judge this run, and to run it again.",
	}
	if again := Again(v.Run.Run); again != "" {
		s.Blocks = append(s.Blocks, block{Heading: "Run it again", Pre: again})
	}
	columns := []block{
		{Heading: "Run", Facts: runFacts(v.Run)},
		{Heading: "Machine of the generator", Facts: hostFacts(v.Environment.Host)},
		{Heading: "System under test", Facts: sutFacts(v.Environment)},
	}
	if c := v.Environment.Calibration; c != nil {
		columns = append(columns, block{Heading: "What this machine can do at best", Facts: calibrationFacts(c)})
	}
	s.Blocks = append(s.Blocks, block{Columns: columns})
	if text := configText(v.Run.Run.Config, v.limits.configSize); text != "" {
		s.Blocks = append(s.Blocks, block{Heading: "Configuration, defaults filled in", Fold: "Show the whole scenario", Pre: text})
	}
	if len(v.Files) > 0 {
		s.Blocks = append(s.Blocks, block{Heading: "Files of this run", Text: strings.Join(v.Files, ", ")})
	}
	return s
}

// configText indents the configuration and keeps each line clean.
func configText(raw json.RawMessage, most int) string {
	var b bytes.Buffer
	if len(raw) == 0 || string(raw) == "null" || json.Indent(&b, raw, "", "  ") != nil {
		return ""
	}
	text := b.String()
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "\n… the rest is in " + result.FileSummary
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

func runFacts(r *result.Run) []fact {
	i := r.Run
	facts := []fact{
		{Name: "run", Value: i.ID, Mono: true},
		{Name: "started", Value: i.Start.UTC().Format("2006-01-02 15:04:05.000 UTC")},
		{Name: "seed", Value: fmt.Sprint(i.Seed), Mono: true},
		{Name: "load", Value: strings.Join(slices.DeleteFunc([]string{loopName(i.Loop), signingName(i.Signing)}, isEmpty), ", ")},
		{Name: "confirmations", Value: formatCount(i.Confirmations)},
		{Name: "steady window", Value: span(i.SteadyFromNs, i.SteadyToNs)},
		{Name: "load ended, drain ended", Value: formatNs(i.LoadEndNs) + ", " + formatNs(i.DrainEndNs)},
	}
	if i.InProcess {
		facts = append(facts, fact{Name: "in process", Value: "yes: node and generator shared one process, so their resources are mixed"})
	}
	return facts
}

func isEmpty(s string) bool { return s == "" }

func hostFacts(h result.Host) []fact {
	virtual := "no"
	if h.Virtual {
		virtual = "yes"
	}
	sha := "no"
	if h.SHAExtensions {
		sha = "yes"
	}
	return []fact{
		{Name: "CPU", Value: h.CPU}, {Name: "cores it may use", Value: formatCount(h.Cores)}, {Name: "memory", Value: formatBytes(float64(h.MemoryBytes))},
		{Name: "system", Value: strings.TrimSpace(h.OS + " " + h.Kernel + " " + h.Arch)}, {Name: "virtual machine", Value: virtual},
		{Name: "SHA extensions", Value: sha}, {Name: "Go", Value: h.GoVersion}, {Name: "chaindyno", Value: h.Version},
	}
}

// maxSettings bounds what a node can put into the report.
const maxSettings = 200

func sutFacts(e result.Environment) []fact {
	facts := []fact{{Name: "driver", Value: e.Driver}, {Name: "network", Value: e.Network}, {Name: "client", Value: e.Client}}
	for i, key := range slices.Sorted(maps.Keys(e.SUT)) {
		if i == maxSettings {
			return append(facts, fact{Name: "…", Value: "more in " + result.FileSummary})
		}
		facts = append(facts, fact{Name: cut(key, 80), Value: cut(e.SUT[key], 300), Mono: true})
	}
	return facts
}

func calibrationFacts(c *result.Calibration) []fact {
	var facts []fact
	add := func(name string, v float64, unit string) {
		if v > 0 {
			facts = append(facts, fact{Name: name, Value: formatNumber(v) + unit})
		}
	}
	add("generator alone", c.GeneratorCeiling, " tx/s")
	add("generator over offered", c.CeilingOverOffered, " times")
	add("signatures verified, before the run", c.VerifyBefore, "/s on all cores, keys not seen before")
	add("signatures verified, after the run", c.VerifyAfter, "/s on all cores, keys not seen before")
	add("signatures verified, keys cached", c.VerifyCached, "/s on all cores")
	add("signatures per transaction", c.SignaturesPerTx, "")
	add("verification limit", c.VerificationLimit, " tx/s")
	if c.ThroughputOfLimit > 0 {
		facts = append(facts, fact{Name: "committed, of that limit", Value: formatShare(c.ThroughputOfLimit)})
	}
	add("signing", c.SignRate, "/s on all cores")
	add("hashing", c.HashRate, " headers/s on one thread")
	ns := func(name string, v int64) {
		if v > 0 {
			facts = append(facts, fact{Name: name, Value: formatNs(v)})
		}
	}
	ns("sleeping is late by (median)", c.SleepOvershootNs)
	ns("the pacer is late by (median)", c.PacerOvershootNs)
	ns("resolution of the timer", c.TimerResolutionNs)
	return facts
}
