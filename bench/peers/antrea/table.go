package main

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"antrea.io/antrea/v2/pkg/agent/flowexporter/connection"
	"antrea.io/antrea/v2/pkg/agent/openflow"
)

const (
	clients       = 256
	portsAClient  = 16_384
	firstPort     = 20_000
	packetsARound = 7
	octetsAPacket = 640
	tcp           = 6
	antreaZone    = 65_520
	seed          = 20_261_124
)

var (
	server  = netip.MustParseAddr("198.51.100.35")
	service = netip.MustParseAddrPort("10.96.0.1:30000")
)

// table is a kernel's table in which connections come and go, dump by dump, as the table of ctflow's benchmark of the poll.
type table struct {
	dump        []*connection.Connection
	fresh, gone int
	known       int
	random      *rand.Rand
}

func newTable(size, fresh, gone int) *table {
	made := &table{fresh: fresh, gone: gone, random: rand.New(rand.NewPCG(seed, seed))}
	for range size {
		made.dump = append(made.dump, made.next())
	}
	return made
}

// advance makes the next dump: all count on, some are gone and some new. Rows are new objects, as a dump makes them.
func (t *table) advance() {
	for range t.gone {
		at := t.random.IntN(len(t.dump))
		t.dump[at] = t.dump[len(t.dump)-1]
		t.dump = t.dump[:len(t.dump)-1]
	}
	now := time.Now()
	for i, row := range t.dump {
		next := *row
		count(&next)
		next.StopTime = now
		t.dump[i] = &next
	}
	for range t.fresh {
		t.dump = append(t.dump, t.next())
	}
}

func (t *table) next() *connection.Connection {
	number := t.known
	t.known++
	now := time.Now()
	row := &connection.Connection{
		StartTime: now,
		StopTime:  now,
		IsPresent: true,
		Mark:      openflow.ServiceCTMark.GetValue(),
		FlowKey: connection.Tuple{
			SourceAddress:      clientAddress(number / portsAClient % clients),
			DestinationAddress: server,
			Protocol:           tcp,
			SourcePort:         uint16(firstPort + number%portsAClient),
			DestinationPort:    443,
		},
		OriginalDestinationAddress: service.Addr(),
		OriginalDestinationPort:    service.Port(),
		TCPState:                   "ESTABLISHED",
		Zone:                       antreaZone,
	}
	count(row)
	return row
}

func count(row *connection.Connection) {
	row.OriginalPackets += packetsARound
	row.OriginalBytes += packetsARound * octetsAPacket
	row.ReversePackets += packetsARound
	row.ReverseBytes += packetsARound * octetsAPacket
}

func clientAddress(client int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 1, byte(client >> 8), byte(client)})
}
