package ingest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"pulse/stats/line"
	"pulse/topics/throttle"
)

const (
	// socketBuffer is what is asked of the system for a socket's datagrams.
	// Linux gives net.core.rmem_max at most.
	socketBuffer = 4 << 20

	// maxDatagram is the greatest size of a datagram.
	maxDatagram = 64 << 10

	// maxRest is more datagrams than a socket's buffer holds: each takes up some
	// 700 bytes there, and the system gives twice socketBuffer at most.
	maxRest = 64 << 10

	// maxSpool bounds the datagrams that wait to be taken, in bytes, and
	// maxRuns in changes of the sender.
	maxSpool = 4 << 20
	maxRuns  = 32 << 10

	// maxPeers bounds the addresses whose origins are remembered.
	maxPeers = 4096

	// dropsEvery is how often it is looked whether the socket has dropped.
	dropsEvery = time.Second
)

var syslogUDPKind = &Kind{
	Name: "syslog-udp",
	Docs: []KindDoc{{"`syslog-udp`", "`input`, `remote`", "the socket drops, and it is counted", "what was in transit"}},
	New:  func() Config { return new(syslogUDPConfig) },
}

type syslogUDPConfig struct {
	address text
	reading Reading
}

func (c *syslogUDPConfig) Settings() []Setting {
	return []Setting{{Flag: "syslog-udp", Help: "accept syslog over UDP on this `address`", Value: &c.address}, c.reading.zone(), c.reading.join()}
}

func (c *syslogUDPConfig) Open(o Opening) (*Opened, error) {
	address, err := net.ResolveUDPAddr("udp", string(c.address))
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: choose another address", err)
	}
	s := NewSyslogUDP(o.Name, conn, o.Log)
	c.reading.Formats = o.Formats
	s.Reading = c.reading
	return &Opened{Input: c.reading.Watch(s, o.Name, o.Log), Addr: s.Addr(), Counters: []Counter{
		{linesMetric, linesHelp, &s.Counts.Lines},
		{"pulse_input_empty_datagrams_total", "Datagrams without any text.", &s.Counts.Empty},
		{"pulse_input_refused_datagrams_total", "Datagrams still in the socket at the end, which were not read.", &s.Counts.Refused},
		{"pulse_input_dropped_datagrams_total", "Datagrams that the socket dropped because its buffer was full.", &s.Counts.Dropped},
	}}, nil
}

// DatagramCounts count datagrams. Every datagram that reached the socket is in
// one of them, or still waits; at the end none waits.
type DatagramCounts struct {
	Lines   atomic.Int64 // taken
	Empty   atomic.Int64 // without any text: no lines
	Refused atomic.Int64 // not taken any more at the end
	Dropped atomic.Int64 // dropped by the socket because its buffer was full; up to date within a second, and at the end
}

// SyslogUDP is an input of syslog messages over UDP, one a datagram. UDP slows
// nobody down: what comes when all buffers are full is dropped by the system,
// which counts it (on Linux).
type SyslogUDP struct {
	Counts DatagramCounts
	// Reading is what is said of the lines, if it is set before Run.
	Reading Reading

	name    string
	conn    *net.UDPConn
	notices *throttle.Logger

	mu    sync.Mutex
	some  sync.Cond // there is something in the spool, or ended
	room  sync.Cond // there is nothing left of the spool, or ended
	spool spool
	ended bool
}

// A spool is lines with their origins.
type spool struct {
	lines []byte
	runs  []spooled
}

type spooled struct {
	from line.Origin
	end  int // of its lines
}

// NewSyslogUDP returns the input of a socket; name becomes the field input of its
// lines.
func NewSyslogUDP(name string, conn *net.UDPConn, log *slog.Logger) *SyslogUDP {
	s := &SyslogUDP{name: name, conn: conn, notices: newNotices(log)}
	s.some.L, s.room.L = &s.mu, &s.mu
	if err := conn.SetReadBuffer(socketBuffer); err != nil {
		s.notices.Warn("cannot enlarge the UDP buffer, so bursts may be dropped: raise net.core.rmem_max", "input", name, "error", err)
	}
	return s
}

// Addr is where the input listens.
func (s *SyslogUDP) Addr() net.Addr { return s.conn.LocalAddr() }

// Run implements Input.
func (s *SyslogUDP) Run(ctx context.Context, take func(context.Context, Batch) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	taken := make(chan error, 1)
	go func() { taken <- s.drain(ctx, take) }()
	// What the socket has dropped is known only while it is open.
	stop := context.AfterFunc(ctx, func() { s.conn.SetReadDeadline(time.Unix(1, 0)) })
	err := s.read(ctx)
	stop()
	s.refuseRest()
	s.countDrops()
	s.conn.Close()
	s.mu.Lock()
	s.ended = true
	s.some.Broadcast()
	s.mu.Unlock()
	if refused := <-taken; refused != nil {
		return refused
	}
	return err
}

// read spools datagrams until ctx ends. When the spool is full it reads no more,
// and the socket drops what its own buffer has no room for.
func (s *SyslogUDP) read(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		s.ended = true
		s.room.Broadcast()
		s.mu.Unlock()
	})
	defer stop()
	origins := make(map[netip.Addr]line.Origin)
	datagram := make([]byte, maxDatagram)
	looked := time.Now()
	for ctx.Err() == nil {
		n, peer, err := s.conn.ReadFromUDPAddrPort(datagram)
		if ctx.Err() != nil {
			if err == nil {
				s.Counts.Refused.Add(1)
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("syslog on %s: %w", s.Addr(), err)
		}
		if now := time.Now(); now.Sub(looked) > dropsEvery {
			looked = now
			s.countDrops()
		}
		from, ok := origins[peer.Addr()]
		if !ok {
			if len(origins) >= maxPeers {
				clear(origins)
			}
			if from, err = s.Reading.Origin(fieldInput, s.name, fieldRemote, peer.Addr().Unmap().String()); err != nil {
				return err
			}
			origins[peer.Addr()] = from
		}
		s.add(datagram[:n], from)
	}
	return nil
}

// refuseRest counts what the socket holds at the end. A sender may go on sending:
// maxRest bounds how much is read where the socket cannot be shut.
func (s *SyslogUDP) refuseRest() {
	shutSocket(s.conn) // where it fails, maxRest ends it
	datagram := make([]byte, maxDatagram)
	for range maxRest {
		n, err := readWaiting(s.conn, datagram)
		if err != nil {
			return
		}
		if len(appendFrame(nil, datagram[:n])) == 0 {
			s.Counts.Empty.Add(1)
		} else {
			s.Counts.Refused.Add(1)
		}
	}
}

func (s *SyslogUDP) add(datagram []byte, from line.Origin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for (len(s.spool.lines)+len(datagram)+1 > maxSpool || len(s.spool.runs) >= maxRuns) && !s.ended {
		s.room.Wait()
	}
	if s.ended {
		s.Counts.Refused.Add(1)
		return
	}
	before := len(s.spool.lines)
	s.spool.lines = appendFrame(s.spool.lines, datagram)
	end := len(s.spool.lines)
	if end == before {
		s.Counts.Empty.Add(1)
		return
	}
	if n := len(s.spool.runs); n > 0 && s.spool.runs[n-1].from == from {
		s.spool.runs[n-1].end = end
	} else {
		s.spool.runs = append(s.spool.runs, spooled{from, end})
	}
	s.some.Signal()
}

// drain takes what is spooled, until the end.
func (s *SyslogUDP) drain(ctx context.Context, take func(context.Context, Batch) error) error {
	var batch spool
	events := map[line.Origin]*liveJoiner{} // by sender
	texts := budget{most: joinMemory}
	end := func() (err error) {
		for _, e := range events {
			err = cmp.Or(err, e.end(nil))
		}
		clear(events)
		return err
	}
	for {
		s.mu.Lock()
		for len(s.spool.runs) == 0 && !s.ended {
			s.some.Wait()
		}
		if len(s.spool.runs) == 0 {
			s.mu.Unlock()
			if err := end(); ctx.Err() == nil {
				return err
			}
			return nil
		}
		s.spool, batch = spool{batch.lines[:0], batch.runs[:0]}, s.spool
		s.room.Signal()
		s.mu.Unlock()
		start := 0
		for _, run := range batch.runs {
			lines := batch.lines[start:run.end]
			sender := events[run.from]
			if sender == nil {
				if len(events) >= maxPeers {
					if err := end(); err != nil {
						return err
					}
				}
				sender = s.Reading.live(ctx, run.from, &texts, take)
				events[run.from] = sender
			}
			if err := sender.add(lines); err != nil {
				s.end(countLines(batch.lines[start:]))
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
			s.Counts.Lines.Add(countLines(lines))
			start = run.end
		}
	}
}

// end gives up what is spooled, and n lines more.
func (s *SyslogUDP) end(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Counts.Refused.Add(n + countLines(s.spool.lines))
	s.spool = spool{}
	s.ended = true
	s.room.Broadcast()
	s.conn.SetReadDeadline(time.Unix(1, 0))
}

func (s *SyslogUDP) countDrops() {
	n, err := socketDrops(s.conn)
	if err != nil {
		return // the system does not say
	}
	if before := s.Counts.Dropped.Swap(n); n > before {
		s.notices.Warn("the UDP socket dropped datagrams: senders are faster than Kafka accepts lines",
			"input", s.name, "datagrams", n-before, "in all", n)
	}
}

func countLines(lines []byte) int64 { return int64(bytes.Count(lines, []byte{'\n'})) }
