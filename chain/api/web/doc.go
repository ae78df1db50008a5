// Package web offers a node over HTTP: the calls of chain.proto as JSON, a
// description of them (OpenAPI), events over a WebSocket, and an explorer for
// people. Every call goes to the same server as gRPC's, through the same check
// of the token, so that limits and kinds of refusal are the same by
// construction.
//
// The JSON has shapes of its own (shapes.go) rather than being walked out of
// the messages. They are what differs: hashes as people read them, packed lists
// as lists, kinds and places by name, transactions taken apart. A walk would
// need a table of these exceptions as long as the shapes, and would leave
// nothing to describe the answers by. A test sees that no field of a message is
// missing in its shape.
package web
