//go:build !race

package store

// slow is the factor by which tests that try every place skip some.
const slow = 1
