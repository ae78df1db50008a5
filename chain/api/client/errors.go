package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What can go wrong with a call, for errors.Is. The errors returned wrap one of
// these or a context's, and name the node.
var (
	ErrUnreachable = errors.New("cannot be reached")
	ErrDenied      = errors.New("denied")
	ErrNotFound    = errors.New("not found")
	ErrRefused     = errors.New("refused")      // the node does not do this, or not with these values
	ErrFailed      = errors.New("failed")       // the node's own fault
	ErrProtocol    = errors.New("broken reply") // what came breaks the protocol
)

var classes = map[codes.Code]error{
	codes.Unavailable:        ErrUnreachable,
	codes.Unauthenticated:    ErrDenied,
	codes.PermissionDenied:   ErrDenied,
	codes.NotFound:           ErrNotFound,
	codes.InvalidArgument:    ErrRefused,
	codes.FailedPrecondition: ErrRefused,
	codes.Unimplemented:      ErrRefused,
	codes.ResourceExhausted:  ErrRefused,
	codes.Canceled:           context.Canceled,
	codes.DeadlineExceeded:   context.DeadlineExceeded,
}

// fail turns the error of a call into one of this package's.
func (c *Client) fail(err error) error {
	if err == nil || errors.Is(err, ErrProtocol) {
		return err
	}
	if errors.Is(err, io.EOF) { // the node has ended a stream that has no end
		return fmt.Errorf("node %s: %w: the stream was closed", c.target, ErrUnreachable)
	}
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	class, ok := classes[s.Code()]
	if !ok {
		class = ErrFailed
	}
	said := strings.TrimSuffix(plain(s.Message()), ": "+class.Error()) // which is said before it
	if c.plain && strings.Contains(said, noPreface) {
		said += "; does it want TLS?"
	}
	return fmt.Errorf("node %s: %w: %s", c.target, class, said)
}

// noPreface is how gRPC tells that the other end does not speak HTTP/2 in plain
// text.
const noPreface = "error reading server preface"

// plain takes gRPC's wrapping off a message.
func plain(m string) string {
	for _, wrapping := range []string{"Error while dialing: ", "authentication handshake failed: ", `connection error: desc = "`} {
		if _, rest, ok := strings.Cut(m, wrapping); ok {
			return strings.TrimSuffix(rest, `"`)
		}
	}
	return m
}

func (c *Client) broken(format string, args ...any) error {
	return fmt.Errorf("node %s: %w: %s", c.target, ErrProtocol, fmt.Sprintf(format, args...))
}
