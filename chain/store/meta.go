package store

import (
	"encoding/binary"
	"fmt"
)

const metaHead = 4*8 + 1

// append appends the encoding: four integers of 8 bytes, the number of stages
// u8, then for each the name's length u8, the name, the histogram's length u32,
// the histogram.
func (m *Meta) append(dst []byte) []byte {
	for _, v := range []uint64{uint64(m.IntervalNs), uint64(m.SealNs), m.Hashes, m.Missing} {
		dst = binary.LittleEndian.AppendUint64(dst, v)
	}
	dst = append(dst, byte(len(m.Stages)))
	for _, s := range m.Stages {
		dst = append(append(dst, byte(len(s.Name))), s.Name...)
		dst = append(binary.LittleEndian.AppendUint32(dst, uint32(len(s.Histogram))), s.Histogram...)
	}
	return dst
}

// size is the length of the encoding in bytes.
func (m *Meta) size() int {
	n := metaHead
	for _, s := range m.Stages {
		n += 1 + len(s.Name) + 4 + len(s.Histogram)
	}
	return n
}

// check says whether the encoding is within its bounds.
func (m *Meta) check() error {
	for _, s := range m.Stages {
		if len(s.Name) > 255 {
			return fmt.Errorf("%w: the name of a stage has %d bytes, permitted are 255", ErrTooLarge, len(s.Name))
		}
	}
	size := m.size()
	if len(m.Stages) > MaxStages || size > MaxMetaBytes {
		return fmt.Errorf("%w: %d stages in %d bytes, permitted are %d in %d", ErrTooLarge, len(m.Stages), size, MaxStages, MaxMetaBytes)
	}
	return nil
}

// parseMeta is the reverse of append. Histograms are copies.
func parseMeta(b []byte) (m Meta, err error) {
	bad := fmt.Errorf("metadata of %d bytes does not decode", len(b))
	if len(b) < metaHead {
		return m, bad
	}
	m.IntervalNs = int64(binary.LittleEndian.Uint64(b))
	m.SealNs = int64(binary.LittleEndian.Uint64(b[8:]))
	m.Hashes = binary.LittleEndian.Uint64(b[16:])
	m.Missing = binary.LittleEndian.Uint64(b[24:])
	n := int(b[32])
	if b = b[metaHead:]; n > MaxStages {
		return Meta{}, bad
	}
	for range n {
		var s Stage
		var ok bool
		if s, b, ok = parseStage(b); !ok {
			return Meta{}, bad
		}
		m.Stages = append(m.Stages, s)
	}
	if len(b) != 0 {
		return Meta{}, bad
	}
	return m, nil
}

func parseStage(b []byte) (s Stage, rest []byte, ok bool) {
	if len(b) < 1 || len(b) < 1+int(b[0])+4 {
		return s, nil, false
	}
	s.Name = string(b[1 : 1+b[0]])
	b = b[1+len(s.Name):]
	n := binary.LittleEndian.Uint32(b)
	if b = b[4:]; uint64(n) > uint64(len(b)) {
		return s, nil, false
	}
	s.Histogram = append([]byte{}, b[:n]...)
	return s, b[n:], true
}
