package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/internal/tlsx"
	"github.com/chaindyno/chaindyno/reports"
)

func newCertsCmd() *cobra.Command {
	var (
		dir, check     string
		hosts, clients []string
	)
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "Make an authority and certificates for nodes and clients",
		Long: "certs makes a certificate authority for development, a certificate for each node, and one for clients.\n" +
			"What is in the folder already is kept and never replaced, so that further nodes can be added later.\n\n" +
			"NAME.pem is a certificate and NAME.key its key; a node is called by its first host, or ip-ADDRESS where that is\n" +
			"an address. Keep ca.key to yourself: whoever has it is any node and any client.",
		Example: "  chaindyno certs --out certs --host node0,localhost,127.0.0.1 --host node1,10.0.0.2\n" +
			"  chaindyno certs --check certs/node0.pem",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if check != "" {
				return checkCert(cmd.OutOrStdout(), check)
			}
			requests, err := certRequests(hosts, clients)
			if err != nil {
				return usage(err)
			}
			files, err := tlsx.Make(dir, requests...)
			if err != nil {
				return usagef("certificates: %v", err)
			}
			return printCerts(cmd.OutOrStdout(), files)
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "out", "certs", "folder of the files")
	f.StringArrayVar(&hosts, "host", nil, "DNS names and addresses of one node, with commas between them; repeat for several nodes")
	f.StringArrayVar(&clients, "client", []string{"client"}, "name of a client; repeat for several")
	f.StringVar(&check, "check", "", "print what this certificate says, and whether it is valid, instead of making any")
	return cmd
}

// certRequests turns flags into what is to be made. A node is called by its
// first host.
func certRequests(hosts, clients []string) ([]tlsx.Request, error) {
	if len(hosts) == 0 {
		return nil, fmt.Errorf("name at least one node: --host NAME[,NAME|ADDRESS...]")
	}
	var requests []tlsx.Request
	for _, list := range hosts {
		names := strings.Split(list, ",")
		for i := range names {
			names[i] = strings.ToLower(strings.TrimSpace(names[i]))
		}
		name := names[0]
		if ip := net.ParseIP(name); ip != nil {
			name = "ip-" + strings.ReplaceAll(ip.String(), ":", "-")
		}
		r := tlsx.Request{Name: name, Hosts: names}
		if err := r.Validate(); err != nil {
			return nil, fmt.Errorf("--host %s: %w", list, err)
		}
		requests = append(requests, r)
	}
	for _, name := range clients {
		r := tlsx.Request{Name: name}
		if err := r.Validate(); err != nil {
			return nil, fmt.Errorf("--client %s: %w", name, err)
		}
		requests = append(requests, r)
	}
	return requests, nil
}

func printCerts(w io.Writer, files []tlsx.File) error {
	var rows []row
	for _, f := range files {
		what := "kept"
		if f.Made {
			what = "made"
		}
		text := fmt.Sprintf("%s  valid until %s", what, f.Leaf.NotAfter.UTC().Format(time.DateOnly))
		if hosts := tlsx.Hosts(f.Leaf); len(hosts) > 0 {
			text += "  for " + strings.Join(hosts, ", ")
		}
		rows = append(rows, row{f.Cert, text})
	}
	return printRows(w, rows)
}

// checkCert prints what a certificate says. One that is not valid now is a
// failure.
func checkCert(w io.Writer, file string) error {
	d, err := tlsx.Describe(file)
	if err != nil {
		return usagef("certificate: %v", err)
	}
	use := []string{}
	for _, u := range []struct {
		may  bool
		what string
	}{{d.Authority, "authority"}, {d.Server, "server"}, {d.Client, "client"}} {
		if u.may {
			use = append(use, u.what)
		}
	}
	rows := []row{
		{"subject", reports.Clean(d.Subject)},
		{"issuer", reports.Clean(d.Issuer)},
		{"hosts", reports.Clean(strings.Join(d.Hosts, ", "))},
		{"use", strings.Join(use, ", ")},
		{"valid from", d.From.UTC().Format(time.DateTime) + " UTC"},
		{"valid until", d.Until.UTC().Format(time.DateTime) + " UTC"},
	}
	if err := printRows(w, rows); err != nil {
		return err
	}
	if d.Now != nil {
		return &exitError{exitFail, fmt.Errorf("%s %w", file, d.Now)}
	}
	return nil
}
