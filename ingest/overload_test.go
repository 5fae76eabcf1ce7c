package ingest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/topicstest"
)

var (
	overloadFor = flag.Duration("overload", time.Second, "how long TestOverload sends five times what is taken")
	idleSenders = flag.Int("idle", 3000, "how many connections TestIdleConnections opens; 10000 needs ulimit -n 20000")
)

// overloadMemory bounds what an ingester may take up in all, whatever it is sent: 64 MiB
// of bodies, 64 MiB that Kafka has not acknowledged, some 100 MiB for packing,
// compressing and 2,000 connections, as much again for the garbage collector, and half
// of all that for what the system counts beside it.
const overloadMemory = 768 << 20

// overloadFactor is how many times what the ingester takes it is sent.
const overloadFactor = 5

// childOverload is the environment variable that makes TestOverloadChild an ingester: of
// which input.
const childOverload = "PULSE_TEST_CHILD_OVERLOAD"

// An inputAccount is what an ingester that was overloaded says in the end.
type inputAccount struct {
	Lines, Refused, Unsure, Repeated   int64
	Dropped, Empty                     int64
	Connections, Cut, Over, PeakMemory int64
}

// TestOverloadChild is an ingester in a process of its own, so that its memory can be
// told from the senders'. It prints where it listens, and its account at SIGTERM.
func TestOverloadChild(t *testing.T) {
	input := os.Getenv(childOverload)
	if input == "" {
		t.Skip("it is run by TestOverload and TestIdleConnections")
	}
	raiseFiles(t)
	cluster, err := topics.ParseCluster(os.Getenv(childBrokers))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.DiscardHandler)
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	var in Input
	var address net.Addr
	var account func() inputAccount
	switch input {
	case "drain":
		d, err := NewDrain(input, listen(), nil, testSources, log)
		if err != nil {
			t.Fatal(err)
		}
		in, address = d, d.Addr()
		account = func() inputAccount {
			n := &d.Counts
			return inputAccount{Lines: n.Accepted.Load(), Refused: n.Refused.Load(), Unsure: n.Unsure.Load(), Repeated: n.Repeated.Load(), Over: n.Over.Load()}
		}
	case "syslog-tcp":
		s := NewSyslog(input, listen(), nil, log)
		in, address = s, s.Addr()
		account = func() inputAccount {
			n := &s.Counts
			return inputAccount{Lines: n.Lines.Load(), Connections: n.Connections.Load(), Cut: n.Cut.Load(), Over: n.Over.Load()}
		}
	case "syslog-udp":
		s := NewSyslogUDP(input, listenUDP(t), log)
		in, address = s, s.Addr()
		account = func() inputAccount {
			n := &s.Counts
			return inputAccount{Lines: n.Lines.Load(), Empty: n.Empty.Load(), Refused: n.Refused.Load(), Dropped: n.Dropped.Load()}
		}
	}
	names := topics.Names{Prefix: os.Getenv(childPrefix), Version: "g"}
	producer, err := NewProducer(ctx, cluster, names, log)
	if err != nil {
		t.Fatal(err)
	}
	// Each SIGUSR1 asks for the account so far.
	ask := make(chan os.Signal, 1)
	signal.Notify(ask, syscall.SIGUSR1)
	said := json.NewEncoder(os.Stdout)
	said.Encode(address.String())
	go func() {
		for range ask {
			said.Encode(account())
		}
	}()
	if err := (Live{Inputs: []Input{in}, Lateness: 2}).Run(ctx, producer); err != nil {
		t.Error(err)
	}
	flush, cancel := context.WithTimeout(context.Background(), testkit.Patience())
	defer cancel()
	if err := producer.Close(flush); err != nil {
		t.Error(err)
	}
	signal.Stop(ask)
	close(ask)
	last := account()
	last.PeakMemory = statusBytes(t, os.Getpid(), "VmHWM")
	said.Encode(last)
}

// raiseFiles lets the process open as many files as it may.
func raiseFiles(t *testing.T) (most uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return limit.Cur
}

// statusBytes is a line of a process' /proc/PID/status, in bytes; 0 if the system has
// none.
func statusBytes(t *testing.T, pid int, key string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for l := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(l, key+":"); ok {
			kib, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				t.Fatalf("/proc says %q", l)
			}
			return kib << 10
		}
	}
	return 0
}

// An overloaded is an ingester in another process.
type overloaded struct {
	t       *testing.T
	cmd     *exec.Cmd
	said    *json.Decoder
	address string
}

func startOverloaded(t *testing.T, cluster topics.Cluster, prefix, input string) *overloaded {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestOverloadChild$")
	cmd.Env = append(os.Environ(), childOverload+"="+input, childBrokers+"="+strings.Join(cluster.Brokers, ","), childPrefix+"="+prefix)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	o := &overloaded{t: t, cmd: cmd, said: json.NewDecoder(bufio.NewReader(out))}
	if err := o.said.Decode(&o.address); err != nil {
		t.Fatalf("the ingester did not start: %v", err)
	}
	return o
}

func (o *overloaded) account() (a inputAccount) {
	o.t.Helper()
	o.cmd.Process.Signal(syscall.SIGUSR1)
	if err := o.said.Decode(&a); err != nil {
		o.t.Fatal(err)
	}
	return a
}

func (o *overloaded) stop() (a inputAccount) {
	o.t.Helper()
	o.cmd.Process.Signal(syscall.SIGTERM)
	if err := o.said.Decode(&a); err != nil {
		o.t.Fatalf("the ingester did not give its account: %v", err)
	}
	return a
}

// TestOverload sends five times what an ingester takes on this machine, for -overload
// (two minutes in the long form). Every event is accounted for: what was accepted is in
// Kafka, and with what was refused it is what was sent.
func TestOverload(t *testing.T) {
	testkit.Long(t)
	for input, overload := range map[string]func(*testing.T, *overloaded) (sent, refused int64){
		"drain": overloadDrain, "syslog-tcp": overloadTCP, "syslog-udp": overloadUDP,
	} {
		t.Run(input, func(t *testing.T) {
			cluster, prefix := topicstest.Cluster(t)
			names := topics.Names{Prefix: prefix, Version: "g"}
			topicstest.Ensure(t, cluster, names, 4)
			o := startOverloaded(t, cluster, prefix, input)
			sent, refused := overload(t, o)
			a := o.stop()
			in := countCommitted(t, cluster, names.Raw())
			t.Logf("sent %d: accepted %d, refused %d, dropped %d, unsure %d; in Kafka %d; the ingester's memory at its peak %d MiB",
				sent, a.Lines, a.Refused, a.Dropped, a.Unsure, in, a.PeakMemory>>20)
			if a.Lines+a.Refused+a.Dropped+a.Unsure+a.Empty+a.Repeated != sent {
				t.Errorf("accepted + refused is %d less than sent", sent-a.Lines-a.Refused-a.Dropped-a.Unsure-a.Empty-a.Repeated)
			}
			if refused >= 0 && a.Refused+a.Unsure != refused {
				t.Errorf("senders were told that %d are refused, and %d are", refused, a.Refused+a.Unsure)
			}
			if in < a.Lines || in > a.Lines+a.Unsure {
				t.Errorf("%d lines are in Kafka, of %d accepted and %d unsure", in, a.Lines, a.Unsure)
			}
			if a.PeakMemory > overloadMemory && !raceDetector {
				t.Errorf("the ingester took up %d bytes, more than %d", a.PeakMemory, overloadMemory)
			}
		})
	}
}

// overloadDrain posts compressed bodies, which cost the senders little: first as fast
// as they are answered, then at five times that pace.
func overloadDrain(t *testing.T, o *overloaded) (sent, refused int64) {
	const lines = 8000
	var frames strings.Builder
	for n := range lines {
		frames.WriteString(frame(fmt.Sprintf("%s n=%d\n", routerLine, n)))
	}
	body := pack(t, "gzip", []byte(frames.String()))
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: testkit.Patience()}
	var all, no atomic.Int64
	one := func() {
		r, _ := http.NewRequest("POST", "http://"+o.address+"/logs", strings.NewReader(body))
		r.Header = post("").Header.Clone()
		r.Header.Set("Content-Encoding", "gzip")
		r.Header.Set("Logplex-Msg-Count", strconv.Itoa(lines))
		all.Add(lines)
		w, err := client.Do(r)
		if err != nil {
			t.Errorf("a request got no answer: %v", err)
			return
		}
		io.Copy(io.Discard, w.Body)
		w.Body.Close()
		switch w.StatusCode {
		case http.StatusNoContent:
		case http.StatusServiceUnavailable:
			no.Add(lines)
		default:
			t.Errorf("answered %d", w.StatusCode)
		}
	}
	var wg sync.WaitGroup
	began := time.Now()
	for range 8 {
		wg.Go(func() {
			for time.Since(began) < max(time.Second, *overloadFor/12) {
				one()
			}
		})
	}
	wg.Wait()
	capacity := float64(o.account().Lines) / time.Since(began).Seconds()

	pace := time.Duration(float64(lines) / (overloadFactor * capacity) * float64(time.Second))
	before, asked := o.account().Lines, all.Load()
	began = time.Now()
	room := make(chan struct{}, 2000) // requests at a time
	due := time.NewTimer(0)
	for n := time.Duration(0); n*pace < *overloadFor; n++ {
		due.Reset(time.Until(began.Add(n * pace)))
		<-due.C
		room <- struct{}{}
		wg.Go(func() { one(); <-room })
	}
	took := time.Since(began).Seconds()
	offered := float64(all.Load()-asked) / took
	wg.Wait()
	t.Logf("alone it takes %.0f lines/s; for %.1f s it was sent %.0f lines/s, %.1f times that, and took %.0f lines/s",
		capacity, took, offered, offered/capacity, float64(o.account().Lines-before)/took)
	if no.Load() == 0 && *overloadFor >= time.Minute { // a glance does not tell the pace exactly
		t.Error("nothing was refused: no overload")
	}
	return all.Load(), no.Load()
}

// overloadTCP has connections that send as fast as they are read.
func overloadTCP(t *testing.T, o *overloaded) (sent, refused int64) {
	const lines = 500
	text := []byte(strings.Repeat(routerLine+"\n", lines))
	flood := func(address string, length time.Duration) (sent int64) {
		var all atomic.Int64
		var wg sync.WaitGroup
		began := time.Now()
		for range 64 {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				defer c.Close()
				for time.Since(began) < length {
					if _, err := c.Write(text); err != nil {
						t.Errorf("a sender was cut off: %v", err)
						return
					}
					all.Add(lines)
				}
			})
		}
		wg.Wait()
		return all.Load()
	}
	// What the senders could: to somebody who only reads.
	sink, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	go func() {
		for {
			c, err := sink.Accept()
			if err != nil {
				return
			}
			go io.Copy(io.Discard, c)
		}
	}()
	const glance = 500 * time.Millisecond
	able := float64(flood(sink.Addr().String(), glance)) / glance.Seconds()
	sent = flood(o.address, *overloadFor)
	testkit.Eventually(t, "all that was sent is taken", func() error { return atLeast(o.account().Lines, sent) })
	t.Logf("senders were slowed down from %.0f to %.0f lines/s, to one in %.1f", able, float64(sent)/overloadFor.Seconds(), able*overloadFor.Seconds()/float64(sent))
	return sent, 0
}

// overloadUDP sends datagrams as fast as the system lets it.
func overloadUDP(t *testing.T, o *overloaded) (sent, refused int64) {
	c, err := net.Dial("udp", o.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	datagram := []byte(routerLine)
	for began := time.Now(); sent%1000 != 0 || time.Since(began) < *overloadFor; {
		if _, err := c.Write(datagram); err == nil {
			sent++
		}
	}
	return sent, -1 // what the socket still holds is counted at the end
}

// countCommitted counts the lines that a topic holds now.
func countCommitted(t *testing.T, cluster topics.Cluster, topic string) (lines int64) {
	t.Helper()
	topicstest.Read(t, cluster, topic, func(r *kgo.Record) {
		if len(r.Value) > 0 {
			lines += int64(bytes.Count(bytes.TrimSuffix(r.Value, []byte("\n")), []byte("\n"))) + 1
		}
	})
	return lines
}

// TestIdleConnections opens many connections that send nothing, or half a message, and
// measures what each takes up. A sender that behaves is served all the while.
func TestIdleConnections(t *testing.T) {
	testkit.Long(t)
	if files := raiseFiles(t); files < uint64(*idleSenders)+100 {
		testkit.Missing(t, fmt.Sprintf("only %d files may be open", files))
	}
	for _, test := range []struct{ name, input, sent, honest string }{
		{"syslog-tcp, silent", "syslog-tcp", "", routerLine + "\n"},
		{"syslog-tcp, half a message", "syslog-tcp", "<13>1 " + strings.Repeat("x", 60_000), routerLine + "\n"},
		{"drain, silent", "drain", "", ""},
		{"drain, half a body", "drain", "POST /logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/logplex-1\r\nContent-Length: 1000000\r\nLogplex-Drain-Token: " + testSources[0].Token + "\r\n\r\n100 <13>1 ", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			cluster, prefix := topicstest.Cluster(t)
			names := topics.Names{Prefix: prefix, Version: "g"}
			topicstest.Ensure(t, cluster, names, 4)
			o := startOverloaded(t, cluster, prefix, test.input)
			sendHonest := func() {
				t.Helper()
				if test.input == "drain" {
					r, _ := http.NewRequest("POST", "http://"+o.address+"/logs", strings.NewReader(frame(routerLine+"\n")))
					r.Header = post("").Header.Clone()
					r.Close = true
					w, err := http.DefaultClient.Do(r)
					if err != nil || w.StatusCode != http.StatusNoContent {
						t.Fatalf("the honest sender: %v, %v", w, err)
					}
					return
				}
				before := o.account().Lines
				c, err := net.Dial("tcp", o.address)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				io.WriteString(c, test.honest)
				testkit.Eventually(t, "the honest sender's line is taken", func() error { return atLeast(o.account().Lines, before+1) })
			}
			sendHonest()
			before := statusBytes(t, o.cmd.Process.Pid, "VmRSS")
			if before == 0 {
				testkit.Missing(t, "the system does not say how much memory a process takes up")
			}
			began := time.Now()
			var all []net.Conn
			for range *idleSenders {
				c, err := net.Dial("tcp", o.address)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				io.WriteString(c, test.sent)
				all = append(all, c)
			}
			sendHonest()
			each := (statusBytes(t, o.cmd.Process.Pid, "VmRSS") - before) / int64(*idleSenders)
			t.Logf("each of %d connections takes up %d bytes", *idleSenders, each)
			if each > 64<<10 && !raceDetector {
				t.Errorf("each of %d connections takes up %d bytes, more than 64 KiB", *idleSenders, each)
			}
			if *idleSenders < 10_000 {
				return // TestSyslogCuts and TestDrainConnections have the times
			}
			for _, c := range all {
				c.SetReadDeadline(time.Now().Add(testkit.Patience()))
				io.Copy(io.Discard, c)
			}
			t.Logf("all are cut %v after the first came", time.Since(began).Round(time.Second))
			sendHonest()
		})
	}
}
