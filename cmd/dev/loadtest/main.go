//go:build linux

// Loadtest measures what many clients of the dashboard's socket cost: how long
// after a value was published they have it, how much memory the server takes, and
// how soon all of them are back when they have been cut off. Some of the clients
// never read, some read 1 KB/s, and some check that each value comes. The others take
// little of the machine (crowd.go), since those of a real server have their own.
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
	"golang.org/x/sync/errgroup"

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

// socketPath is what clients ask for.
const socketPath = "/ws?points=together"

type load struct {
	clients, stats int
	checks         int // clients more, that know what has to come
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
	flag.IntVar(&l.checks, "checks", 20, "clients more that check each value")
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

	m := &measure{addr: strings.TrimPrefix(url, "http://")}
	if m.crowd, err = newCrowd(m.note, m.endedEarly); err != nil {
		return err
	}
	fmt.Printf("%d clients (%.0f %% never read, %.0f %% read 1 KB/s), %d values a second\n", l.clients, 100*l.mute, 100*l.slow, l.stats)
	took, err := m.connect(ctx, l, l.ramp)
	if err != nil {
		return err
	}
	fmt.Printf("connected: all had their first message %.1f s after the first began\n", took.Seconds())
	checks := make([]*check, l.checks)
	var all errgroup.Group
	for i := range checks {
		all.Go(func() (err error) {
			checks[i], err = m.check(l)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	before := m.usage(server.Process.Pid, url)
	m.begin()
	for _, c := range checks {
		c.bytes.Store(0)
	}
	peak := 0
	for end := time.Now().Add(l.lasting); time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(time.Second)
		peak = max(peak, resident(server.Process.Pid))
	}
	m.report()
	used := m.usage(server.Process.Pid, url)
	for i, c := range checks {
		told, err := c.told()
		if err != nil {
			return fmt.Errorf("a client that checks: %w", err)
		}
		if i == 0 {
			fmt.Printf("a browser gets %.0f bytes/s, compressed; %d that check: %s\n", float64(c.bytes.Load())/l.lasting.Seconds(), len(checks), told)
		}
	}
	used.since(before, l.clients, l.lasting)
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
			value := fmt.Append(nil, valueOf(i, second))
			if i == 0 {
				value = fmt.Appendf(nil, "%.3f", float64(now.UnixMilli())/1000)
			}
			s := stats.Snapshot{Stat: st.Name, Time: second, Value: value, Final: true, Version: names.Version}
			client.Produce(ctx, &kgo.Record{Topic: names.Table(), Key: []byte(st.Name), Value: topics.AppendTableSnapshots(nil, []stats.Snapshot{s})}, nil)
		}
	}
}

// valueOf is the value of a stat at a second, but of the first: a rate over 10 s.
func valueOf(stat int, second int64) float64 {
	return float64(rand.New(rand.NewPCG(uint64(stat), uint64(second))).IntN(5000)) / 10
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
	addr  string // of the server
	crowd *crowd // the clients that read
	mu    sync.Mutex
	conns []net.Conn      // the others
	lags  []time.Duration // of values that readers got, since they were published
	sent  []time.Duration // and since the server made the frame that has them

	measuring, leaving atomic.Bool
	ended              atomic.Int64
}

// note takes a message that came.
func (m *measure) note(came message, at time.Time) {
	if m.measuring.Load() {
		m.mu.Lock()
		m.lags, m.sent = append(m.lags, at.Sub(came.published)), append(m.sent, at.Sub(came.made))
		m.mu.Unlock()
	}
}

// endedEarly counts a client that ended by itself.
func (m *measure) endedEarly() {
	if !m.leaving.Load() {
		m.ended.Add(1)
	}
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
		from := net.IPv4(127, 0, 1, byte(i%100)) // a single local address has too few ports for many
		tickets <- struct{}{}
		opening.Add(1)
		reads := share >= l.mute+l.slow
		if reads {
			first.Add(1)
		}
		go func() {
			defer opening.Done()
			var err error
			if reads {
				if err = m.crowd.join(m.addr, from, first.Done); err != nil {
					first.Done()
				}
			} else {
				var conn *websocket.Conn
				if conn, err = m.dial(from, false, nil); err == nil && share >= l.mute {
					go crawl(conn.NetConn())
				}
			}
			<-tickets
			if err != nil && failed.Add(1) == 1 {
				fmt.Fprintln(os.Stderr, "loadtest: the first failure:", err)
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

// dial opens a socket from a local address; nil: from any. It counts what comes, if there is something to count it in.
func (m *measure) dial(from net.IP, compressed bool, bytes *atomic.Int64) (*websocket.Conn, error) {
	dialer := websocket.Dialer{
		HandshakeTimeout: 30 * time.Second, ReadBufferSize: 8 << 10, WriteBufferSize: 256, EnableCompression: compressed,
		NetDial: func(network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}).Dial(network, addr)
			if err != nil || bytes == nil {
				return conn, err
			}
			return countedConn{conn, bytes}, nil
		},
	}
	conn, _, err := dialer.Dial("ws://"+m.addr+socketPath, nil)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conns = append(m.conns, conn.NetConn())
	return conn, nil
}

// A check is a client that knows what has to come.
type check struct {
	stats int
	bytes atomic.Int64 // that came

	mu     sync.Mutex
	values map[int64]int // how many values of a second have come
	frames map[int64]int // and in how many frames
	newest int64
	err    error
}

// check opens a socket as browsers do, compressed, and checks what comes after its first messages.
func (m *measure) check(l *load) (*check, error) {
	c := &check{stats: l.stats, values: map[int64]int{}, frames: map[int64]int{}}
	conn, err := m.dial(nil, true, &c.bytes)
	if err != nil {
		return nil, err
	}
	take := func() (kind string, err error) {
		var frame struct {
			Type    string
			Last    bool
			Seconds [][]float64
		}
		if err := conn.ReadJSON(&frame); err != nil {
			return "", err
		}
		if frame.Type == "points" {
			err = c.take(frame.Seconds)
		}
		return frame.Type, err
	}
	for kind := ""; kind != "points"; {
		if kind, err = take(); err != nil {
			return nil, err
		}
	}
	go func() {
		for {
			if _, err := take(); err != nil {
				if !m.leaving.Load() {
					c.mu.Lock()
					c.err = err
					c.mu.Unlock()
				}
				return
			}
		}
	}()
	return c, nil
}

// take checks the values of a frame.
func (c *check) take(seconds [][]float64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range seconds {
		second, place := int64(s[0]), int(s[1])
		c.frames[second]++
		c.newest = max(c.newest, second)
		for i, v := range s[2:] {
			if stat := place + i; stat > 0 && v != valueOf(stat, second) {
				return fmt.Errorf("stat %d has %v at %d, and %v was published", stat, v, second, valueOf(stat, second))
			}
			c.values[second]++
		}
	}
	return nil
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

// told says what came, but of the first and the last second, which may be on their way.
func (c *check) told() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := c.newest
	for second := range c.values {
		first = min(first, second)
	}
	seconds, alone := 0, 0
	for second := first + 1; second < c.newest; second++ {
		if c.values[second] != c.stats && c.err == nil {
			c.err = fmt.Errorf("%d values of second %d came, and %d were published", c.values[second], second, c.stats)
		}
		seconds++
		if c.frames[second] == 1 {
			alone++
		}
	}
	return fmt.Sprintf("%d seconds, %d of them in one frame", seconds, alone), c.err
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
	m.crowd.leave()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, conn := range m.conns {
		conn.Close()
	}
	m.conns = nil
}

// used is what was used up to a moment.
type used struct {
	server, generator, clients time.Duration // of CPU time, in user and kernel mode
	frames                     float64       // that the server has made
}

// usage reads what a server has used, and this process, which has the broker, and of it the
// clients that read.
func (m *measure) usage(pid int, url string) used {
	frames, _ := strconv.ParseFloat(metric(url, "pulse_web_frames_total"), 64)
	return used{cpuTime(pid), cpuTime(os.Getpid()), time.Duration(m.crowd.used.Load()), frames}
}

// since tells what was used in so long a time for so many clients.
func (u used) since(before used, clients int, took time.Duration) {
	server, generator, frames := u.server-before.server, u.generator-before.generator, u.frames-before.frames
	share := func(d time.Duration) float64 { return 100 * d.Seconds() / took.Seconds() }
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / frames / float64(clients) }
	fmt.Printf("CPU: server %.0f %% of a core, load generator and broker %.0f %%; of %.0f frames for each client: server %.1f µs, the client itself %.1f µs\n",
		share(server), share(generator), frames, each(server), each(u.clients-before.clients))
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
