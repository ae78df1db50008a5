package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/internal/buildinfo"
	"github.com/chaindyno/chaindyno/internal/hostinfo"
	"github.com/chaindyno/chaindyno/internal/procs"
	"github.com/chaindyno/chaindyno/loadgen"
	"github.com/chaindyno/chaindyno/loadgen/calibrate"
	"github.com/chaindyno/chaindyno/loadgen/driver"
	"github.com/chaindyno/chaindyno/loadgen/scenario"
	"github.com/chaindyno/chaindyno/reports"
	"github.com/chaindyno/chaindyno/reports/result"
)

func newRunCmd() *cobra.Command {
	m := &measurement{}
	cmd := &cobra.Command{
		Use:   "run [FILE]",
		Short: "Load a chain and report what it delivers",
		Long: "run carries out a scenario and reports what the chain delivered. Without FILE it is the default one:\n" +
			"a node of its own, 5,000 transfers a second for 30 s.\n\n" +
			"Exit codes: 0 pass, 1 fail, 2 usage, 3 invalid (the generator was the limit), 4 internal, 130 interrupted.",
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return m.run(cmd, args) },
	}
	m.asked.flags(cmd)
	cmd.Flags().StringVar(&m.out, "out", "out", "folder in which the run gets a folder of its own")
	cmd.Flags().BoolVar(&m.keep, "keep", false, "keep the nodes' data and logs in the run's folder")
	cmd.Flags().BoolVar(&m.within, "in-process", false, "run nodes inside the generator's process: for tests, and labelled in the report")
	cmd.Flags().StringVar(&m.metricsAt, "metrics", "", "address at which Prometheus may read the run's figures, such as 127.0.0.1:7705; empty: off")
	cmd.Flags().BoolVar(&m.insecure, "insecure", false, "permit --metrics off loopback, in plain text and without a password")
	cmd.Flags().StringVar(&m.asOwnerOf, "as-owner-of", "", "as root in a container: go on as the user who owns this folder, and give that user the folder of --out")
	cmd.Flags().StringVar(&m.calibrate, "calibrate", "standard", "how long this machine is measured right before and after the load: standard, quick, off")
	return cmd
}

// measurement is one run from the command line to the exit code.
type measurement struct {
	asked     asked
	out       string
	keep      bool
	within    bool
	calibrate string
	metricsAt string // host:port; "" = off
	insecure  bool   // metrics off loopback
	asOwnerOf string // folder; "" = stay who we are

	// What a run among others is told; the zero values are those of a run by
	// itself.
	named string        // of its folder; "" = after scenario and time
	argv  []string      // that measures it again; nil = this command line
	among func() string // where it stands among the others, for whoever watches
	hasty bool          // an interrupted one is of no use, so the first interrupt cuts it short

	cmd      *cobra.Command
	scenario *scenario.Scenario
	folder   *outDir
	system   *system
	driver   driver.Driver
	info     driver.Info
	id       string // of this run
	dir      string // of this run
	metrics  *runMetrics

	interrupted bool // by the user, while it was measured
}

// generatorHeap is the generator's heap below which garbage is left alone, in
// bytes: twice what is live at 20,000 transactions a second.
const generatorHeap = 320 << 20

func (m *measurement) run(cmd *cobra.Command, args []string) (err error) {
	m.cmd, m.id = cmd, runID()
	if m.asOwnerOf != "" {
		if err := procs.BecomeOwnerOf(m.asOwnerOf, m.out); err != nil {
			return usagef("--as-owner-of: %v", err)
		}
	}
	if m.scenario, err = m.asked.scenario(args); err != nil {
		return err
	}
	r, err := m.carryOut(cmd.Context())
	if err != nil {
		return err
	}
	return m.show(r)
}

// carryOut measures m.scenario on a system of its own and writes the files into
// m.dir. Where nothing was measured, nothing is left behind, and the error has
// its exit code.
func (m *measurement) carryOut(ctx context.Context) (*result.Run, error) {
	if _, err := m.calibration(); err != nil {
		return nil, err
	}
	l, p, err := plan(ctx, m.scenario)
	if err != nil {
		return nil, err
	}
	if err := checkOut(m.out, diskNeed(m.scenario, l, p)); err != nil {
		return nil, err
	}
	defer procs.HeapFloor(generatorHeap)()
	defer m.tearDown()
	if err := m.setUp(ctx); err != nil {
		return nil, err
	}
	r, err := m.measure(ctx)
	if err != nil {
		return nil, m.failed(err)
	}
	return r, reports.WriteRun(m.dir, r)
}

// setUp brings up the system, connects to it, and creates the run's folder.
func (m *measurement) setUp(ctx context.Context) (err error) {
	if m.metrics, err = serveRun(m.metricsAt, m.insecure, m.id); err != nil {
		return err
	}
	if m.folder, err = openOut(m.out); err != nil {
		return err
	}
	if m.system, err = start(ctx, m.scenario, m.folder, m.within); err != nil {
		return m.failed(err)
	}
	if m.driver, err = dial(m.scenario, m.system.submit); err != nil {
		return err
	}
	if m.info, err = m.driver.Info(ctx); err != nil {
		return m.failed(usage(err))
	}
	if err := m.scenario.CheckNetwork(m.info); err != nil {
		return usage(err)
	}
	if m.named != "" {
		m.dir = filepath.Join(m.out, m.named)
		return usage(os.Mkdir(m.dir, 0o755))
	}
	m.dir, err = m.folder.runDir(m.scenario.Name, time.Now())
	return usage(err)
}

// tearDown undoes setUp in reverse. A folder in which nothing was measured
// goes too.
func (m *measurement) tearDown() {
	if err := m.metrics.close(); err != nil {
		fmt.Fprintf(m.cmd.ErrOrStderr(), "chaindyno: warning: %v\n", err)
	}
	if m.driver != nil {
		_ = m.driver.Close()
	}
	if m.system != nil {
		keep := ""
		if m.keep {
			keep = m.dir
		}
		m.system.stop(keep)
	}
	if m.folder != nil {
		m.folder.discard()
	}
}

// measure runs the load. The first interrupt ends it early and lets it finish
// in order; the second one cuts that short as well.
func (m *measurement) measure(ctx context.Context) (*result.Run, error) {
	load, stop := context.WithCancel(ctx)
	defer func() {
		m.interrupted = load.Err() != nil
		stop()
	}()
	secrets, err := m.scenario.Secrets()
	if err != nil {
		return nil, usage(err)
	}
	calibrate, err := m.calibration()
	if err != nil {
		return nil, err
	}
	argv := m.argv
	if argv == nil {
		argv = append([]string{"chaindyno"}, os.Args[1:]...)
	}
	view := watchRun(context.WithoutCancel(ctx), m, stop)
	opt := loadgen.Options{
		Scenario: m.scenario, Driver: m.driver, Dir: m.dir, ID: m.id,
		Argv: secrets.RedactArgv(argv),
		Host: host(), SUT: m.system.told(), Progress: view.progress, Calibrate: calibrate, InProcess: m.within && m.scenario.Chain != nil,
	}
	if m.system.process != nil {
		opt.Hurt = m.system.Inject
	}
	hard, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	if m.hasty {
		defer context.AfterFunc(load, cut)()
	}
	go secondInterrupt(load, hard, cut)
	r, err := loadgen.Run(load, hard, opt)
	view.close()
	if err == nil && m.system.process != nil {
		r.Warnings = append(r.Warnings, m.system.process.Died()...)
	}
	return r, err
}

// secondInterrupt waits for a signal after the one that ended first, and cuts the
// run short: no more waiting for what is under way, and no audit to the end, but
// every file is written. A third signal ends the process.
func secondInterrupt(first, done context.Context, cut func()) {
	select {
	case <-first.Done():
	case <-done.Done():
		return
	}
	again := make(chan os.Signal, 1)
	signal.Notify(again, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(again)
	select {
	case <-again:
		cut()
	case <-done.Done():
	}
}

// calibration returns how the machine is measured around the load; nil: not at
// all.
func (m *measurement) calibration() (func(context.Context, *result.Calibration, bool), error) {
	efforts := map[string]calibrate.Effort{"standard": calibrate.Standard, "quick": calibrate.Quick}
	effort, ok := efforts[m.calibrate]
	if !ok && m.calibrate != "off" {
		return nil, usagef("--calibrate %q is not known; permitted: standard, quick, off", m.calibrate)
	}
	if !ok {
		return nil, nil
	}
	scheme, err := calibrate.Scheme(m.scenario.Load.Options.Scheme)
	if err != nil {
		return nil, usage(m.scenario.ErrorAt("load.options.scheme", "%v", err))
	}
	warn := func(err error) { fmt.Fprintf(m.cmd.ErrOrStderr(), "chaindyno: warning: %v\n", err) }
	return calibrate.Hook(effort, scheme, warn), nil
}

// failed ends a run that has no measurement: its folder goes, and the error
// gets the code that it deserves.
func (m *measurement) failed(err error) error {
	if m.dir != "" {
		_ = os.RemoveAll(m.dir)
	}
	switch {
	case m.interrupted || m.cmd.Context().Err() != nil:
		return &exitError{exitInterrupted, fmt.Errorf("interrupted before anything was measured")}
	case loadgen.IsUsage(err):
		return usage(err)
	}
	return err
}

// show prints the tables, and turns the verdict into an exit code.
func (m *measurement) show(r *result.Run) error {
	if err := reports.Table(m.cmd.OutOrStdout(), r, reports.TableOptions{Dir: m.dir}); err != nil {
		return err
	}
	code := codeOf(r.Verdict)
	if m.interrupted {
		code = exitInterrupted
	}
	if code != exitPass {
		return &exitError{code: code}
	}
	return nil
}

func codeOf(v result.Verdict) int {
	switch v {
	case result.Pass:
		return exitPass
	case result.Fail:
		return exitFail
	case result.Invalid:
		return exitInvalid
	case result.Interrupted:
		return exitInterrupted
	}
	return exitInternal
}

// runID is unique enough to tell runs apart in a pile of reports.
func runID() string {
	return time.Now().UTC().Format("20060102T150405.000") + fmt.Sprintf("-%d", os.Getpid())
}

// host describes this machine.
func host() result.Host {
	h := hostinfo.Read()
	return result.Host{
		CPU: h.CPU, Cores: h.Cores, PhysicalCores: h.PhysicalCores, MemoryBytes: h.MemoryBytes, Kernel: h.Kernel, Virtual: h.Virtual, SHAExtensions: h.SHAExtensions,
		OS: runtime.GOOS, Arch: runtime.GOARCH, GoVersion: runtime.Version(), Version: buildinfo.Read().Short(),
	}
}
