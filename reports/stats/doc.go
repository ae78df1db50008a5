// Package stats holds the statistics behind the reports: intervals, warm-up
// detection, trends. Every function is pure, and those that draw at random
// take a seed, so that a report can be made again to the last digit.
package stats

// Interval is a confidence interval. Low == High == 0 stands for "none" in the
// run schema.
type Interval struct{ Low, High float64 }

// Level is the confidence of every interval of a report.
const Level = 0.95
