package p2p

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// identityFile holds the ID in hexadecimal.
const identityFile = "node.id"

// LoadID returns the ID that the folder keeps, and draws one for a folder that
// has none.
func LoadID(dir string) (id ID, err error) {
	file := filepath.Join(dir, identityFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return newID(file)
	}
	if err != nil {
		return id, err
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("%s: does not hold %d hexadecimal digits; remove it to get another ID", file, 2*len(id))
	}
	return ID(b), nil
}

// newID writes a whole file or none: half an ID would stop the next start.
func newID(file string) (id ID, err error) {
	if _, err := rand.Read(id[:]); err != nil {
		return id, err
	}
	part := file + ".new"
	if err := os.WriteFile(part, []byte(hex.EncodeToString(id[:])+"\n"), 0o600); err != nil {
		return id, err
	}
	return id, os.Rename(part, file)
}
