// Antrea's connection store and exporter as a peer of ctflow's benchmarks. It takes orders as the programs beside it do.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"antrea.io/antrea/v2/pkg/agent/flowexporter/connection"
	"antrea.io/antrea/v2/pkg/agent/flowexporter/connections"
	"antrea.io/antrea/v2/pkg/agent/flowexporter/exporter"
)

const usage = `antrea COLLECTOR CONNECTIONS NEW DELETED
  a store that holds so many connections; the collector (HOST:PORT, over UDP) is what it is exported to
    poll     merges a dump in which so many are new and so many no longer there; then reports what is due, not timed
    export   the same, but times the report`

// Antrea's defaults, but for the idle timeout: the reports' clock is put forward by the active timeout each time, the store
// reckons idleness by the clock on the wall, and nothing is idle here.
const (
	activeTimeout = 5 * time.Second
	idleTimeout   = 10_000 * time.Hour
	staleTimeout  = 5 * time.Minute
)

// done is what an order has come to.
type done struct {
	Connections int `json:"connections"`
	Records     int `json:"records"`
	times
}

func main() {
	quiet()
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "antrea: %v\n%s\n", err, usage)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 4 {
		return fmt.Errorf("what is to be done?")
	}
	var sizes [3]int
	for i, text := range arguments[1:] {
		size, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		sizes[i] = size
	}
	collector := exporter.NewIPFIXExporter("udp", "node-1", 1, true, false)
	if err := collector.ConnectToCollector(arguments[0], nil); err != nil {
		return err
	}
	defer collector.CloseConnToCollector()
	store := connections.NewConntrackConnectionStore(policies{}, newPods(), newServices(), connections.ConnectionStoreConfig{
		ActiveFlowTimeout: activeTimeout, IdleFlowTimeout: idleTimeout, StaleConnectionTimeout: staleTimeout,
	})
	table := newTable(sizes[0], sizes[1], sizes[2])
	if err := store.AddOrUpdateConns(table.dump); err != nil {
		return err
	}
	at := time.Now()
	due := func(collector exporter.Interface) (int, error) {
		at = at.Add(activeTimeout + time.Second)
		return report(store, collector, at)
	}
	if _, err := due(nil); err != nil {
		return err
	}
	return serve(struct{}{}, func(order []string) (any, error) {
		if len(order) != 1 {
			return nil, fmt.Errorf("no order")
		}
		table.advance()
		var did done
		poll := func() error { return store.AddOrUpdateConns(table.dump) }
		export := func() (err error) {
			did.Records, err = due(collector)
			return err
		}
		var err error
		switch order[0] {
		case "poll":
			if did.times, err = timed(poll); err == nil {
				did.Connections = store.NumConnections()
				did.Records, err = due(nil)
			}
		case "export":
			if err = poll(); err == nil {
				did.Connections = store.NumConnections()
				did.times, err = timed(export)
			}
		default:
			err = fmt.Errorf("no order")
		}
		return did, err
	})
}

// report takes out of the store all that is due, and exports it where there is a collector.
func report(store *connections.ConntrackConnectionStore, collector exporter.Interface, at time.Time) (int, error) {
	const atOnce = 128 // as Antrea's destination takes them
	var due []connection.Connection
	for records := 0; ; records += len(due) {
		due, _ = store.GetExpiredConns(due[:0], at, atOnce)
		if len(due) == 0 {
			return records, nil
		}
		for i := range due {
			if collector == nil {
				continue
			}
			if err := collector.Export(&due[i]); err != nil {
				return records, err
			}
		}
	}
}
