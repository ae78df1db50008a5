package sut

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/internal/procs"
)

// node is one child process over its lives.
type node struct {
	cfg   *ProcessConfig
	net   *network
	index int
	name  string
	dir   string

	mu    sync.Mutex // guards what follows
	child *procs.Child
	log   *os.File
	bound ready // where it was bound first; later lives bind there again
	asked bool  // to end
}

// ready is the line that a node prints when it can be used.
type ready struct {
	Ready   bool   `json:"ready"`
	Listen  string `json:"listen"`
	Admin   string `json:"admin"`
	Peers   string `json:"peers"`
	HTTP    string `json:"http"`
	Network string `json:"network"`
	Genesis string `json:"genesis"`
	PID     int    `json:"pid"`
}

func (n *node) data() string    { return filepath.Join(n.dir, "data") }
func (n *node) logFile() string { return filepath.Join(n.dir, "log") }

// start starts a life of the node and waits until it is ready.
func (n *node) start(ctx context.Context) (Node, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	config, err := n.writeConfig()
	if err != nil {
		return Node{}, err
	}
	if n.log, err = os.OpenFile(n.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644); err != nil {
		return Node{}, err
	}
	args := append(append([]string{}, n.cfg.Args...), "--config", config, "--exit-with-parent")
	child, err := procs.Start(procs.Spec{Path: n.cfg.Binary, Args: args, Env: n.cfg.Env, Stderr: n.log})
	if err != nil {
		_ = n.log.Close()
		return Node{}, &StartError{Node: n.name, Code: -1, err: err}
	}
	r, err := n.awaitReady(ctx, child)
	if err != nil {
		child.Kill()
		_ = n.log.Close()
		return Node{}, n.startError(child, err)
	}
	n.child, n.asked = child, false
	n.bound = r
	n.net.joined(n.index, r.Peers)
	return Node{
		Name: n.name, Address: r.Listen, Admin: r.Admin, Peers: r.Peers, HTTP: r.HTTP,
		Network: r.Network, Genesis: r.Genesis, PID: child.Pid(),
	}, nil
}

// writeConfig writes the node's own file. JSON is YAML.
func (n *node) writeConfig() (path string, err error) {
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return "", err
	}
	settings := n.settings()
	text, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		return "", err
	}
	path = filepath.Join(n.dir, "config.yaml")
	return path, os.WriteFile(path, append(text, '\n'), 0o644)
}

func (n *node) awaitReady(ctx context.Context, child *procs.Child) (r ready, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, n.cfg.Ready, fmt.Errorf("it was not ready within %v", n.cfg.Ready))
	defer cancel()
	for {
		line, err := child.Line(ctx)
		if errors.Is(err, io.EOF) {
			return r, errSilent
		} else if err != nil {
			return r, context.Cause(ctx)
		}
		if json.Unmarshal([]byte(line), &r) == nil && r.Ready && r.Listen != "" {
			return r, nil
		}
	}
}

// startError tells what the node had to say for itself.
func (n *node) startError(child *procs.Child, cause error) error {
	e := &StartError{Node: n.name, Code: -1, err: cause}
	var exit *exec.ExitError
	if errors.Is(cause, errSilent) && errors.As(child.Err(), &exit) {
		e.Code = exit.ExitCode()
	}
	if e.Code > 0 {
		e.Last = lastLine(n.logFile())
	}
	return e
}

// lastLine returns the last line of a log that is not empty, without the
// program's name in front; "" if there is none.
func lastLine(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	text = bytes.TrimRight(text, "\n\r \t")
	return strings.TrimPrefix(string(text[bytes.LastIndexByte(text, '\n')+1:]), "chaindyno: ")
}

// running returns the current life and marks its end as asked for.
func (n *node) running() *procs.Child {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = true
	return n.child
}

// stop asks the node to end, and makes it.
func (n *node) stop() {
	if c := n.running(); c != nil {
		c.Stop(n.cfg.Grace)
		n.ended()
	}
}

// kill ends the node at once.
func (n *node) kill() {
	if c := n.running(); c != nil {
		c.Kill()
		n.ended()
	}
}

func (n *node) ended() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.child = nil
	if n.log != nil {
		_ = n.log.Close()
		n.log = nil
	}
}

// startAfter starts the node again after d, or at once when ctx ends: a node
// is never left down.
func (n *node) startAfter(ctx context.Context, d time.Duration) error {
	wait(ctx, d)
	_, err := n.start(context.WithoutCancel(ctx))
	return err
}

// pause stops the node's process for d, or until ctx ends.
func (n *node) pause(ctx context.Context, d time.Duration) error {
	n.mu.Lock()
	child := n.child
	n.mu.Unlock()
	if child == nil {
		return fmt.Errorf("%s is not running", n.name)
	}
	if err := suspend(child); err != nil {
		return err
	}
	wait(ctx, d)
	return resume(child)
}

// death tells how the node ended, if nobody asked it to.
func (n *node) death() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.child == nil || n.asked {
		return ""
	}
	select {
	case <-n.child.Done():
	default:
		return ""
	}
	line := fmt.Sprintf("%s ended by itself: %v", n.name, n.child.Err())
	// Who was killed had nothing to say about it.
	var exit *exec.ExitError
	if errors.As(n.child.Err(), &exit) && exit.ExitCode() < 0 {
		return line
	}
	if last := lastLine(n.logFile()); last != "" {
		line += ": " + last
	}
	return line
}
