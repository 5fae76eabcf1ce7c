// Loadtest measures what many clients of the dashboard's socket cost: how long
// after a value was published they have it, how much memory the server takes, and
// how soon all of them are back when they have been cut off. Some of the clients
// never read, and some read 1 KB/s.
//
// It runs a broker, publishes one value of each stat a second to the merger's
// table, and runs the server as a process of its own.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/topics"
	"pulse/topics/broker"
	"pulse/web"
)

const (
	dialAtOnce  = 200                    // connections that are being opened
	headBytes   = 512                    // of a message, in which the first point is
	slowRead    = 100                    // bytes that a slow client takes each
	slowPause   = 100 * time.Millisecond // or 1 KB/s
	startWithin = 30 * time.Second
	backWithin  = 60 * time.Second
)

type load struct {
	clients, stats int
	mute, slow     float64
	lasting        time.Duration
	ramp           time.Duration
	serve          string // brokers: this process is the server
	addr           string
}

func main() {
	var l load
	flag.IntVar(&l.clients, "clients", 10_000, "how many")
	flag.IntVar(&l.stats, "stats", 161, "values a second")
	flag.Float64Var(&l.mute, "mute", 0.01, "share of the clients that never read")
	flag.Float64Var(&l.slow, "slow", 0.01, "share of the clients that read 1 KB/s")
	flag.DurationVar(&l.lasting, "for", 30*time.Second, "how long to measure")
	flag.DurationVar(&l.ramp, "ramp", 5*time.Second, "within which all clients connect again")
	flag.StringVar(&l.serve, "serve", "", "be the server, with these brokers (for itself)")
	flag.StringVar(&l.addr, "addr", "127.0.0.1:0", "of the server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	do := l.run
	if l.serve != "" {
		do = l.server
	}
	if err := do(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "loadtest:", err)
		os.Exit(1)
	}
}

// definitions are of so many rates.
func (l *load) definitions() *stats.Definitions {
	d := &stats.Definitions{}
	for i := range l.stats {
		name := fmt.Sprintf("requests-of-%03d-per-second", i)
		d.Stats = append(d.Stats, &stats.Stat{Name: name, Title: name, Unit: "/s", Kind: "rate", Per: 1, Window: 10})
	}
	return d
}

func (l *load) names() topics.Names {
	return topics.Names{Prefix: "load.", Version: l.definitions().Version()}
}

// server is the process that is measured. It writes its URL.
func (l *load) server(ctx context.Context) error {
	cluster, err := topics.ParseCluster(l.serve)
	if err != nil {
		return err
	}
	s, err := web.New(web.Config{Cluster: cluster, Names: l.names(), Definitions: l.definitions(), Addr: l.addr})
	if err != nil {
		return err
	}
	fmt.Println(s.URL())
	return s.Run(ctx)
}

func (l *load) run(ctx context.Context) error {
	b, err := broker.Start("127.0.0.1:0", "")
	if err != nil {
		return err
	}
	defer b.Close()
	cluster := topics.Cluster{Brokers: b.Addrs()}
	if err := topics.Ensure(ctx, cluster, l.names(), topics.Options{}); err != nil {
		return err
	}
	client, err := kgo.NewClient(cluster.ClientOptions("loadtest")...)
	if err != nil {
		return err
	}
	defer client.Close()
	go l.publish(ctx, client)

	server := exec.CommandContext(ctx, os.Args[0], "-serve", strings.Join(b.Addrs(), ","), "-stats", strconv.Itoa(l.stats))
	server.Stderr = os.Stderr
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) }
	server.WaitDelay = 10 * time.Second
	out, err := server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	defer func() {
		server.Process.Signal(os.Interrupt) //nolint:errcheck // it has ended already
		server.Wait()                       //nolint:errcheck // it was told to
	}()
	line := make([]byte, 256)
	n, err := out.Read(line)
	if err != nil {
		return fmt.Errorf("the server did not start: %w", err)
	}
	url := strings.TrimSpace(string(line[:n]))
	if err := ready(ctx, url); err != nil {
		return err
	}

	m := &measure{url: "ws" + strings.TrimPrefix(url, "http") + "/ws?points=together"}
	fmt.Printf("%d clients (%.0f %% never read, %.0f %% read 1 KB/s), %d values a second\n", l.clients, 100*l.mute, 100*l.slow, l.stats)
	took, err := m.connect(ctx, l, l.ramp)
	if err != nil {
		return err
	}
	fmt.Printf("connected: all had their first message %.1f s after the first began\n", took.Seconds())
	weigh, err := m.weigh()
	if err != nil {
		return err
	}
	before := usage(server.Process.Pid, url)
	m.begin()
	peak := 0
	for end := time.Now().Add(l.lasting); time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(time.Second)
		peak = max(peak, resident(server.Process.Pid))
	}
	m.report()
	fmt.Printf("a browser gets %.0f bytes/s, compressed\n", float64(weigh())/l.lasting.Seconds())
	usage(server.Process.Pid, url).since(before, l.clients, l.lasting)
	fmt.Printf("RSS of the server: %d MB at most; clients that ended though they read: %d\n", peak>>20, m.ended.Load())
	fmt.Print(metrics(url))

	m.hangUp()
	took, err = m.connect(ctx, l, l.ramp)
	if err != nil {
		return err
	}
	fmt.Printf("connected again within %v: all had their first message %.1f s after the first began; RSS %d MB\n", l.ramp, took.Seconds(), resident(server.Process.Pid)>>20)
	m.hangUp()
	return nil
}

// publish writes each second a value of every stat; that of the first is when it
// was written.
func (l *load) publish(ctx context.Context, client *kgo.Client) {
	names := l.names()
	for second := time.Now().Unix(); ctx.Err() == nil; second++ {
		time.Sleep(time.Until(time.Unix(second+1, 0)))
		now := time.Now()
		for i, st := range l.definitions().Stats {
			value := fmt.Appendf(nil, "%.1f", 500*rand.Float64()) // a rate over 10 s
			if i == 0 {
				value = fmt.Appendf(nil, "%.3f", float64(now.UnixMilli())/1000)
			}
			s := stats.Snapshot{Stat: st.Name, Time: second, Value: value, Final: true, Version: names.Version}
			client.Produce(ctx, &kgo.Record{Topic: names.Table(), Key: []byte(st.Name), Value: topics.AppendTableSnapshots(nil, []stats.Snapshot{s})}, nil)
		}
	}
}

func ready(ctx context.Context, url string) error {
	for deadline := time.Now().Add(startWithin); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		if answer, err := http.Get(url + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	return errors.New("the server was not ready in time")
}

// measure has the clients and what they saw.
type measure struct {
	url   string
	mu    sync.Mutex
	conns []*websocket.Conn
	lags  []time.Duration // of values that readers got, since they were published
	sent  []time.Duration // and since the server made the frame that has them

	measuring, leaving atomic.Bool
	ended              atomic.Int64
}

// connect opens the clients evenly within a time, and waits for the first message
// of each of those that read at full speed.
func (m *measure) connect(ctx context.Context, l *load, within time.Duration) (time.Duration, error) {
	m.leaving.Store(false)
	var first, opening sync.WaitGroup
	var failed atomic.Int64
	tickets := make(chan struct{}, dialAtOnce)
	start := time.Now()
	for i := range l.clients {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		time.Sleep(time.Until(start.Add(within * time.Duration(i) / time.Duration(l.clients))))
		share := float64(i%1000) / 1000
		tickets <- struct{}{}
		opening.Add(1)
		if share >= l.mute+l.slow {
			first.Add(1)
		}
		go func() {
			defer opening.Done()
			conn, err := m.dial(i)
			<-tickets
			reads := share >= l.mute+l.slow
			switch {
			case err != nil:
				if failed.Add(1) == 1 {
					fmt.Fprintln(os.Stderr, "loadtest: the first failure:", err)
				}
				if reads {
					first.Done()
				}
			case reads:
				go m.read(conn, sync.OnceFunc(first.Done))
			case share >= l.mute:
				go crawl(conn.NetConn())
			}
		}()
	}
	opening.Wait()
	done := make(chan struct{})
	go func() {
		first.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(backWithin):
		return 0, fmt.Errorf("not all clients had a message after %v", backWithin)
	}
	if n := failed.Load(); n > 0 {
		return 0, fmt.Errorf("%d clients could not connect; each needs a file here and one in the server (ulimit -n)", n)
	}
	return time.Since(start), nil
}

// dial opens a socket; a single local address has too few ports for many.
func (m *measure) dial(i int) (*websocket.Conn, error) {
	dialer := websocket.Dialer{
		HandshakeTimeout: 30 * time.Second, ReadBufferSize: 8 << 10, WriteBufferSize: 256,
		NetDial: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i%100))}}).Dial,
	}
	conn, _, err := dialer.Dial(m.url, nil)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conns = append(m.conns, conn)
	return conn, nil
}

// weigh opens a socket as browsers do, compressed, and takes its first messages. It returns a
// function that tells how many bytes came since then.
func (m *measure) weigh() (func() int64, error) {
	var bytes atomic.Int64
	dialer := websocket.Dialer{HandshakeTimeout: 30 * time.Second, EnableCompression: true, NetDial: func(network, addr string) (net.Conn, error) {
		conn, err := net.Dial(network, addr)
		return countedConn{conn, &bytes}, err
	}}
	conn, _, err := dialer.Dial(m.url, nil)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.conns = append(m.conns, conn)
	m.mu.Unlock()
	for text := []byte(nil); !strings.Contains(string(text), `"type":"points"`); {
		if _, text, err = conn.ReadMessage(); err != nil {
			return nil, err
		}
	}
	bytes.Store(0)
	go func() {
		for err == nil {
			_, _, err = conn.NextReader()
		}
	}()
	return bytes.Load, nil
}

// A countedConn counts what is read.
type countedConn struct {
	net.Conn
	bytes *atomic.Int64
}

func (c countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.bytes.Add(int64(n))
	return n, err
}

// read takes messages, and how late they are.
func (m *measure) read(conn *websocket.Conn, heard func()) {
	defer heard()
	head := make([]byte, headBytes)
	for {
		_, r, err := conn.NextReader()
		if err == nil {
			var n int
			n, err = io.ReadFull(r, head)
			now := time.Now()
			heard()
			if at, made, ok := published(head[:n]); ok && m.measuring.Load() {
				m.mu.Lock()
				m.lags, m.sent = append(m.lags, now.Sub(at)), append(m.sent, now.Sub(made))
				m.mu.Unlock()
			}
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			} else if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
				err = nil
			}
		}
		if err != nil {
			if !m.leaving.Load() {
				m.ended.Add(1)
			}
			return
		}
	}
}

// published reads when the first stat's value was written, and the frame made, of
// a frame that has one.
func published(head []byte) (at, made time.Time, ok bool) {
	at, ok = timeAfter(head, `"seconds":[[`, ",0,", ",")
	if !ok {
		return at, made, false
	}
	made, ok = timeAfter(head, `"now"`, ":", ",")
	return at, made, ok
}

// timeAfter reads the seconds between two texts, the first of them after another.
func timeAfter(b []byte, before, start, end string) (time.Time, bool) {
	_, b, _ = bytes.Cut(b, []byte(before))
	_, b, _ = bytes.Cut(b, []byte(start))
	text, _, ok := bytes.Cut(b, []byte(end))
	seconds, err := strconv.ParseFloat(string(text), 64)
	return time.UnixMilli(int64(math.Round(seconds * 1000))), ok && err == nil
}

// crawl reads 1 KB/s.
func crawl(conn net.Conn) {
	b := make([]byte, slowRead)
	for {
		if _, err := conn.Read(b); err != nil {
			return
		}
		time.Sleep(slowPause)
	}
}

func (m *measure) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lags, m.sent = nil, nil
	m.measuring.Store(true)
}

func (m *measure) report() {
	m.measuring.Store(false)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range []struct {
		since string
		lags  []time.Duration
	}{{"it was published", m.lags}, {"its frame was made", m.sent}} {
		if len(c.lags) == 0 {
			fmt.Println("no value came")
			return
		}
		slices.Sort(c.lags)
		at := func(q float64) time.Duration { return c.lags[int(q*float64(len(c.lags)-1))].Round(time.Millisecond) }
		fmt.Printf("a value came, since %s, after: p50 %v, p90 %v, p99 %v, most %v (%d deliveries)\n", c.since, at(0.5), at(0.9), at(0.99), at(1), len(c.lags))
	}
}

// hangUp ends all clients.
func (m *measure) hangUp() {
	m.leaving.Store(true)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, conn := range m.conns {
		conn.Close()
	}
	m.conns = nil
}

// used is what was used up to a moment.
type used struct {
	server, generator time.Duration // of CPU time, in user and kernel mode
	frames            float64       // that the server has made
}

// usage reads what a server has used, and this process, which has the broker and the clients.
func usage(pid int, url string) used {
	frames, _ := strconv.ParseFloat(metric(url, "pulse_web_frames_total"), 64)
	return used{cpuTime(pid), cpuTime(os.Getpid()), frames}
}

// since tells what was used in so long a time for so many clients.
func (u used) since(before used, clients int, took time.Duration) {
	server, generator, frames := u.server-before.server, u.generator-before.generator, u.frames-before.frames
	share := func(d time.Duration) float64 { return 100 * d.Seconds() / took.Seconds() }
	fmt.Printf("CPU: server %.0f %% of a core, load generator and broker %.0f %%; server %.1f µs for each of %.0f frames and each client\n",
		share(server), share(generator), float64(server.Microseconds())/frames/float64(clients), frames)
}

// clockTick is the unit of a process's times, which is the same on all Linux systems.
const clockTick = time.Second / 100

// cpuTime is the CPU time that a process has taken, 0 where the system does not tell.
func cpuTime(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// After the name, which ends with the last parenthesis, user and system time are the 12th and 13th.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * clockTick
}

// resident is the memory of a process in bytes, 0 where the system does not tell.
func resident(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return pages * os.Getpagesize()
}

// metric is the value of one of the server's metrics.
func metric(url, name string) string {
	for line := range strings.Lines(metrics(url)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// metrics are those of the server that are about clients and frames.
func metrics(url string) string {
	answer, err := http.Get(url + "/metrics")
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return ""
	}
	var lines strings.Builder
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "pulse_web_clients") || strings.HasPrefix(line, "pulse_web_frames") {
			lines.WriteString(line)
		}
	}
	return lines.String()
}
