package client

import (
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What users read has nothing of gRPC's wrapping, says nothing twice, and tells
// who forgot about TLS.
func TestErrorsAreReadable(t *testing.T) {
	for _, c := range []struct {
		plain bool
		code  codes.Code
		said  string
		is    error
		want  string
	}{
		{true, codes.Unavailable, `connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:1: connect: connection refused"`, ErrUnreachable,
			"node n:1: cannot be reached: dial tcp 127.0.0.1:1: connect: connection refused"},
		{true, codes.Unavailable, `connection error: desc = "error reading server preface: EOF"`, ErrUnreachable,
			"node n:1: cannot be reached: error reading server preface: EOF; does it want TLS?"},
		{false, codes.Unavailable, `connection error: desc = "error reading server preface: EOF"`, ErrUnreachable,
			"node n:1: cannot be reached: error reading server preface: EOF"},
		{false, codes.Unavailable, `connection error: desc = "transport: authentication handshake failed: tls: failed to verify certificate"`, ErrUnreachable,
			"node n:1: cannot be reached: tls: failed to verify certificate"},
		{true, codes.NotFound, "proof of 7: not found", ErrNotFound, "node n:1: not found: proof of 7"},
		{true, codes.DataLoss, "block 7: damaged", ErrFailed, "node n:1: failed: block 7: damaged"},
	} {
		err := (&Client{target: "n:1", plain: c.plain}).fail(status.Error(c.code, c.said))
		if !errors.Is(err, c.is) || err.Error() != c.want {
			t.Errorf("%q: got %v, want %s", c.said, err, c.want)
		}
	}
}
