package steer

import (
	"errors"
	"fmt"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// The names of counters.
const (
	forwarded       = "forwarded"
	stray           = "stray"
	closed          = "closed"
	unmarked        = "unmarked"
	sourceRouted    = "source_routed"
	usurped         = "usurped"
	forgedMAC       = "forged_mac"
	forgedNeighbour = "forged_neighbour"
	forgedSource    = "forged_source"
	doubleTagged    = "double_tagged"
	impersonation   = "impersonation"
	switched        = "switched"
	misdirected     = "misdirected"
)

// Counters are packets since the tables were made. All were refused.
type Counters struct {
	// Forwarded came from a guarded device, for another metadata service.
	Forwarded uint64
	// Stray came for a metadata address on a device where nobody serves.
	Stray uint64
	// Closed came for a metadata address and not for port 80, or for our own port.
	Closed uint64
	// Unmarked came through a shared bridge by a port that is not added yet.
	Unmarked uint64
	// SourceRouted had an IPv4 source route or, where that may be one, other options; or
	// an IPv6 routing header.
	SourceRouted uint64
	// Usurped was an answer of another user's socket, at the port that is ours.
	Usurped uint64
	// ForgedMAC had a source that is declared on another port of the bridge.
	ForgedMAC uint64
	// ForgedNeighbour was ARP or neighbour discovery for another's address.
	ForgedNeighbour uint64
	// ForgedSource asked without being a member.
	ForgedSource uint64
	// DoubleTagged hid a priority tag in another 802.1Q tag, or had three.
	DoubleTagged uint64
	// Impersonation said that it came from a metadata address.
	Impersonation uint64
	// Switched was for a metadata address by way of another port.
	Switched uint64
	// Misdirected was an answer of ours that would have left by another's port.
	Misdirected uint64
}

// fields are the counters by name.
func (c *Counters) fields() map[string]*uint64 {
	return map[string]*uint64{
		forwarded: &c.Forwarded, stray: &c.Stray, closed: &c.Closed, unmarked: &c.Unmarked, sourceRouted: &c.SourceRouted, usurped: &c.Usurped,
		forgedMAC: &c.ForgedMAC, forgedNeighbour: &c.ForgedNeighbour, forgedSource: &c.ForgedSource,
		doubleTagged: &c.DoubleTagged, impersonation: &c.Impersonation, switched: &c.Switched, misdirected: &c.Misdirected,
	}
}

// inetCounters and bridgeCounters are those of the tables.
func inetCounters() []string {
	return []string{forwarded, stray, closed, unmarked, sourceRouted, usurped, impersonation}
}

func bridgeCounters() []string {
	return []string{forwarded, sourceRouted, forgedMAC, forgedNeighbour, forgedSource, doubleTagged, impersonation, switched, misdirected}
}

// Counters returns what was counted; all 0 without our tables.
func (g *Guard) Counters() (Counters, error) {
	var counters Counters
	cc, done, err := open()
	if err != nil {
		return counters, err
	}
	defer done()
	fields := counters.fields()
	for _, table := range []*nftables.Table{inetTable(), bridgeTable(), deviceTable()} {
		if _, err := cc.ListTableOfFamily(tableName, table.Family); errors.Is(err, unix.ENOENT) {
			continue
		} else if err != nil {
			return Counters{}, fmt.Errorf("read the counters: %w", explain(err))
		}
		objects, err := cc.GetObjects(table)
		if err != nil {
			return Counters{}, fmt.Errorf("read the counters: %w", err)
		}
		for _, o := range objects {
			if c, ok := o.(*nftables.CounterObj); ok && fields[c.Name] != nil {
				*fields[c.Name] += c.Packets
			}
		}
	}
	return counters, nil
}
