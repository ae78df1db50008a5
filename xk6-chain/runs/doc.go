// Package runs holds the measurements of one k6 process: what module and output
// have in common.
//
//	module: connect -> Hub.Run (no I/O) ... first use -> Run.Start -> loadgen.Drive
//	k6's end of test -> Hub.End: drain, fates, last figures
//	output: Stop -> Hub.Reports: audit, report, files
package runs
