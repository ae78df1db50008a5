package procs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// Spec describes a child process.
type Spec struct {
	Path   string // of the binary
	Args   []string
	Env    []string  // nil: this process's
	Dir    string    // working folder; "": this process's
	Stderr io.Writer // nil: discarded
}

// Child is a process that does not outlive this one: its standard input is a
// pipe that closes when this process ends, however it ends (see Watch), it is
// put into a process group of its own, so that a terminal's Ctrl-C reaches
// only its parent, and on Linux the kernel kills it with its parent.
type Child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines chan string
	done  chan struct{}
	err   error // set before done is closed
}

// maxLine bounds one line of a child's standard output, in bytes.
const maxLine = 64 << 10

// Start starts a child.
func Start(spec Spec) (*Child, error) {
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env, cmd.Dir, cmd.Stderr = spec.Env, spec.Dir, spec.Stderr
	cmd.SysProcAttr = childAttr()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c := &Child{cmd: cmd, stdin: stdin, lines: make(chan string, 16), done: make(chan struct{})}
	started := make(chan error)
	go c.run(stdout, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Path, err)
	}
	return c, nil
}

// run starts the process and sees it end. It keeps its thread, because Linux
// sends the parent-death signal when the starting thread ends.
func (c *Child) run(stdout io.Reader, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	c.readLines(stdout)
	c.err = c.cmd.Wait()
	close(c.done)
}

// readLines hands on the first lines of output until the channel is full, and
// then reads on so that the child never blocks.
func (c *Child) readLines(stdout io.Reader) {
	defer close(c.lines)
	in := bufio.NewScanner(stdout)
	in.Buffer(make([]byte, 0, 4096), maxLine)
	for in.Scan() {
		select {
		case c.lines <- in.Text():
		default:
		}
	}
	_, _ = io.Copy(io.Discard, stdout)
}

// Line returns the next line of the child's standard output. At most 16 lines
// wait to be read; later ones are dropped. The error is io.EOF when the child
// has closed its output.
func (c *Child) Line(ctx context.Context) (string, error) {
	select {
	case s, ok := <-c.lines:
		if !ok {
			return "", io.EOF
		}
		return s, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// Pid is the child's process ID.
func (c *Child) Pid() int { return c.cmd.Process.Pid }

// Done is closed when the child has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Err tells how the child ended; it waits until it has. A non-zero exit is an
// *exec.ExitError.
func (c *Child) Err() error {
	<-c.done
	return c.err
}

// Signal sends a signal. A child that has ended already is no error.
func (c *Child) Signal(sig os.Signal) error {
	err := c.cmd.Process.Signal(sig)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Kill ends the child at once (SIGKILL) and waits for its end.
func (c *Child) Kill() {
	_ = c.Signal(os.Kill)
	<-c.done
}

// Stop closes the child's standard input and asks it to stop, kills it after
// grace, waits for its end, and says whether it had to be killed.
func (c *Child) Stop(grace time.Duration) (killed bool) {
	_ = c.stdin.Close()
	_ = c.Signal(stopSignal)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.done:
		return false
	case <-timer.C:
		c.Kill()
		return true
	}
}

// Watch returns a context that is cancelled when r, the standard input of a
// child, is closed: its parent has ended or wants it to stop. What is read is
// ignored. The reading goroutine ends with r.
func Watch(ctx context.Context, r io.Reader) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, r)
		cancel()
	}()
	return ctx, cancel
}
