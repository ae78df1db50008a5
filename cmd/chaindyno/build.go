package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/chaindyno/chaindyno/internal/buildinfo"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

// build is the program whose nodes a run starts. Two builds of one version are
// told apart by their digest.
type build struct {
	path    string // absolute
	asked   string // as the scenario has it; "" = this program
	version string
	digest  string // SHA-256, hexadecimal
}

// versionWait bounds how long another build may take to say its version.
const versionWait = 10 * time.Second

// buildOf finds the program that the scenario wants nodes of, and asks it for
// its version. A wrong one is a usage error.
func buildOf(ctx context.Context, s *scenario.Scenario) (b build, err error) {
	b.asked = s.Chain.Up.Binary
	if b.asked == "" {
		b.version = buildinfo.Read().Short()
		if b.path, err = os.Executable(); err != nil {
			return b, err
		}
		b.digest, err = digestOf(b.path)
		return b, err
	}
	if b.path, err = filepath.Abs(b.asked); err != nil {
		return b, err
	}
	if b.version, err = versionOf(ctx, b.path); err == nil {
		b.digest, err = digestOf(b.path)
	}
	if err != nil {
		return b, usage(s.ErrorAt("chain.up.binary", "%s is no chaindyno: %v", b.asked, err))
	}
	return b, nil
}

// versionOf asks a program for its version.
func versionOf(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, versionWait)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "version", "--json").Output()
	if e := (*os.PathError)(nil); errors.As(err, &e) {
		return "", e.Err
	} else if err != nil {
		return "", fmt.Errorf("asked for its version, it ended with %w", err)
	}
	var info buildinfo.Info
	if err := json.Unmarshal(out, &info); err != nil || info.Version == "" || info.Go == "" {
		return "", errors.New("asked for its version, it did not tell it")
	}
	return info.Short(), nil
}

func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// tell adds the build to what a report says of the system.
func (b build) tell(sut map[string]string) {
	sut["version"], sut["sha256"] = b.version, b.digest
	if b.asked != "" {
		sut["binary"] = b.asked
	}
}
