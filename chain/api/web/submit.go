package web

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// submit offers one transaction or many.
func (s *Server) submit(c *call) (any, error) {
	if c.mediaType == bytesType {
		return s.submitOne(c, c.body)
	}
	var in submission
	if err := decode(c.body, &in); err != nil {
		return nil, badRequest("body: %v", err)
	}
	switch {
	case (in.Payload == nil) == (in.Payloads == nil):
		return nil, badRequest(`body: permitted is one of "payload" and "payloads"`)
	case in.Payload != nil:
		return s.submitOne(c, *in.Payload)
	}
	reply, err := s.chain.SubmitBatch(c.ctx, &chainpb.Batch{Payloads: in.Payloads.bytes, Sizes: in.Payloads.sizes})
	if err != nil {
		return nil, err
	}
	out := batchAnswer{Answers: make([]string, len(reply.Answers))}
	for i, a := range reply.Answers {
		kind := ledger.Reject(a)
		out.Answers[i] = kind.String()
		if kind == ledger.RejectNone {
			out.Accepted++
		}
	}
	return out, nil
}

func (s *Server) submitOne(c *call, payload []byte) (any, error) {
	reply, err := s.chain.Submit(c.ctx, &chainpb.SubmitRequest{Payload: payload})
	if err != nil {
		return nil, err
	}
	kind := ledger.Reject(reply.Answer)
	out := answer{Accepted: kind == ledger.RejectNone, Kind: kind.String()}
	if len(reply.Id) == len(hash{}) {
		id := hash(reply.Id)
		out.ID = &id
	}
	return out, nil
}

// decode reads one JSON value with known keys and nothing after it.
func decode(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// packed is a list of payloads as a batch carries it: back to back. It is
// filled from JSON directly, since a list of slices of empty strings would take
// many times the memory of its body.
type packed struct {
	bytes []byte
	sizes []uint32
}

// packedMost bounds the list before the server's own bound is asked, which is
// never higher.
const packedMost = 16_384

var errList = errors.New("not a list of strings of hexadecimal digits")

// UnmarshalJSON takes a list of strings, which the decoder has found to be
// well-formed JSON.
func (p *packed) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if len(b) < 2 || b[0] != '[' {
		return errList
	}
	b = bytes.TrimSpace(b[1 : len(b)-1])
	p.bytes = make([]byte, 0, len(b)/2)
	for len(b) > 0 {
		if len(p.sizes) == packedMost {
			return fmt.Errorf("more than %d payloads", packedMost)
		}
		end := -1
		if b[0] == '"' {
			end = bytes.IndexByte(b[1:], '"')
		}
		if end < 0 {
			return errList
		}
		at := len(p.bytes)
		var err error
		if p.bytes, err = hex.AppendDecode(p.bytes, b[1:1+end]); err != nil {
			return fmt.Errorf("payload %d: %w", len(p.sizes), err)
		}
		p.sizes = append(p.sizes, uint32(len(p.bytes)-at))
		b = bytes.TrimSpace(b[end+2:])
		b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte{','}))
	}
	return nil
}

// MarshalJSON is the way back, for callers of this package's shapes.
func (p packed) MarshalJSON() ([]byte, error) {
	list, rest := make([]raw, len(p.sizes)), p.bytes
	for i, n := range p.sizes {
		list[i], rest = rest[:n], rest[n:]
	}
	return json.Marshal(list)
}
