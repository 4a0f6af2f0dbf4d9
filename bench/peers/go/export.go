package main

import (
	"net"
	"strings"

	"github.com/vmware/go-ipfix/pkg/entities"
	"github.com/vmware/go-ipfix/pkg/exporter"
	"github.com/vmware/go-ipfix/pkg/registry"
)

// exportEveryType sends a template with an element of each type that the library has, and three records, whose last has a string that is
// so long that its length stands in three octets.
func exportEveryType(to string) error {
	registry.LoadRegistry()
	process, err := exporter.InitExportingProcess(exporter.ExporterInput{
		CollectorAddress: to, CollectorProtocol: "udp", ObservationDomainID: 7, PathMTU: 1500,
	})
	if err != nil {
		return err
	}
	defer process.CloseConnToCollector()
	id := process.NewTemplateID()
	names := []string{"", "pod-a", strings.Repeat("long ", 60)}
	if err := sendSet(process, entities.Template, id, 0, ""); err != nil {
		return err
	}
	for number, name := range names {
		if err := sendSet(process, entities.Data, id, number+1, name); err != nil {
			return err
		}
	}
	return nil
}

func sendSet(process *exporter.ExportingProcess, kind entities.ContentType, id uint16, number int, name string) error {
	elements, err := everyType(number, name)
	if err != nil {
		return err
	}
	set := entities.NewSet(false)
	if err := set.PrepareSet(kind, id); err != nil {
		return err
	}
	if err := set.AddRecordV2(elements, id); err != nil {
		return err
	}
	_, err = process.SendSet(set)
	return err
}

func everyType(number int, name string) ([]entities.InfoElementWithValue, error) {
	n := uint64(number)
	wanted := []struct {
		name       string
		enterprise uint32
		set        func(entities.InfoElementWithValue)
	}{
		{"sourceIPv4Address", 0, func(e entities.InfoElementWithValue) { e.SetIPAddressValue(net.IPv4(192, 0, 2, byte(n))) }},
		{"destinationIPv6Address", 0, func(e entities.InfoElementWithValue) { e.SetIPAddressValue(net.ParseIP("2001:db8::a:1")) }},
		{"protocolIdentifier", 0, func(e entities.InfoElementWithValue) { e.SetUnsigned8Value(6) }},
		{"sourceTransportPort", 0, func(e entities.InfoElementWithValue) { e.SetUnsigned16Value(uint16(40_000 + n)) }},
		{"ingressInterface", 0, func(e entities.InfoElementWithValue) { e.SetUnsigned32Value(uint32(1<<31 + n)) }},
		{"octetDeltaCount", 0, func(e entities.InfoElementWithValue) { e.SetUnsigned64Value(1<<63 + n) }},
		{"reverseOctetDeltaCount", registry.IANAReversedEnterpriseID, func(e entities.InfoElementWithValue) { e.SetUnsigned64Value(1<<53 + n) }},
		{"mibObjectValueInteger", 0, func(e entities.InfoElementWithValue) { e.SetSigned32Value(-int32(n)) }},
		{"samplingProbability", 0, func(e entities.InfoElementWithValue) { e.SetFloat64Value(float64(n) / 4) }},
		{"dataRecordsReliability", 0, func(e entities.InfoElementWithValue) { e.SetBooleanValue(n%2 == 1) }},
		{"sourceMacAddress", 0, func(e entities.InfoElementWithValue) { e.SetMacAddressValue(net.HardwareAddr{2, 0, 0, 0, 0, byte(n)}) }},
		{"flowStartSeconds", 0, func(e entities.InfoElementWithValue) { e.SetUnsigned32Value(uint32(1_764_000_000 + n)) }},
		{"flowEndMilliseconds", 0, func(e entities.InfoElementWithValue) { e.SetUnsigned64Value(1_764_000_000_123 + n) }},
		{"interfaceName", 0, func(e entities.InfoElementWithValue) { e.SetStringValue("eth0") }},
		{"sourcePodName", registry.AntreaEnterpriseID, func(e entities.InfoElementWithValue) { e.SetStringValue(name) }},
	}
	elements := make([]entities.InfoElementWithValue, 0, len(wanted))
	for _, one := range wanted {
		known, err := registry.GetInfoElement(one.name, one.enterprise)
		if err != nil {
			return nil, err
		}
		element, err := entities.DecodeAndCreateInfoElementWithValue(known, nil)
		if err != nil {
			return nil, err
		}
		one.set(element)
		elements = append(elements, element)
	}
	return elements, nil
}
