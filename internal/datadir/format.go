package datadir

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Format is what the file FORMAT says: four lines, each a word and a value.
type Format struct {
	Kind    string // what the folder holds
	Version int    // of its files; from 1
	Network string // a name, for people
	Params  [32]byte
}

const formatBytesMax = 1024

func (f Format) String() string {
	return fmt.Sprintf("kind %s\nversion %d\nnetwork %s\nparams %x\n", f.Kind, f.Version, f.Network, f.Params)
}

// parseFormat is the reverse of String.
func parseFormat(s string) (Format, error) {
	var f Format
	var version, params string
	if len(s) > formatBytesMax || !strings.HasSuffix(s, "\n") {
		return f, fmt.Errorf("%w: not a format file", ErrForeign)
	}
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	fields := []struct {
		name string
		to   *string
	}{{"kind ", &f.Kind}, {"version ", &version}, {"network ", &f.Network}, {"params ", &params}}
	for i, field := range fields {
		if i >= len(lines) || !strings.HasPrefix(lines[i], field.name) {
			return f, fmt.Errorf("%w: line %d does not begin with %q", ErrForeign, i+1, field.name)
		}
		*field.to = lines[i][len(field.name):]
	}
	var err error
	if f.Version, err = strconv.Atoi(version); err != nil || f.Version < 1 {
		return f, fmt.Errorf("%w: version is %q", ErrForeign, version)
	}
	// A newer version may have more lines and longer ones: it is refused by its
	// number, not by its shape.
	b, err := hex.DecodeString(params)
	if err != nil || len(b) != len(f.Params) {
		return f, fmt.Errorf("%w: params are %q, not 64 hexadecimal digits", ErrForeign, params)
	}
	copy(f.Params[:], b)
	return f, nil
}

// admits says why a folder with this format is not what is wanted.
func (f Format) admits(want Format) error {
	switch {
	case f.Kind != want.Kind:
		return fmt.Errorf("%w: kind %q instead of %q", ErrForeign, f.Kind, want.Kind)
	case f.Version > want.Version:
		return fmt.Errorf("%w: version %d, this program knows up to %d", ErrNewerFormat, f.Version, want.Version)
	case f.Params != want.Params:
		return fmt.Errorf("%w: it holds %q with parameters %x, asked for is %q with %x",
			ErrOtherNetwork, f.Network, f.Params[:4], want.Network, want.Params[:4])
	}
	return nil
}
