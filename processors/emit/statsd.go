package emit

import (
	"context"
	"net"
)

var statsdOutput = Output{
	Doc: "StatsD's gauges over UDP, `PREFIXmetric:value` and the type `g`, at most 1,432 bytes in a packet. StatsD has no times: a value counts when it comes, once a lateness after its second, and what it takes in between two flushes is the last one. The prefix, and other characters of names, as with Graphite",
	New: func() OutputConfig { return new(statsdConfig) },
}

type statsdConfig struct{ address, prefix text }

func (c *statsdConfig) Settings() []Setting {
	return []Setting{
		{Flag: "statsd", Help: "send points to this StatsD server, `host:port`, over UDP", Value: &c.address},
		{Flag: "statsd-prefix", Help: "a `prefix` for all metric names in StatsD, with its final dot if you want one", Value: &c.prefix},
	}
}

func (c *statsdConfig) Senders() ([]Sender, error) {
	if c.address == "" {
		return nil, nil
	}
	s, err := NewStatsD(string(c.address), string(c.prefix))
	return []Sender{s}, err
}

// maxPacket is what fits into a packet on an Ethernet, as StatsD's own documentation has it.
const maxPacket = 1432

// StatsD is a sender of StatsD's gauges over UDP. Nothing acknowledges them.
type StatsD struct{ address, prefix string }

// NewStatsD returns a sender to a host:port. The prefix goes before all names, as it is.
func NewStatsD(address, prefix string) (*StatsD, error) {
	if err := checkPlain("StatsD", "localhost:8125", address, prefix); err != nil {
		return nil, err
	}
	return &StatsD{address, prefix}, nil
}

// String implements Sender.
func (s *StatsD) String() string { return "statsd://" + s.address }

// Send implements Sender.
func (s *StatsD) Send(ctx context.Context, points []Point) error {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", s.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	var packet, one []byte
	for _, p := range points {
		one = s.appendPoint(one[:0], p)
		if len(packet) > 0 && len(packet)+len(one) > maxPacket {
			if _, err := conn.Write(packet); err != nil {
				return err
			}
			packet = packet[:0]
		}
		packet = append(packet, one...)
	}
	if len(packet) == 0 {
		return nil
	}
	_, err = conn.Write(packet)
	return err
}

// appendPoint appends a gauge. One with a sign would be added to what the gauge has, so that
// a negative number is set from 0 on.
func (s *StatsD) appendPoint(b []byte, p Point) []byte {
	text := []byte(p.Value)
	if len(text) > 0 && text[0] == '-' {
		b = append(s.appendName(b, p.Metric), ":0|g\n"...)
	}
	b = append(append(s.appendName(b, p.Metric), ':'), text...)
	return append(b, "|g\n"...)
}

func (s *StatsD) appendName(b []byte, metric string) []byte {
	return appendPlain(append(b, s.prefix...), metric)
}
