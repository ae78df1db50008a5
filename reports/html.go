package reports

import (
	"io"

	"github.com/chaindyno/chaindyno/reports/result"
)

// HTML writes the run report: one file that makes no request to anywhere,
// reads well without scripts, and is at most 5 MiB. Its errors are those of w.
func HTML(w io.Writer, run *result.Run) error {
	r := prepare(run)
	return writePage(w, func(limits budget) page { return newPage(r, limits) })
}

func newPage(r *result.Run, limits budget) page {
	glyph := glyphs[r.Verdict]
	if glyph == "" {
		glyph = "?"
	}
	return page{
		Report: "run report", Of: "run " + r.Run.ID, Version: r.Environment.Host.Version,
		Name: r.Run.Name, Identity: identity(r), Whose: sentence(Whose(&r.Summary)),
		Verdict: verdictView{Text: cut(string(r.Verdict), 20), Glyph: glyph, Class: verdictClass(r.Verdict)},
		Reasons: atMost(r.Reasons, 50, result.FileSummary), Warnings: atMost(r.Warnings, 100, result.FileSummary),
		Tiles: tiles(r), Sections: sections(newView(r, limits)), Left: limits.leftOut,
	}
}

// verdictClass is a class of the style sheet and never text from a file.
func verdictClass(v result.Verdict) string {
	if v == result.Pass || v == result.Fail {
		return string(v)
	}
	return "other"
}

// sections lists the sections in the order of the report, each where the run
// has data for it.
func sections(v *view) []section {
	var out []section
	for _, build := range []func(*view) section{
		sloSection, validitySection, countsSection, throughputSection, latencySection, heatSection, spectrumSection,
		stagesSection, backlogSection, blocksSection, sealingSection, errorsSection, workSection, resourcesSection, workersSection,
		faultsSection, disclosureSection, methodSection,
	} {
		if s := build(v); len(s.Blocks) > 0 {
			out = append(out, s)
		}
	}
	return out
}
