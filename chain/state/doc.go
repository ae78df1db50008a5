// Package state keeps the set of outputs that can be spent.
//
// A lookup goes down the layers until one of them knows the output:
//
//	active    what blocks changed since the last freeze; Apply and Revert write here
//	frozen    the generation before, while it is being written
//	retired   generations that are written, kept as a cache, newest first
//	fetched   outputs that were read from disk
//	Pebble
//
// When the active generation has grown to Config.FlushBytes it is frozen and
// written in the background, in one atomic batch with the block that it stands
// at; a crash therefore leaves the set of some earlier block, never a mixture,
// and blocks are applied again from there. No write-ahead log is needed, since
// the block log is one. Outputs that are born and spent within a generation
// never reach the disk.
package state
