// Reads IPFIX messages, one behind another, from standard input with the decoder of Filebeat's netflow input as it is by default, and
// writes each record as a line of JSON.
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/elastic/beats/v7/x-pack/filebeat/input/netflow/decoder"
	"github.com/elastic/beats/v7/x-pack/filebeat/input/netflow/decoder/record"
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
	// the defaults of its input
	config := decoder.NewConfig().
		WithProtocols("ipfix").
		WithExpiration(30 * time.Minute).
		WithSequenceResetEnabled(true).
		WithLogOutput(os.Stderr)
	netflow, err := decoder.NewDecoder(config)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(out)
	from := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4739}
	for len(stream) >= 4 {
		length := binary.BigEndian.Uint16(stream[2:])
		records, err := netflow.Read(bytes.NewBuffer(stream[:length]), from)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		stream = stream[length:]
		for _, one := range records {
			fields := map[string]string{}
			flatten(one.Fields, fields)
			if err := lines.Encode(fields); err != nil {
				return err
			}
		}
	}
	return nil
}

// flatten adds the values of a record; an options record has its scope and its options apart.
func flatten(fields record.Map, into map[string]string) {
	for name, value := range fields {
		switch value := value.(type) {
		case record.Map:
			flatten(value, into)
		case time.Time:
			into[name] = fmt.Sprint(value.UnixMilli())
		case []byte:
			into[name] = fmt.Sprintf("%x", value)
		default:
			into[name] = fmt.Sprint(value)
		}
	}
}
