package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/internal/tlsx"
)

// healthBytes bounds the answer that is shown.
const healthBytes = 4 << 10

func newHealthCmd() *cobra.Command {
	var timeout time.Duration
	var secure tlsx.Client
	cmd := &cobra.Command{
		Use:   "health [ADDRESS]",
		Short: "Ask a node's admin port whether the node is ready",
		Long: "Ask the admin port at ADDRESS whether its node is ready: exit code 0 if it is, and 1 with the reason if it is not.\n" +
			"Without ADDRESS it is the one that " + chain.EnvPrefix + "ADMIN names, as in a container, or the default one. It wants no\n" +
			"token, and --tls-ca where the port is served with TLS.",
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			address := os.Getenv(chain.EnvPrefix + "ADMIN")
			if len(args) > 0 {
				address = args[0]
			}
			if address == "" {
				address = chain.DefaultConfig().Admin
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			said, err := health(ctx, address, secure)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), said)
			return err
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 3*time.Second, "longest wait for the answer")
	cmd.Flags().StringVar(&secure.CA, "tls-ca", "", "certificate authority to trust, PEM file; empty: plain text")
	cmd.Flags().StringVar(&secure.ServerName, "tls-name", "", "name that the certificate must carry, if it is not the address")
	return cmd
}

// health returns what a ready node says.
func health(ctx context.Context, address string, secure tlsx.Client) (string, error) {
	local, err := reachable(address)
	if err != nil {
		return "", usage(err)
	}
	cfg, err := secure.Config()
	if err != nil {
		return "", usage(err)
	}
	scheme := "http://"
	if cfg != nil {
		scheme = "https://"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+local+"/readyz", nil)
	if err != nil {
		return "", usage(err)
	}
	// No proxy: the port is this machine's or a neighbour's.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true}}
	answer, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		if errors.Is(err, context.DeadlineExceeded) {
			err = errors.New("no answer in time; --timeout waits longer")
		}
		return "", &exitError{exitFail, fmt.Errorf("admin port %s: %w", local, err)}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, healthBytes))
	said := strings.TrimSpace(string(text))
	switch {
	case err != nil:
		return "", &exitError{exitFail, fmt.Errorf("admin port %s: %w", local, err)}
	case answer.StatusCode != http.StatusOK:
		return "", &exitError{exitFail, fmt.Errorf("not ready: %s: %s", answer.Status, said)}
	}
	return said, nil
}

// reachable turns an address that is listened on into one to dial.
func reachable(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("%q is not host:port", address)
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.Is6() {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port), nil
}
