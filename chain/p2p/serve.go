package p2p

import (
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/internal/guard"
)

type syncStream = grpc.ServerStreamingServer[chainpb.SyncPart]

// SyncData sends headers or blocks. A caller that does not read holds one part
// in memory and one of servesAtOnce places, of which one connection may have
// servesOfOne, for as long as a caller of our own would wait.
func (h *Host) SyncData(r *chainpb.SyncRequest, stream syncStream) error {
	from := guard.Of(stream.Context())
	if !from.Hold(1, servesOfOne) {
		return status.Error(codes.Unavailable, "enough is being sent to this peer")
	}
	defer from.Release(1)
	select {
	case h.serves <- struct{}{}:
		defer func() { <-h.serves }()
	default:
		return status.Error(codes.Unavailable, "too many peers are being served")
	}
	sent := make(chan error, 1)
	h.all.Go(func() { sent <- h.send(r, stream) }) // ends with the stream, which ends when the handler returns
	select {
	case err := <-sent:
		return err
	case <-time.After(streamTimeouts * h.cfg.BatchTimeout):
		return status.Error(codes.DeadlineExceeded, "the caller has not read in time")
	case <-h.ctx.Done():
		return status.Error(codes.Unavailable, string(refusedEnding))
	}
}

func (h *Host) send(r *chainpb.SyncRequest, stream syncStream) error {
	switch {
	case r.Headers != nil && r.Blocks == nil:
		return h.sendHeaders(r.Headers, stream)
	case r.Blocks != nil && r.Headers == nil:
		return h.sendBlocks(r.Blocks, stream)
	}
	return status.Error(codes.InvalidArgument, "ask for headers or for blocks")
}

func (h *Host) sendHeaders(w *chainpb.HeadersWanted, stream syncStream) error {
	locator, err := unpackHashes(w.Locator, mostLocator)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	from, headers, err := h.node.Headers.HeadersAfter(locator, min(int(w.Most), headersAtOnce))
	if err != nil {
		return status.Error(codes.NotFound, err.Error())
	}
	if len(headers) == 0 {
		return nil
	}
	return stream.Send(&chainpb.SyncPart{Headers: packHeaders(headers), From: from})
}

func (h *Host) sendBlocks(w *chainpb.BlocksWanted, stream syncStream) error {
	hashes, err := unpackHashes(w.Hashes, blocksAtOnce)
	if err != nil || int(w.Index) > len(hashes) {
		return status.Error(codes.InvalidArgument, "blocks: bad list or cursor")
	}
	offset := int64(w.Offset)
	for i := int(w.Index); i < len(hashes); i++ {
		if err := stream.Context().Err(); err != nil {
			return err
		}
		body, err := h.node.Chain.OpenBlock(hashes[i])
		if err != nil {
			return status.Error(codes.NotFound, err.Error())
		}
		err = sendBody(body, i, offset, stream)
		_ = body.Close()
		if err != nil {
			return err
		}
		offset = 0
	}
	return nil
}

// sendBody sends a block's encoding from offset on.
func sendBody(body Body, index int, offset int64, stream syncStream) error {
	size := body.Size()
	if offset >= size {
		return status.Error(codes.InvalidArgument, "the cursor is beyond the block")
	}
	for offset < size {
		data := make([]byte, min(size-offset, chunkBytes))
		if _, err := body.ReadAt(data, offset); err != nil && err != io.EOF {
			return status.Error(codes.Internal, err.Error())
		}
		part := &chainpb.SyncPart{Index: uint32(index), Offset: uint32(offset), Size: uint32(size), Data: data}
		if err := stream.Send(part); err != nil {
			return err
		}
		offset += int64(len(data))
	}
	return nil
}
