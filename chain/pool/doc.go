// Package pool holds the transactions that wait for a block: free of
// conflicts, parents before children, within bounds.
package pool
