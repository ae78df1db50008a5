package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"mime"
	"net/http"
	"path"
	"time"
)

//go:embed explorer
var explorer embed.FS

// policy permits the explorer what it came with, and nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// file is one file of the explorer. It holds nothing secret: the token is asked
// for what it reads.
type file struct {
	path string
	kind string
	tag  string
	text []byte
}

func explorerFiles() ([]*file, error) {
	entries, err := explorer.ReadDir("explorer")
	if err != nil {
		return nil, err
	}
	var list []*file
	for _, e := range entries {
		text, err := explorer.ReadFile("explorer/" + e.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		f := &file{
			path: "/explorer/" + e.Name(), kind: mime.TypeByExtension(path.Ext(e.Name())),
			tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, text: text,
		}
		if e.Name() == "index.html" {
			f.path = "/{$}"
		}
		list = append(list, f)
	}
	return list, nil
}

func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache") // asked for again, and answered by the tag
	h.Set("ETag", f.tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.text))
}
