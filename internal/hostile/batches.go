package hostile

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protowire"
)

// Shape of a junk batch: as many transactions as a batch may have, of noise.
const (
	junkTxs  = 8192
	junkSize = 200
)

// junkBatches submits noise for transactions, as fast as it is taken, in
// messages that are themselves in order. It does not wait for answers.
func junkBatches(ctx context.Context, target string, made *atomic.Uint64) error {
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	desc := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	stream, err := conn.NewStream(ctx, desc, Method, grpc.ForceCodec(asIs{}))
	if err != nil {
		return err
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		var answer []byte
		for stream.RecvMsg(&answer) == nil {
		}
	}()
	defer func() { <-drained }()
	batch := junkBatch()
	for {
		if err := stream.SendMsg(&batch); err != nil {
			cancel()
			return err
		}
		made.Add(1)
	}
}

func junkBatch() []byte {
	noise := make([]byte, junkTxs*junkSize)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(noise)
	var sizes []byte
	for range junkTxs {
		sizes = protowire.AppendVarint(sizes, junkSize)
	}
	b := protowire.AppendTag(nil, 2, protowire.BytesType)
	b = protowire.AppendBytes(b, noise)
	b = protowire.AppendTag(b, 3, protowire.BytesType)
	return protowire.AppendBytes(b, sizes)
}

// asIs is a codec for messages that are bytes already.
type asIs struct{}

func (asIs) Name() string { return "proto" }

func (asIs) Marshal(v any) ([]byte, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("%T is not *[]byte", v)
	}
	return *b, nil
}

func (asIs) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("%T is not *[]byte", v)
	}
	*b = append((*b)[:0], data...)
	return nil
}
