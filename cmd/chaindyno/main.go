// Command chaindyno puts a chain under a known load and reads off what it
// really delivers. Each verb is one file with one newXCmd function.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitPass        = 0
	exitFail        = 1   // an objective was missed, or the audit failed
	exitUsage       = 2   // the request cannot be carried out as it was made
	exitInvalid     = 3   // the measurement says nothing about the chain
	exitInternal    = 4   // our fault
	exitInterrupted = 130 // by the user; files are complete
)

// exitError ends the program with a code. A nil err prints nothing: the verb
// has said all there is to say.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usagef returns an error that ends the program with exitUsage.
func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks verbs to finish; a second one ends the process, but
	// not one that comes with the first: timeout(1) sends each of its twice.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	os.Exit(execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root, started := newRootCmd()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	code := exitCode(err, *started)
	if e := (*exitError)(nil); err != nil && !(errors.As(err, &e) && e.err == nil) {
		// Joined errors come in several lines; users get one.
		fmt.Fprintf(stderr, "chaindyno: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return code
}

// exitCode maps an error to its code. What fails before a verb has started is
// a mistake in the command line.
func exitCode(err error, started bool) int {
	var e *exitError
	switch {
	case err == nil:
		return exitPass
	case errors.As(err, &e):
		return e.code
	case !started:
		return exitUsage
	}
	return exitInternal
}

// newRootCmd returns the command tree, and a flag that is set once a verb has
// started. Verbs must not define a PersistentPreRun of their own.
func newRootCmd() (root *cobra.Command, started *bool) {
	started = new(bool)
	root = &cobra.Command{
		Use:               "chaindyno",
		Short:             "A dynamometer for blockchains",
		Long:              "chaindyno puts a chain under a known load and reads off what it really delivers.",
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		PersistentPreRun:  func(*cobra.Command, []string) { *started = true },
	}
	root.AddCommand(
		newInitCmd(),
		newCheckCmd(),
		newRunCmd(),
		newSweepCmd(),
		newCapacityCmd(),
		newReportCmd(),
		newCompareCmd(),
		newTraceCmd(),
		newProbeCmd(),
		newProofCmd(),
		newWatchCmd(),
		newCalibrateCmd(),
		newNodeCmd(),
		newTestnetCmd(),
		newCertsCmd(),
		newHealthCmd(),
		newVersionCmd(),
	)
	return root, started
}

// arguments wants so many of them, and shows what a command line looks like.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if n := len(args); n < least || n > most {
			return usagef("%d arguments; permitted: %s", n, cmd.UseLine())
		}
		return nil
	}
}
