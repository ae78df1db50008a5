package server

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/chaindyno/chaindyno/internal/bearer"
	"github.com/chaindyno/chaindyno/internal/guard"
)

var errUnauthenticated = status.Error(codes.Unauthenticated, "the token is missing or wrong")

// let refuses callers without the token before any handler runs, and counts
// both kinds.
func (s *Server) let(ctx context.Context, method string) error {
	if err := s.authorize(ctx); err != nil {
		s.cfg.Events.denied("token")
		return err
	}
	s.cfg.Events.called(method)
	return nil
}

// authorize says whether the caller presents the token.
func (s *Server) authorize(ctx context.Context) error {
	if s.cfg.Token == "" {
		return nil
	}
	md, _ := metadata.FromIncomingContext(ctx)
	for _, v := range md.Get("authorization") {
		if bearer.Valid(v, s.cfg.Token) {
			return nil
		}
	}
	return errUnauthenticated
}

func (s *Server) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if err := s.let(ctx, info.FullMethod); err != nil {
		return nil, err
	}
	bound, cancel := s.bind(ctx)
	defer cancel()
	reply, err := next(bound, req)
	err = s.status(err)
	guard.Settle(ctx, err)
	return reply, err
}

func (s *Server) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if err := s.let(ss.Context(), info.FullMethod); err != nil {
		return err
	}
	err := s.status(next(srv, ss))
	guard.Settle(ss.Context(), err)
	return err
}

// bind returns a context that ends with the call or when the server stops.
func (s *Server) bind(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(s.stopping, cancel)
	return ctx, func() { unhook(); cancel() }
}

// Do runs a call that came by another transport under the rules of the method
// that is named: the token in ctx's incoming metadata is checked first, the call
// ends when the server stops, and an error has one of gRPC's codes. A caller
// that is turned away is the other transport's to count.
func (s *Server) Do(ctx context.Context, method string, call func(context.Context) error) error {
	if err := s.authorize(ctx); err != nil {
		return err
	}
	s.cfg.Events.called(method)
	bound, cancel := s.bind(ctx)
	defer cancel()
	return s.status(call(bound))
}
