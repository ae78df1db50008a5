// Package ingest takes transactions from the wire, verifies them in parallel
// and hands them on in the order in which they came.
package ingest
