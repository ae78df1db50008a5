package chain

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Duration is a time.Duration that configurations write as "250ms".
type Duration time.Duration

// UnmarshalText parses Go's notation. A number without a unit is an error.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is not a duration; write a number with a unit, such as 250ms, 2s or 1m30s", b)
	}
	*d = Duration(v)
	return nil
}

// MarshalText is the reverse of UnmarshalText.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d Duration) String() string { return time.Duration(d).String() }

// Schema describes the notation in JSON Schema.
func (Duration) Schema() map[string]any {
	return map[string]any{"type": "string", "description": "a duration such as 250ms, 2s or 1m30s"}
}

// Bits is a compact target that configurations write in hexadecimal.
type Bits uint32

// UnmarshalText parses decimal, or hexadecimal after 0x.
func (b *Bits) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 0, 32)
	if err != nil {
		return fmt.Errorf("%q is not a compact target; permitted are 0x1 to %#x", text, uint32(math.MaxUint32))
	}
	*b = Bits(v)
	return nil
}

// MarshalText is the reverse of UnmarshalText.
func (b Bits) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

func (b Bits) String() string { return fmt.Sprintf("%#08x", uint32(b)) }

// Schema describes the notation in JSON Schema.
func (Bits) Schema() map[string]any {
	return map[string]any{"type": []string{"string", "integer"}, "description": "a compact target (Bitcoin's nBits) such as 0x1f00ffff"}
}
