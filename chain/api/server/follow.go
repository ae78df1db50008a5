package server

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
	"github.com/chaindyno/chaindyno/internal/guard"
)

// Bounds of what one message of a list holds. 60,000 hashes are 1.9 MB.
const (
	cursorsMax  = 1000
	revertsPart = 10_000
	hashesPart  = 60_000
)

type followStream = grpc.ServerStreamingServer[chainpb.FollowReply]

// Follow pulls step after step from the node at the pace at which the caller
// reads: all that a slow caller holds up is its own cursor.
func (s *Server) Follow(r *chainpb.FollowRequest, stream followStream) error {
	select {
	case s.followers <- struct{}{}:
		defer func() { <-s.followers }()
	default:
		return status.Errorf(codes.ResourceExhausted, "%d followers are served already, which is the bound", s.cfg.MaxFollowers)
	}
	ctx, cancel := s.bind(stream.Context())
	defer cancel()
	at, err := s.cursor(r.From)
	if err != nil {
		return err
	}
	if err := stream.Send(&chainpb.FollowReply{Start: toRef(at)}); err != nil {
		return err
	}
	guard.Of(stream.Context()).Useful()
	for {
		step, err := s.node.Follower.Next(ctx, at)
		if err != nil {
			return err
		}
		if step.Block != nil {
			at, err = step.Block.Ref, sendBlock(stream, step.Block, step.Final)
		} else {
			at, err = step.Parent, sendReverts(stream, step.Revert, step.Parent)
		}
		if err != nil {
			return err
		}
	}
}

// cursor returns the first of the caller's blocks that the node has.
func (s *Server) cursor(from []*chainpb.Ref) (Ref, error) {
	if len(from) > cursorsMax {
		return Ref{}, invalid("from: %d cursors are over %d", len(from), cursorsMax)
	}
	for _, f := range from {
		at, err := fromRef("from", f)
		if err != nil {
			return Ref{}, err
		}
		if s.node.Follower.Knows(at) {
			return at, nil
		}
	}
	if len(from) > 0 {
		return Ref{}, status.Errorf(codes.NotFound,
			"none of the %d blocks to go on from is known here: another network, or a chain begun anew", len(from))
	}
	return Ref{}, nil
}

func sendReverts(stream followStream, reverts []Ref, parent Ref) error {
	for len(reverts) > 0 {
		part := reverts[:min(len(reverts), revertsPart)]
		m := &chainpb.FollowReply{Revert: make([]*chainpb.Ref, len(part)), Parent: toRef(parent)}
		for i, r := range part {
			m.Revert[i] = toRef(r)
		}
		if reverts = reverts[len(part):]; len(reverts) > 0 {
			m.Parent = toRef(reverts[0])
		}
		if err := stream.Send(m); err != nil {
			return err
		}
	}
	return nil
}

func sendBlock(stream followStream, b *Committed, final Ref) error {
	parts := max(1, (len(b.IDs)+hashesPart-1)/hashesPart)
	for i := range parts {
		ids := b.IDs[i*hashesPart : min((i+1)*hashesPart, len(b.IDs))]
		m := &chainpb.BlockPart{Part: uint32(i), Parts: uint32(parts), Height: b.Height, Ids: ledger.AppendHashes(nil, ids)}
		if i == 0 {
			m.Head = blockHead(b, final)
		}
		if err := stream.Send(&chainpb.FollowReply{Block: m}); err != nil {
			return err
		}
	}
	return nil
}

func blockHead(b *Committed, final Ref) *chainpb.BlockHead {
	header := b.Header.Encode()
	h := &chainpb.BlockHead{
		Ref:        toRef(b.Ref),
		Header:     header[:],
		Txs:        uint32(len(b.IDs)),
		Bytes:      b.Bytes,
		Durable:    b.Durable,
		IntervalNs: b.Interval.Nanoseconds(),
		SealNs:     b.Seal.Nanoseconds(),
		Hashes:     b.Hashes,
		Missing:    b.Missing,
		Stages:     make([]*chainpb.Stage, len(b.Stages)),
	}
	for i, st := range b.Stages {
		h.Stages[i] = &chainpb.Stage{Name: st.Name, V2: st.V2}
	}
	if final != (Ref{}) {
		h.Final = toRef(final)
	}
	return h
}

func toRef(r Ref) *chainpb.Ref { return &chainpb.Ref{Height: r.Height, Hash: r.Hash[:]} }

// fromRef accepts an empty hash for the zero Ref.
func fromRef(field string, r *chainpb.Ref) (Ref, error) {
	if len(r.GetHash()) == 0 {
		return Ref{}, nil
	}
	hash, err := parseHash(field, r.Hash)
	if err != nil || hash.IsZero() {
		return Ref{}, err
	}
	return Ref{Height: r.Height, Hash: hash}, nil
}
