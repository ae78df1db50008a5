// Package chainpb is generated from chain.proto. Only the packages below
// chain/api see its types.
package chainpb

//go:generate sh -c "cd ../../.. && go tool -modfile=tools/buf.mod buf generate"
