package main

import (
	"cmp"
	"crypto/tls"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/chaindyno/chaindyno/chain"
	"github.com/chaindyno/chaindyno/chain/api/web"
	"github.com/chaindyno/chaindyno/chain/p2p"
)

// bindWeb binds the server of HTTP, which hands calls to that of gRPC.
func (s *nodeServers) bindWeb(cfg chain.Config, secure *tls.Config) (err error) {
	if cfg.HTTP == "" {
		return nil
	}
	wc := web.DefaultConfig()
	wc.Listen, wc.AllowPlaintext, wc.TLS = cfg.HTTP, cfg.Insecure, secure
	var peers web.Peers // nil: not one of a host that is not there
	if s.peers != nil {
		peers = webPeers{s.peers}
	}
	s.web, err = web.New(wc, s.chain, peers, s.webEvents())
	return err
}

// webPeers tells of peers as HTTP does.
type webPeers struct{ host *p2p.Host }

func (w webPeers) Peers() []web.Peer {
	list := []web.Peer{}
	for _, p := range w.host.Peers() {
		list = append(list, web.Peer{
			ID: p.ID.String(), Address: cmp.Or(p.Addr, p.Remote), Inbound: !p.Outbound, Client: p.Client, Height: p.Tip.Height,
			RTT: p.RoundTrip, Since: p.Since, BytesIn: p.BytesIn, BytesOut: p.BytesOut,
		})
	}
	slices.SortFunc(list, func(a, b web.Peer) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func (s *nodeServers) webAddr() string {
	if s.web == nil {
		return ""
	}
	return s.web.Addr().String()
}

// webEvents hands the events of the server of HTTP to Prometheus.
func (s *nodeServers) webEvents() web.Events {
	answered := s.metrics.Seconds("http_seconds", "Time to answer a request over HTTP.", "route", "status")
	skipped := s.metrics.Counter("socket_blocks_skipped_total", "Blocks that slow WebSockets were not told of.")
	refused := s.metrics.Counter("http_refused_total", "Requests over HTTP that were refused at a bound.", "bound")
	var sockets atomic.Int64
	s.metrics.Gauge("sockets", "WebSockets that are served.", func() float64 { return float64(sockets.Load()) })
	return web.Events{
		Answered: func(route string, status int, took time.Duration) { answered(took, route, strconv.Itoa(status)) },
		Sockets:  func(change int) { sockets.Add(int64(change)) },
		Skipped:  func(blocks int) { skipped(blocks) },
		Refused:  func(what string) { refused(1, what) },
		Denied:   func(why string) { s.denied(1, "http", why) },
	}
}
