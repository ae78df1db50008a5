package reports

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// column is one column of a CSV file, for reading and writing alike.
type column[T any] struct {
	name string
	put  func(*T) string
	take func(*T, string) error
}

// whole is a column of whole numbers.
func whole[T any, N int | int64 | uint64](name string, at func(*T) *N) column[T] {
	return column[T]{
		name: name,
		put: func(row *T) string {
			if v := *at(row); v < 0 {
				return strconv.FormatInt(int64(v), 10)
			} else {
				return strconv.FormatUint(uint64(v), 10)
			}
		},
		take: func(row *T, s string) error {
			if _, unsigned := any(*at(row)).(uint64); unsigned {
				v, err := strconv.ParseUint(s, 10, 64)
				*at(row) = N(v)
				return wrongNumber(err, "a whole number from 0 to 2^64-1")
			}
			v, err := strconv.ParseInt(s, 10, 64)
			*at(row) = N(v)
			return wrongNumber(err, "a whole number from -2^63 to 2^63-1")
		},
	}
}

func wrongNumber(err error, want string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("want %s", want)
}

// text is a column of text. A spreadsheet takes a cell that begins with one of
// =+-@ for a formula, and the text may come from a hostile node, so such a
// cell is written with an apostrophe before it, which reading takes off again.
func text[T any](name string, at func(*T) *string) column[T] {
	return column[T]{
		name: name,
		put:  func(row *T) string { return tame(*at(row)) },
		take: func(row *T, s string) error {
			*at(row) = strings.TrimPrefix(s, "'")
			return nil
		},
	}
}

// tame writes text as a cell of text is written.
func tame(s string) string {
	s = Clean(s)
	if s != "" && strings.ContainsRune("=+-@'", rune(s[0])) {
		return "'" + s
	}
	return s
}

// truth is a column of true and false.
func truth[T any](name string, at func(*T) *bool) column[T] {
	return column[T]{
		name: name,
		put:  func(row *T) string { return strconv.FormatBool(*at(row)) },
		take: func(row *T, s string) error {
			if s != "true" && s != "false" {
				return errors.New("want true or false")
			}
			*at(row) = s == "true"
			return nil
		},
	}
}

// writeCSV writes a header and one line per row.
func writeCSV[T any](w io.Writer, columns []column[T], rows []T) error {
	out := csv.NewWriter(w)
	record := make([]string, len(columns))
	for i, c := range columns {
		record[i] = c.name
	}
	if err := out.Write(record); err != nil {
		return err
	}
	for r := range rows {
		for i, c := range columns {
			record[i] = c.put(&rows[r])
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// readCSV reads what writeCSV wrote. Its errors name line and column.
func readCSV[T any](r io.Reader, columns []column[T]) ([]T, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	in.FieldsPerRecord = -1 // counted below, in our own words
	if err := readHeader(in, columns); err != nil {
		return nil, err
	}
	var rows []T
	for {
		record, err := in.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, csvError(err)
		}
		var row T
		if err := takeRow(&row, columns, record, in); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
}

func readHeader[T any](in *csv.Reader, columns []column[T]) error {
	record, err := in.Read()
	if err == io.EOF {
		return errors.New("empty file, want a header")
	}
	if err != nil {
		return csvError(err)
	}
	for i, c := range columns {
		if i >= len(record) || record[i] != c.name {
			return fmt.Errorf("line 1: column %d must be %s", i+1, c.name)
		}
	}
	if len(record) != len(columns) {
		return fmt.Errorf("line 1: %d columns, want %d", len(record), len(columns))
	}
	return nil
}

func takeRow[T any](row *T, columns []column[T], record []string, in *csv.Reader) error {
	line, _ := in.FieldPos(0)
	if len(record) != len(columns) {
		return fmt.Errorf("line %d: %d fields, want %d: truncated or edited", line, len(record), len(columns))
	}
	for i, c := range columns {
		if err := c.take(row, record[i]); err != nil {
			return fmt.Errorf("line %d, column %s: %q: %w", line, c.name, cut(record[i], 40), err)
		}
	}
	return nil
}

func csvError(err error) error {
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("line %d: %w", e.StartLine, e.Err)
	}
	return err
}
