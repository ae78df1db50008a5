//go:build !unix

package sut

import (
	"errors"

	"github.com/chaindyno/chaindyno/internal/procs"
)

var errNoPause = errors.New("processes cannot be paused on this system")

func suspend(*procs.Child) error { return errNoPause }
func resume(*procs.Child) error  { return errNoPause }
