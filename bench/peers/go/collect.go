package main

import (
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/vmware/go-ipfix/pkg/collector"
	"github.com/vmware/go-ipfix/pkg/entities"
	"github.com/vmware/go-ipfix/pkg/registry"
)

// serveCollect is the library's collector as it is, over TCP and over UDP.
func serveCollect() error {
	registry.LoadRegistry()
	ready := map[string]string{}
	channels := map[string]<-chan *entities.Message{}
	for _, protocol := range []string{"tcp", "udp"} {
		process, err := collector.InitCollectingProcess(collector.CollectorInput{
			Address: "127.0.0.1:0", Protocol: protocol, MaxBufferSize: longestMessage,
		})
		if err != nil {
			return err
		}
		go process.Start()
		for process.GetAddress() == nil {
			time.Sleep(time.Millisecond)
		}
		if _, ready[protocol], err = net.SplitHostPort(process.GetAddress().String()); err != nil {
			return err
		}
		channels[protocol] = process.GetMsgChan()
	}
	return serve(ready, func(order []string) (any, error) {
		if len(order) != 2 || channels[order[0]] == nil {
			return nil, fmt.Errorf("no order")
		}
		count, err := strconv.Atoi(order[1])
		if err != nil {
			return nil, err
		}
		return receive(channels[order[0]], count, 10*time.Second), nil
	})
}

// receive takes so many data records, or those that come until nothing has come for a while.
func receive(messages <-chan *entities.Message, count int, patience time.Duration) []map[string]string {
	records := []map[string]string{}
	for len(records) < count {
		select {
		case message := <-messages:
			if set := message.GetSet(); set.GetSetType() == entities.Data {
				for _, record := range set.GetRecords() {
					records = append(records, values(record))
				}
			}
		case <-time.After(patience):
			return records
		}
	}
	return records
}

func values(record entities.Record) map[string]string {
	all := map[string]string{}
	for _, element := range record.GetOrderedElementList() {
		var value any
		switch element.GetDataType() {
		case entities.Unsigned8:
			value = element.GetUnsigned8Value()
		case entities.Unsigned16:
			value = element.GetUnsigned16Value()
		case entities.Unsigned32, entities.DateTimeSeconds:
			value = element.GetUnsigned32Value()
		case entities.Unsigned64, entities.DateTimeMilliseconds:
			value = element.GetUnsigned64Value()
		case entities.Ipv4Address, entities.Ipv6Address:
			value = element.GetIPAddressValue()
		case entities.String:
			value = element.GetStringValue()
		default:
			value = hex.EncodeToString(element.GetOctetArrayValue())
		}
		all[element.GetName()] = fmt.Sprint(value)
	}
	return all
}
