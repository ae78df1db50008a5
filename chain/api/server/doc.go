// Package server offers a node over gRPC: it turns the wire of chain.proto into
// calls of the small interfaces in node.go, which speak of ledger's types and
// plain values.
//
// Nothing a client does can hold the node up. A submitting stream has a bound
// on its unanswered batches and is not read from beyond it; a follower pulls by
// cursor at its own pace; every list has a bound that is checked before memory
// is taken.
package server
