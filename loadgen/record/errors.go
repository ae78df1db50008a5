package record

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/chaindyno/chaindyno/reports/result"
)

// The classes of errors besides rejected and unknown answers.
const (
	ClassDropped  = "dropped"
	ClassFollow   = "follow"
	ClassInternal = "internal"
)

const (
	maxErrorRows  = 1000 // then further kinds are counted together as "other"
	maxSampleSize = 300  // bytes kept of an example
)

// Errors is the table of what went wrong, one row per class, kind and kind of
// transaction. It may be used by several goroutines.
type Errors struct {
	mu   sync.Mutex
	rows map[errorKey]*result.ErrorRow
}

type errorKey struct{ class, kind, txKind string }

// NewErrors returns an empty table.
func NewErrors() *Errors { return &Errors{rows: map[errorKey]*result.ErrorRow{}} }

// Add counts one error at a time in ns since the run's start. Of a row's
// samples, the first that is not empty is kept.
func (t *Errors) Add(class, kind, txKind string, at int64, expected bool, sample string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := errorKey{class, kind, txKind}
	row := t.rows[key]
	if row == nil {
		if len(t.rows) >= maxErrorRows {
			key = errorKey{class: class, kind: "other"}
			row = t.rows[key]
		}
		if row == nil {
			row = &result.ErrorRow{Class: key.class, Kind: key.kind, TxKind: key.txKind, FirstNs: at, LastNs: at, Expected: expected}
			t.rows[key] = row
		}
	}
	row.Count++
	row.FirstNs, row.LastNs = min(row.FirstNs, at), max(row.LastNs, at)
	if row.Sample == "" && sample != "" {
		row.Sample = strings.ToValidUTF8(sample[:min(len(sample), maxSampleSize)], "?")
	}
}

// Rows returns the table, ordered by class, kind and kind of transaction.
func (t *Errors) Rows() []result.ErrorRow {
	t.mu.Lock()
	defer t.mu.Unlock()
	rows := make([]result.ErrorRow, 0, len(t.rows))
	for _, r := range t.rows {
		rows = append(rows, *r)
	}
	slices.SortFunc(rows, func(a, b result.ErrorRow) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.TxKind, b.TxKind))
	})
	return rows
}
