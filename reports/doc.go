// Package reports shows what a measurement found: as the files of a run
// folder, as tables and a live view on a terminal, and as one offline HTML
// file. Everything is rendered from a result.Run, and a run that was read back
// from its folder renders exactly as it did from memory.
package reports
