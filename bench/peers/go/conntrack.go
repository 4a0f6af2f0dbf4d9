package main

import (
	"fmt"

	"github.com/ti-mo/conntrack"
)

// serveConntrack dumps the table of the network namespace that it runs in.
func serveConntrack() error {
	connection, err := conntrack.Dial(nil)
	if err != nil {
		return err
	}
	defer connection.Close()
	return serve(struct{}{}, func(order []string) (any, error) {
		if len(order) != 1 || order[0] != "dump" {
			return nil, fmt.Errorf("no order")
		}
		var flows []conntrack.Flow
		took, err := timed(func() (err error) {
			flows, err = connection.Dump(nil)
			return err
		})
		return struct {
			Entries int `json:"entries"`
			times
		}{len(flows), took}, err
	})
}
