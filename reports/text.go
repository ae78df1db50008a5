package reports

import (
	"strings"
	"unicode"
)

// Clean makes text from outside (a node's words, a file) fit for one line:
// control and format characters, which could move a cursor, reorder a line or
// end a cell, become spaces, and bytes that are no UTF-8 become U+FFFD.
func Clean(s string) string {
	if !strings.ContainsFunc(s, unfit) {
		return s
	}
	var b strings.Builder
	for _, r := range s { // range yields U+FFFD for each bad byte, as encoding/json does
		if unfit(r) && r != unicode.ReplacementChar {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unfit(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar
}

// cut shortens s to n runes, the last of which is an ellipsis.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:max(n-1, 0)]) + "…"
	}
	return s
}
