package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"k8s.io/klog/v2"
)

// times are what an operation took, in seconds.
type times struct {
	Wall float64 `json:"wall"`
	CPU  float64 `json:"cpu"`
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
