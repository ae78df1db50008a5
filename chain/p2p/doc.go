// Package p2p joins nodes to a network: it keeps streams to peers, passes on
// transactions and blocks that the node has accepted, and catches up with
// branches of more work.
//
// One peer is one Connect stream and these goroutines:
//
//	read     frames in; never waits for anything but the next frame
//	write    frames out: urgent ones, answers, then announcements of transactions
//	serve    answers to requests, which may wait for room in the queue of answers
//	blocks   compact blocks, one after the other, up to the node's verdict
//	beat     heartbeats and pings
//
// The host has these:
//
//	dial     one for each address that a stream is to be kept to
//	discover finds nodes and chooses those addresses
//	gather   what the pool accepted, for at most Linger, to the peers' queues
//	tips     a new tip of the node, to the peers as a compact block
//	sync     headers and blocks of the peer with most work
//
// Nothing is passed on that the node has not accepted. Claims of peers (height,
// work) decide only whom to ask; what they deliver is checked.
package p2p
