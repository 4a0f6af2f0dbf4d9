// Public Go packages as peers of ctflow's benchmarks. Like crates/ctflow-bench each program says in one line of JSON what it is
// ready for, then reads orders, one a line, and answers each with one line of JSON, until standard input ends.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"k8s.io/klog/v2"
)

const usage = `peers conntrack
  ti-mo/conntrack
    dump                     the connection table once
peers ipfix COLLECTOR MTU
  vmware/go-ipfix; first collects, on the TCP port that it says, the records that it will export
    learn COUNT              waits until so many have come
    single                   exports all of them, a message each
    buffered                 exports all of them, as many in a message as it holds`

// times are what an operation took, in seconds.
type times struct {
	Wall float64 `json:"wall"`
	CPU  float64 `json:"cpu"`
}

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
	case len(arguments) == 3 && arguments[0] == "ipfix":
		mtu, err := strconv.Atoi(arguments[2])
		if err != nil {
			return err
		}
		return serveIPFIX(arguments[1], mtu)
	}
	return fmt.Errorf("what is to be done?")
}

// serve answers orders until there are no more.
func serve(ready any, answer func(order []string) (any, error)) error {
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(ready); err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		answered, err := answer(strings.Fields(lines.Text()))
		if err != nil {
			return fmt.Errorf("%s: %w", lines.Text(), err)
		}
		if err := out.Encode(answered); err != nil {
			return err
		}
	}
	return nil
}

// timed runs an operation and tells what it took, the garbage collector's threads included.
func timed(operation func() error) (times, error) {
	cpu, began := cpuSeconds(), time.Now()
	err := operation()
	wall := time.Since(began).Seconds()
	return times{Wall: wall, CPU: cpuSeconds() - cpu}, err
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// quiet keeps the log of the packages off standard error.
func quiet() {
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	for name, value := range map[string]string{"logtostderr": "false", "stderrthreshold": "FATAL"} {
		if err := flags.Set(name, value); err != nil {
			panic(err)
		}
	}
}
