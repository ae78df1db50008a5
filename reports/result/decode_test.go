package result

import (
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"
)

func encode(t interface{ Fatal(...any) }, h *hdr.Histogram) []byte {
	v2, err := h.Encode(hdr.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	return v2
}

func TestDecodeHistogramRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := NewHistogram()
		for _, v := range rapid.SliceOf(rapid.Int64Range(0, HighestNs)).Draw(t, "values") {
			if err := h.RecordValue(v); err != nil {
				t.Fatal(err)
			}
		}
		got, err := DecodeHistogram(encode(t, h))
		if err != nil || !got.Equals(h) {
			t.Fatalf("came back as %v (%v)", got, err)
		}
	})
}

// The fullest histogram there can be is within the bound.
func TestMaxEncoded(t *testing.T) {
	h := NewHistogram()
	for i, b := range h.Distribution() {
		if err := h.RecordValues(b.To, 1<<40+int64(i)*7919); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(encode(t, h)); n > MaxEncoded {
		t.Errorf("%d bytes", n)
	}
}

func TestDecodeHistogramRefuses(t *testing.T) {
	tests := []struct {
		name, want string
		v2         []byte
	}{
		{"empty", "truncated", nil},
		{"no base64", "illegal base64", []byte("HIST!")},
		{"no zlib", "zlib", []byte("HISTFAAAAAAAAAAAAAAA")},
		{"cut", "EOF", encode(t, NewHistogram())[:24]},
		{"wide", "with 5 digits, want 1000 to 3600000000000 with 3", encode(t, hdr.New(1, 1<<62, 5))},
		{"long", "permitted are", make([]byte, MaxEncoded+1)},
	}
	for _, tt := range tests {
		if _, err := DecodeHistogram(tt.v2); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

func FuzzDecodeHistogram(f *testing.F) {
	h := NewHistogram()
	_ = h.RecordValue(12345)
	f.Add(encode(f, h))
	f.Add(encode(f, hdr.New(1, 1<<62, 5)))
	f.Fuzz(func(t *testing.T, v2 []byte) {
		h, err := DecodeHistogram(v2)
		if err != nil {
			return
		}
		again, err := DecodeHistogram(encode(t, h))
		if err != nil || !again.Equals(h) {
			t.Fatalf("did not come back: %v", err)
		}
	})
}
