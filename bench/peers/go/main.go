// Public Go packages as peers of ctflow's benchmarks. Like crates/ctflow-bench each program says in one line of JSON what it is
// ready for, then reads orders, one a line, and answers each with one line of JSON, until standard input ends.
package main

import (
	"fmt"
	"os"
	"strconv"
)

const usage = `peers conntrack
  ti-mo/conntrack
    dump                     the connection table once
peers ipfix COLLECTOR MTU
  vmware/go-ipfix; first collects, on the TCP port that it says, the records that it will export
    learn COUNT              waits until so many have come
    single                   exports all of them, a message each
    buffered                 exports all of them, as many in a message as it holds
peers collect
  the collector of vmware/go-ipfix, on the ports that it says; for the tests
    tcp COUNT                the data records that come, so many at most; fewer where none comes for ten seconds
    udp COUNT
peers export COLLECTOR
  the exporter of vmware/go-ipfix: a few records with an element of each type over UDP, for the interoperability proof`

func main() {
	quiet()
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "peers: %v\n%s\n", err, usage)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "conntrack":
		return serveConntrack()
	case len(arguments) == 1 && arguments[0] == "collect":
		return serveCollect()
	case len(arguments) == 2 && arguments[0] == "export":
		return exportEveryType(arguments[1])
	case len(arguments) == 3 && arguments[0] == "ipfix":
		mtu, err := strconv.Atoi(arguments[2])
		if err != nil {
			return err
		}
		return serveIPFIX(arguments[1], mtu)
	}
	return fmt.Errorf("what is to be done?")
}
