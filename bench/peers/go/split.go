package main

import (
	"encoding/binary"
	"io"
	"net"
)

const (
	messageHeader = 16
	setHeader     = 4
	optionsSet    = 3
)

// splitter takes one IPFIX session and passes it on with one set in each message: the library's collector reads no more of one.
// Options templates are left out, which it does not know.
func splitter(to string) (port string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		defer listener.Close()
		from, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		defer from.Close()
		collector, err := net.Dial("tcp", to)
		if err != nil {
			panic(err)
		}
		defer collector.Close()
		for {
			switch err := splitMessage(from, collector); err {
			case nil:
			case io.EOF:
				return
			default:
				panic(err)
			}
		}
	}()
	_, port, err = net.SplitHostPort(listener.Addr().String())
	return port, err
}

func splitMessage(from io.Reader, to io.Writer) error {
	header := make([]byte, messageHeader)
	if _, err := io.ReadFull(from, header); err != nil {
		return err
	}
	sets := make([]byte, int(binary.BigEndian.Uint16(header[2:]))-messageHeader)
	if _, err := io.ReadFull(from, sets); err != nil {
		return err
	}
	for len(sets) >= setHeader {
		id, length := binary.BigEndian.Uint16(sets), binary.BigEndian.Uint16(sets[2:])
		if id != optionsSet {
			binary.BigEndian.PutUint16(header[2:], messageHeader+length)
			if _, err := to.Write(append(header[:messageHeader:messageHeader], sets[:length]...)); err != nil {
				return err
			}
		}
		sets = sets[length:]
	}
	return nil
}
