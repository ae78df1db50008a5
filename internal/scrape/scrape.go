// Package scrape reads what a node tells Prometheus.
package scrape

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxBytes bounds a page that is read.
const maxBytes = 4 << 20

// Sample is one reading of a node: values by name, labels included as they are
// written.
type Sample map[string]float64

// Read asks an admin address, host:port, for its metrics.
func Read(ctx context.Context, address string) (Sample, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("metrics of %s: %s", address, reply.Status)
	}
	return Parse(io.LimitReader(reply.Body, maxBytes))
}

// Parse reads Prometheus' text format. Lines that hold no number are left out.
func Parse(r io.Reader) (Sample, error) {
	s, lines := Sample{}, bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		end := strings.LastIndexByte(line, ' ')
		if end < 0 || line[0] == '#' {
			continue
		}
		if v, err := strconv.ParseFloat(line[end+1:], 64); err == nil {
			s[strings.TrimSpace(line[:end])] = v
		}
	}
	return s, lines.Err()
}

// Sum adds up a metric over all its labels; 0 where there is none.
func (s Sample) Sum(name string) (sum float64) {
	for key, v := range s {
		if bare, _, _ := strings.Cut(key, "{"); bare == name {
			sum += v
		}
	}
	return sum
}
