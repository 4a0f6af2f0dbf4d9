// Reads IPFIX messages, one behind another, from standard input as goflow2 does by default, and writes what it makes of each record as
// a line of JSON: what is zero there has not been read.
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
	"github.com/netsampler/goflow2/v2/producer"
	protoproducer "github.com/netsampler/goflow2/v2/producer/proto"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	stream, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	config, err := (&protoproducer.ProducerConfig{}).Compile()
	if err != nil {
		return err
	}
	flows, err := protoproducer.CreateProtoProducer(config, protoproducer.CreateSamplingSystem)
	if err != nil {
		return err
	}
	templates := netflow.CreateTemplateSystem()
	args := &producer.ProduceArgs{
		Src:            netip.MustParseAddrPort("127.0.0.1:4739"),
		SamplerAddress: netip.MustParseAddr("127.0.0.1"),
		TimeReceived:   time.Now(),
	}
	lines := json.NewEncoder(out)
	for len(stream) >= 4 {
		length := binary.BigEndian.Uint16(stream[2:])
		var v9 netflow.NFv9Packet
		var message netflow.IPFIXPacket
		if err := netflow.DecodeMessageVersion(bytes.NewBuffer(stream[:length]), templates, &v9, &message); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		stream = stream[length:]
		made, err := flows.Produce(&message, args)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		for _, one := range made {
			if flow, ok := one.(*protoproducer.ProtoProducerMessage); ok {
				if err := lines.Encode(known(flow)); err != nil {
					return err
				}
			}
		}
		flows.Commit(made)
	}
	return nil
}

// known has the fields that are not zero, by the name of the information element.
func known(flow *protoproducer.ProtoProducerMessage) map[string]string {
	all := map[string]string{}
	number := func(name string, value uint64) {
		if value != 0 {
			all[name] = fmt.Sprint(value)
		}
	}
	family := "IPv4"
	if flow.Etype == 0x86dd {
		family = "IPv6"
	}
	for name, bytes := range map[string][]byte{"source": flow.SrcAddr, "destination": flow.DstAddr} {
		if address, ok := netip.AddrFromSlice(bytes); ok {
			all[name+family+"Address"] = address.String()
		}
	}
	number("protocolIdentifier", uint64(flow.Proto))
	number("sourceTransportPort", uint64(flow.SrcPort))
	number("destinationTransportPort", uint64(flow.DstPort))
	number("icmpTypeCode"+family, uint64(flow.IcmpType)<<8|uint64(flow.IcmpCode))
	number("octetDeltaCount", flow.Bytes)
	number("packetDeltaCount", flow.Packets)
	number("flowStartMilliseconds", flow.TimeFlowStartNs/1_000_000)
	number("flowEndMilliseconds", flow.TimeFlowEndNs/1_000_000)
	number("forwardingStatus", uint64(flow.ForwardingStatus))
	number("ingressInterface", uint64(flow.InIf))
	number("egressInterface", uint64(flow.OutIf))
	number("samplingPacketInterval", flow.SamplingRate)
	return all
}
