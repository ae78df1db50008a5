package result

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// MaxEncoded bounds an encoded histogram, bytes. The fullest one with the
// bounds of this package stays below it.
const MaxEncoded = 1 << 20

// The header of the V2 encoding: cookie, payload length, normalizing offset,
// digits (int32 each), lowest, highest (int64 each), ratio (float64).
const encodedHeader = 40

// DecodeHistogram decodes what NewHistogram's Encode made (V2, compressed,
// base64). Other bounds are refused before anything is allocated for them:
// those that the format permits take 56 MB, and the bytes may come from a node
// or a file that means harm.
func DecodeHistogram(v2 []byte) (*hdr.Histogram, error) {
	if len(v2) > MaxEncoded {
		return nil, fmt.Errorf("histogram of %d bytes, permitted are %d", len(v2), MaxEncoded)
	}
	compressed, err := base64.StdEncoding.DecodeString(string(v2))
	if err != nil {
		return nil, fmt.Errorf("histogram: %w", err)
	}
	if len(compressed) < 8 {
		return nil, fmt.Errorf("histogram of %d bytes is truncated", len(compressed))
	}
	z, err := zlib.NewReader(bytes.NewReader(compressed[8:])) // after cookie and length
	if err != nil {
		return nil, fmt.Errorf("histogram: %w", err)
	}
	var header [encodedHeader]byte
	if _, err := io.ReadFull(z, header[:]); err != nil {
		return nil, fmt.Errorf("histogram: header: %w", err)
	}
	digits := int32(binary.BigEndian.Uint32(header[12:]))
	lowest, highest := int64(binary.BigEndian.Uint64(header[16:])), int64(binary.BigEndian.Uint64(header[24:]))
	if digits != Digits || lowest != LowestNs || highest != HighestNs {
		return nil, fmt.Errorf("histogram from %d to %d with %d digits, want %d to %d with %d", lowest, highest, digits, LowestNs, HighestNs, Digits)
	}
	return hdr.Decode(v2)
}
