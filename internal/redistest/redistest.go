// Package redistest runs a real redis-server for tests, which may kill, pause
// and restart it.
package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a redis-server on a port of the loopback address, which it keeps
// over its lives. It writes nothing to disk.
type Server struct {
	Addr string // host:port

	t       testing.TB
	dir     string
	process *exec.Cmd
	ended   chan struct{} // closed when process has
}

// Start starts a server for the length of the test, and skips the test where
// redis-server is not installed.
func Start(t testing.TB) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed; on Debian: apt-get install redis-server")
	}
	s := &Server{t: t, dir: t.TempDir()}
	t.Cleanup(s.Kill)
	for range 5 { // another process may take the port in between
		s.Addr = freeAddress(t)
		if err := s.start(); err == nil {
			return s
		} else {
			t.Log(err)
		}
	}
	t.Fatal("redis-server did not start")
	return nil
}

func freeAddress(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *Server) start() error {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	s.process = exec.Command("redis-server", "--bind", host, "--port", port, "--dir", s.dir,
		"--save", "", "--appendonly", "no", "--loglevel", "warning")
	// The server goes with the test, also if that is killed.
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.process.Start(); err != nil {
		return err
	}
	process, ended := s.process, make(chan struct{})
	s.ended = ended
	go func() {
		_ = process.Wait() // it is killed at the end
		close(ended)
	}()
	return s.await()
}

// await returns when the server answers.
func (s *Server) await() error {
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if s.answers() {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("redis-server ended at once: %v", s.process.ProcessState)
		case <-deadline:
			return errors.New("redis-server does not answer")
		case <-tick.C:
		}
	}
}

func (s *Server) answers() bool {
	c, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	// The process ID tells it from another server that got the port first.
	if _, err := fmt.Fprintf(c, "INFO server\r\n"); err != nil {
		return false
	}
	for r := bufio.NewScanner(c); r.Scan(); {
		if pid, ok := strings.CutPrefix(r.Text(), "process_id:"); ok {
			return pid == strconv.Itoa(s.process.Process.Pid)
		}
	}
	return false
}

// Kill ends the server with SIGKILL. It may be called twice.
func (s *Server) Kill() {
	if s.process == nil || s.process.Process == nil {
		return
	}
	_ = s.process.Process.Kill() // an error: it has ended
	<-s.ended
}

// Restart starts a server that was killed, empty, on the same address.
func (s *Server) Restart() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatal(err)
	}
}

// Pause stops the server: connections stay, and nothing answers.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.process.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}
