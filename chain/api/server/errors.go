package server

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// status turns what a handler returned into what the caller is told: one line,
// under a code that says whose fault it was.
func (s *Server) status(err error) error {
	var refused interface{ GRPCStatus() *status.Status }
	switch {
	case err == nil, errors.As(err, &refused):
		return err
	case errors.Is(err, ErrNotFound):
		return status.Error(codes.NotFound, err.Error())
	case errors.Is(err, ErrNoIndex):
		return status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, "the deadline passed before the node had answered")
	case errors.Is(err, context.Canceled) && s.stopping.Err() != nil:
		return errStopping
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, "cancelled by the caller")
	}
	return status.Error(codes.Internal, err.Error())
}

var (
	errStopping = status.Error(codes.Unavailable, "the node is stopping")
	errNoSealer = status.Error(codes.FailedPrecondition, "this node does not make blocks on demand")
)

func invalid(format string, args ...any) error {
	return status.Error(codes.InvalidArgument, fmt.Sprintf(format, args...))
}
