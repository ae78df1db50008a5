// Package chainpb is generated from chain.proto and node.proto. Only the packages below
// chain/api, and chain/p2p, see its types.
package chainpb

//go:generate sh -c "cd ../../.. && go tool -modfile=tools/buf.mod buf generate"
