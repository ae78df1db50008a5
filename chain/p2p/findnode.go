package p2p

import (
	"context"
	"net"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/p2p/kad"
)

// FindNode returns the contacts known nearest to a target, and notes the
// caller's address as hearsay.
func (h *Host) FindNode(ctx context.Context, r *chainpb.FindNodeRequest) (*chainpb.FindNodeReply, error) {
	id, err := idOf(r.Id)
	if err != nil || len(r.Target) != len(kad.ID{}) || len(r.Addr) > maxAddr {
		return nil, status.Error(codes.InvalidArgument, "32 bytes of target, 32 of ID and an address are wanted")
	}
	if from, ok := grpcpeer.FromContext(ctx); ok {
		h.discovery.told(r.Addr, from.Addr.String())
	}
	reply := &chainpb.FindNodeReply{}
	for _, c := range h.discovery.closest(kad.ID(r.Target), kad.ID(id)) {
		reply.Contacts = append(reply.Contacts, &chainpb.Contact{Id: c.ID[:], Addr: c.Addr})
	}
	return reply, nil
}

// findNode calls FindNode at an address. It returns who has answered, and the
// round-trip time of a call on a connection that is up.
func (h *Host) findNode(ctx context.Context, addr string, target kad.ID) (found []kad.Contact, who kad.ID, rtt time.Duration, err error) {
	l, done := h.linkTo(addr)
	defer done()
	rpc, err := l.client()
	if err != nil {
		return nil, who, 0, err
	}
	beat, err := rpc.Heartbeat(ctx, &chainpb.Beat{Tip: tipState(h.node.Chain.Tip()), Id: h.id[:]})
	if err != nil {
		return nil, who, 0, err
	}
	id, err := idOf(beat.Id)
	if err != nil {
		return nil, who, 0, err
	}
	began := time.Now()
	reply, err := rpc.FindNode(ctx, &chainpb.FindNodeRequest{Target: target[:], Id: h.id[:], Addr: h.Advertised()})
	if err != nil {
		return nil, who, 0, err
	}
	rtt = time.Since(began)
	for _, c := range reply.Contacts[:min(len(reply.Contacts), kad.K)] {
		if id, err := idOf(c.Id); err == nil {
			found = append(found, kad.Contact{ID: kad.ID(id), Addr: c.Addr})
		}
	}
	return found, kad.ID(id), rtt, nil
}

// linkTo returns the link of a peer that is at an address, or a new one; done
// gives it back.
func (h *Host) linkTo(addr string) (l *link, done func()) {
	for _, p := range h.snapshot() {
		if p.link.addr == addr {
			return p.link, func() {}
		}
	}
	l = &link{host: h, addr: addr}
	return l, l.close
}

// told notes the address that a caller says it has. All of one host are one
// source: ports can be had for nothing.
func (d *discovery) told(addr, remote string) {
	addr = reachable(addr, remote)
	host, _, err := net.SplitHostPort(remote)
	if err != nil || addr == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard(addr, "caller "+host, time.Now())
}

// closest returns the contacts nearest to target, but for the caller itself.
func (d *discovery) closest(target, caller kad.ID) []kad.Contact {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := d.table.Closest(target, kad.K+1)
	found = slices.DeleteFunc(found, func(c kad.Contact) bool { return c.ID == caller })
	return found[:min(len(found), kad.K)]
}
