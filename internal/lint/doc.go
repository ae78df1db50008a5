// Package lint keeps the rules of ARCHITECTURE.md as tests: who may import
// whom, what is pure, how long things may be, and what may not be written at
// all. It has no code of its own.
package lint
