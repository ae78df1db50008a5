// Package matrix works out what a sweep says: which point is best, which
// others cannot be told from it, how throughput scales along an axis, and what
// there is to doubt. Pure: from the plan and the runs to a Matrix, which
// reports renders.
package matrix
