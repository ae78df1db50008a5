package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/loadgen/scenario"
)

func newInitCmd() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented scenario (scenario.yaml; - is standard output)",
		Args:  arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := "scenario.yaml"
			if len(args) == 1 {
				file = args[0]
			}
			if file == "-" {
				_, err := cmd.OutOrStdout().Write(scenario.Commented())
				return err
			}
			if err := writeNew(file, scenario.Commented(), force); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "wrote %s; next: chaindyno check %s, chaindyno run %s\n", file, file, file)
			return err
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	return cmd
}

// writeNew writes a file that must not exist yet, unless replace is set.
func writeNew(file string, data []byte, replace bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if replace {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(file, flags, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usagef("%s exists; add --force to replace it", file)
	} else if err != nil {
		return usage(err)
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
