// Package bind takes the addresses that servers listen on.
package bind

import (
	"errors"
	"fmt"
	"net"
)

// TCP binds addr, which is host:port. Its error fits in a line of a
// shell: "127.0.0.1:7700: bind: address already in use".
func TCP(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err == nil {
		return l, nil
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return nil, fmt.Errorf("%s: %w", addr, err)
}
