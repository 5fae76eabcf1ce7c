package ingest

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"pulse/cmd/dev/testkit"
)

const exportMethod = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"

// serveGRPC runs an input of OTLP over gRPC that lets connections in, and returns a client
// that sends bytes.
func serveGRPC(t *testing.T, k *taker, connections int) (*Drain, *grpc.ClientConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	speaks := *otlpGRPC
	speaks.connections = connections
	d, err := newDrainOf(&speaks, speaks.name, listener, nil, testSources, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(runInput(t, d, k))
	return d, dialGRPC(t, d)
}

func dialGRPC(t *testing.T, d *Drain) *grpc.ClientConn {
	t.Helper()
	c, err := grpc.NewClient(d.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(bytesCodec{})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestGRPC sends what senders send, and wants lines and answers.
func TestGRPC(t *testing.T) {
	shop := "Bearer " + testSources[0].Token
	record := func(text string) string { return protobuf(2, protobuf(5, protobuf(1, text))) }
	hi := protobuf(1, protobuf(2, record("hi")))
	for _, test := range []struct {
		name, method, authorization, body string
		gzip                              bool
		fail                              error
		busy                              bool
		code                              codes.Code
		says                              string
		again                             bool
		lines                             []string
		reply                             string
		rejected                          int64
	}{
		{name: "records", body: hi, lines: []string{`{"body":"hi"}`}},
		{name: "gzip", body: hi, gzip: true, lines: []string{`{"body":"hi"}`}},
		{name: "nothing"},
		{name: "by password", authorization: "Basic bG9nczpodW50ZXIy", body: hi, lines: []string{`{"body":"hi"}`}},
		{name: "a record that is too long", body: protobuf(1, protobuf(2, record(strings.Repeat("x", maxLine+1))+record("hi"))), lines: []string{`{"body":"hi"}`},
			rejected: 1, reply: protobuf(1, protobuf(1, 1, 2, "a log record is longer than 65536 bytes"))},
		{name: "a wrong token", authorization: "Bearer x", body: hi, code: codes.Unauthenticated, says: unauthorized},
		{name: "no token", authorization: "-", body: hi, code: codes.Unauthenticated, says: unauthorized},
		{name: "no OTLP", body: "\x0a\xff", code: codes.InvalidArgument, says: "the body is not an OTLP ExportLogsServiceRequest"},
		{name: "too large", body: strings.Repeat("x", grpcBody+1), code: codes.ResourceExhausted, says: "larger than max (4194305 vs. 4194304)"},
		{name: "too large when it is unpacked", body: strings.Repeat("x", grpcBody+1), gzip: true, code: codes.ResourceExhausted, says: "larger than max 4194304"},
		{name: "Kafka is away", body: hi, fail: io.ErrClosedPipe, code: codes.Unavailable, says: away, again: true, rejected: 1},
		{name: "no memory is left", body: hi, busy: true, code: codes.Unavailable, says: "send again later", again: true},
		{name: "traces", method: "/opentelemetry.proto.collector.trace.v1.TraceService/Export", code: codes.Unimplemented, says: "unknown service", body: hi},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := &taker{fail: test.fail}
			d, c := serveGRPC(t, k, 1)
			if test.busy {
				d.memory.most = grpcReceiving - 1
			}
			ctx := t.Context()
			switch test.authorization {
			case "":
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", shop)
			case "-":
			default:
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", test.authorization)
			}
			method := exportMethod
			if test.method != "" {
				method = test.method
			}
			var options []grpc.CallOption
			if test.gzip {
				options = append(options, grpc.UseCompressor("gzip"))
			}
			var reply []byte
			err := c.Invoke(ctx, method, []byte(test.body), &reply, options...)
			answer := status.Convert(err)
			if answer.Code() != test.code || !strings.Contains(answer.Message(), test.says) {
				t.Errorf("answered %v: %q, want %v: %q", answer.Code(), answer.Message(), test.code, test.says)
			}
			again := slices.ContainsFunc(answer.Details(), func(detail any) bool {
				info, ok := detail.(*errdetails.RetryInfo)
				return ok && info.RetryDelay.AsDuration() == time.Second
			})
			if again != test.again {
				t.Errorf("the sender is told when to send again: %v, want %v", again, test.again)
			}
			if string(reply) != test.reply {
				t.Errorf("answered %q, want %q", reply, test.reply)
			}
			if test.fail == nil && !slices.Equal(k.taken(), test.lines) {
				t.Errorf("got lines %q, want %q", k.taken(), test.lines)
			}
			if got, refused := d.Counts.Accepted.Load(), d.Counts.Refused.Load(); got != int64(len(test.lines)) || refused != test.rejected {
				t.Errorf("%d lines are accepted and %d refused, want %d and %d", got, refused, len(test.lines), test.rejected)
			}
			if denied := d.Counts.Denied.Load() == 1; denied != (test.code == codes.Unauthenticated) {
				t.Errorf("the request is denied: %v", denied)
			}
			testkit.Eventually(t, "no memory is held", func() error {
				if held := d.memory.used.Load(); held != 0 {
					return fmt.Errorf("%d bytes are", held)
				}
				return nil
			})
		})
	}
}

// TestGRPCBounds: a connection has so many requests at a time, an input so many connections
// and messages that are being received; the others wait, or are closed, and are then served.
func TestGRPCBounds(t *testing.T) {
	k := &taker{hold: true}
	d, c := serveGRPC(t, k, 1)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+testSources[0].Token)
	answers := make(chan error)
	body := []byte(protobuf(1, protobuf(2, protobuf(2, protobuf(5, protobuf(1, "hi"))))))
	for range grpcStreams + 1 {
		go func() {
			var reply []byte
			answers <- c.Invoke(ctx, exportMethod, body, &reply)
		}()
	}
	taken := func(want int) {
		t.Helper()
		testkit.Eventually(t, "requests are taken", func() error { return atLeast(int64(len(k.taken())), int64(want)) })
	}
	taken(grpcStreams)
	if err := dialGRPC(t, d).Invoke(ctx, exportMethod, body, new([]byte)); status.Code(err) != codes.Unavailable {
		t.Errorf("a second connection is answered with %v", err)
	}
	if got := d.Counts.Requests.Load(); got != grpcStreams || d.Counts.Over.Load() == 0 {
		t.Errorf("%d requests of one connection are served at a time, want %d; %d connections were closed", got, grpcStreams, d.Counts.Over.Load())
	}
	k.release(nil)
	taken(grpcStreams + 1)
	k.release(nil)
	for range grpcStreams + 1 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

// TestGRPCAndHTTP: who sends gRPC to the port for HTTP, or HTTP to the one for gRPC, fails, and
// the log says why.
func TestGRPCAndHTTP(t *testing.T) {
	for _, test := range []struct {
		speaks *dialect
		send   func(d *Drain) // and fails
		says   string
	}{
		{otlp, func(d *Drain) {
			if err := dialGRPC(t, d).Invoke(t.Context(), exportMethod, []byte{}, new([]byte)); status.Code(err) != codes.Unavailable {
				t.Errorf("gRPC to the port for HTTP: %v", err)
			}
		}, "send OTLP over gRPC to --otlp-grpc"},
		{otlpGRPC, func(d *Drain) {
			response, err := http.Post("http://"+d.Addr().String()+"/v1/logs", jsonMedia, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "--otlp,") {
				t.Errorf("HTTP to the port for gRPC: %s %q (%v)", response.Status, body, err)
			}
		}, "send OTLP over HTTP to --otlp,"},
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		d, err := newDrainOf(test.speaks, test.speaks.name, listener, nil, testSources, slog.New(slog.NewTextHandler(&said, nil)))
		if err != nil {
			t.Fatal(err)
		}
		stop := runInput(t, d, &taker{})
		test.send(d)
		stop()
		if !strings.Contains(said.String(), test.says) || d.Counts.Requests.Load() == 0 {
			t.Errorf("%s counted %d requests, and logged %q, want %q", test.speaks.name, d.Counts.Requests.Load(), &said, test.says)
		}
	}
}

// A silentStream is of a client that never sends its message.
type silentStream struct {
	grpc.ServerStream
	ended chan struct{}
}

func (s silentStream) RecvMsg(any) error {
	<-s.ended
	return errors.New("the request has ended")
}

// TestGRPCSlow: who does not send its message is not waited for, and holds no room.
func TestGRPCSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDrainSpeaking(t, otlpGRPC)
		silent := silentStream{ended: make(chan struct{})}
		answers := make(chan error)
		for range grpcReceived + 1 {
			go func() {
				_, err := d.receive(silent)
				answers <- err
			}()
		}
		busy, late := 0, 0
		for range grpcReceived + 1 {
			switch err := <-answers; d.unreadable(err, 0).status {
			case 503:
				busy++
			case 408:
				late++
			}
		}
		if busy != 1 || late != grpcReceived || d.memory.used.Load() != 0 {
			t.Errorf("%d are late and %d not served, and %d bytes held", late, busy, d.memory.used.Load())
		}
		close(silent.ended)
		synctest.Wait()
		if got := len(d.receiving); got != 0 {
			t.Errorf("%d messages are still being received", got)
		}
	})
}
