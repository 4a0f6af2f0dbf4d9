package main

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/vmware/go-ipfix/pkg/collector"
	"github.com/vmware/go-ipfix/pkg/entities"
	"github.com/vmware/go-ipfix/pkg/exporter"
	"github.com/vmware/go-ipfix/pkg/registry"
)

const longestMessage = 65_535

// record has the values of one flow record apart from its template, as an exporter has them in its own form.
type record struct {
	shape *shape
	// one for each element: its number, or where in addresses it is
	numbers   []uint64
	addresses []net.IP
}

// shape is a template, and the elements that carry the values of one record to the library.
type shape struct {
	templateID uint16
	elements   []entities.InfoElementWithValue
}

// replayer exports records that it was sent before.
type replayer struct {
	process  *exporter.ExportingProcess
	buffered *exporter.BufferedIPFIXExporter
	set      entities.Set
	shapes   map[uint16]*shape
	records  []record
}

func serveIPFIX(to string, mtu int) error {
	registry.LoadRegistry()
	from, err := collector.InitCollectingProcess(collector.CollectorInput{
		Address: "127.0.0.1:0", Protocol: "tcp", MaxBufferSize: longestMessage,
	})
	if err != nil {
		return err
	}
	go from.Start()
	for from.GetAddress() == nil {
		time.Sleep(time.Millisecond)
	}
	input := exporter.ExporterInput{CollectorAddress: to, CollectorProtocol: "udp", ObservationDomainID: 1, IsIPv6: to[0] == '['}
	if mtu <= entities.MinSupportedMsgSize {
		input.MaxMsgSize = entities.MinSupportedMsgSize // it makes no smaller ones
	} else {
		input.PathMTU = mtu
	}
	process, err := exporter.InitExportingProcess(input)
	if err != nil {
		return err
	}
	defer process.CloseConnToCollector()
	replay := replayer{
		process:  process,
		buffered: exporter.NewBufferedIPFIXExporter(process),
		set:      entities.NewSet(false),
		shapes:   map[uint16]*shape{},
	}
	port, err := splitter(from.GetAddress().String())
	if err != nil {
		return err
	}
	return serve(map[string]string{"port": port}, func(order []string) (any, error) {
		switch {
		case len(order) == 2 && order[0] == "learn":
			count, err := strconv.Atoi(order[1])
			if err != nil {
				return nil, err
			}
			return map[string]int{"templates": len(replay.shapes)}, replay.learn(from.GetMsgChan(), count)
		case len(order) == 1 && order[0] == "single":
			return timed(replay.single)
		case len(order) == 1 && order[0] == "buffered":
			return timed(replay.inBuffers)
		}
		return nil, fmt.Errorf("no order")
	})
}

// learn keeps the records that come, and announces their templates to the collector.
func (r *replayer) learn(messages <-chan *entities.Message, count int) error {
	for len(r.records) < count {
		set := (<-messages).GetSet()
		if set.GetSetType() != entities.Data {
			continue
		}
		for _, received := range set.GetRecords() {
			if err := r.keep(received); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *replayer) keep(received entities.Record) error {
	known := r.shapes[received.GetTemplateID()]
	if known == nil {
		var err error
		if known, err = r.announce(received); err != nil {
			return err
		}
		r.shapes[received.GetTemplateID()] = known
	}
	kept := record{shape: known, numbers: make([]uint64, len(known.elements))}
	for i, element := range received.GetOrderedElementList() {
		switch element.GetDataType() {
		case entities.Unsigned8:
			kept.numbers[i] = uint64(element.GetUnsigned8Value())
		case entities.Unsigned16:
			kept.numbers[i] = uint64(element.GetUnsigned16Value())
		case entities.Unsigned32, entities.DateTimeSeconds:
			kept.numbers[i] = uint64(element.GetUnsigned32Value())
		case entities.Unsigned64, entities.DateTimeMilliseconds:
			kept.numbers[i] = element.GetUnsigned64Value()
		case entities.Ipv4Address, entities.Ipv6Address:
			kept.numbers[i] = uint64(len(kept.addresses))
			kept.addresses = append(kept.addresses, element.GetIPAddressValue())
		default:
			return fmt.Errorf("%s has type %d, which the records of the benchmarks do not have", element.GetName(), element.GetDataType())
		}
	}
	r.records = append(r.records, kept)
	return nil
}

// announce sends the template of a record under a number of its own.
func (r *replayer) announce(received entities.Record) (*shape, error) {
	known := &shape{templateID: r.process.NewTemplateID()}
	for _, element := range received.GetOrderedElementList() {
		empty, err := entities.DecodeAndCreateInfoElementWithValue(element.GetInfoElement(), nil)
		if err != nil {
			return nil, err
		}
		known.elements = append(known.elements, empty)
	}
	r.set.ResetSet()
	if err := r.set.PrepareSet(entities.Template, known.templateID); err != nil {
		return nil, err
	}
	if err := r.set.AddRecordV2(known.elements, known.templateID); err != nil {
		return nil, err
	}
	_, err := r.process.SendSet(r.set)
	return known, err
}

// fill puts the values of a record into the elements of its shape.
func (r *record) fill() {
	for i, element := range r.shape.elements {
		switch element.GetDataType() {
		case entities.Unsigned8:
			element.SetUnsigned8Value(uint8(r.numbers[i]))
		case entities.Unsigned16:
			element.SetUnsigned16Value(uint16(r.numbers[i]))
		case entities.Unsigned32, entities.DateTimeSeconds:
			element.SetUnsigned32Value(uint32(r.numbers[i]))
		case entities.Unsigned64, entities.DateTimeMilliseconds:
			element.SetUnsigned64Value(r.numbers[i])
		case entities.Ipv4Address, entities.Ipv6Address:
			element.SetIPAddressValue(r.addresses[r.numbers[i]])
		}
	}
}

func (r *replayer) single() error {
	for i := range r.records {
		one := &r.records[i]
		one.fill()
		r.set.ResetSet()
		if err := r.set.PrepareSet(entities.Data, one.shape.templateID); err != nil {
			return err
		}
		if err := r.set.AddRecordV2(one.shape.elements, one.shape.templateID); err != nil {
			return err
		}
		if _, err := r.process.SendSet(r.set); err != nil {
			return err
		}
	}
	return nil
}

func (r *replayer) inBuffers() error {
	for i := range r.records {
		one := &r.records[i]
		one.fill()
		if err := r.buffered.AddRecord(entities.NewDataRecordFromElements(one.shape.templateID, one.shape.elements)); err != nil {
			return err
		}
	}
	return r.buffered.Flush()
}
