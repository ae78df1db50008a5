package datadir

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// Damage returns an error with which Pebble says that it has not read what it
// once wrote as one line that wraps named. Pebble checks each block of a table
// when it reads it. Other errors come back as they are.
func Damage(err, named error) error {
	if pebble.IsCorruptionError(err) && !errors.Is(err, named) {
		return fmt.Errorf("%w: %s", named, OneLine(err))
	}
	return err
}

// OneLine returns the text of an error without line breaks.
func OneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
