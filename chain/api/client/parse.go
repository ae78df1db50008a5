package client

import (
	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

const hashBytes = len(ledger.Hash{})

func (c *Client) hash(field string, b []byte) (ledger.Hash, error) {
	if len(b) != hashBytes {
		return ledger.Hash{}, c.broken("%s: %d bytes are not a hash", field, len(b))
	}
	return ledger.Hash(b), nil
}

// ref accepts a missing one as the zero Ref.
func (c *Client) ref(field string, r *chainpb.Ref) (Ref, error) {
	if len(r.GetHash()) == 0 {
		return Ref{}, nil
	}
	hash, err := c.hash(field, r.Hash)
	return Ref{Height: r.Height, Hash: hash}, err
}

// hashes appends a packed list to dst.
func (c *Client) hashes(dst []ledger.Hash, field string, b []byte) ([]ledger.Hash, error) {
	if len(b)%hashBytes != 0 {
		return nil, c.broken("%s: %d bytes are not a list of hashes", field, len(b))
	}
	for ; len(b) > 0; b = b[hashBytes:] {
		dst = append(dst, ledger.Hash(b[:hashBytes]))
	}
	return dst, nil
}

// header decodes a header that must hash to want.
func (c *Client) header(b []byte, want ledger.Hash) (ledger.Header, error) {
	h, err := ledger.ParseHeader(b)
	if err != nil || len(b) != ledger.HeaderSize {
		return h, c.broken("header: %d bytes", len(b))
	}
	if h.Hash() != want {
		return h, c.broken("the header of block %s hashes to %s", want, h.Hash())
	}
	return h, nil
}

func toRef(r Ref) *chainpb.Ref { return &chainpb.Ref{Height: r.Height, Hash: r.Hash[:]} }
