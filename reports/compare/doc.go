// Package compare decides whether one set of runs differs from another, as
// docs/measurement.md says under "Comparing":
//
//	runs -> check (one host, valid, one configuration a side) -> values per metric
//	     -> Mann-Whitney -> Holm over the metrics -> noise threshold -> verdict
//
// Everything in it is pure; package reports reads the runs and shows the
// outcome.
package compare
