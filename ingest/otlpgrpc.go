package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // what exporters compress with
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"pulse/topics"
)

const (
	// grpcBody bounds a message, as it comes and unpacked. It is what servers of gRPC take
	// by default, which exporters are set for.
	grpcBody = 4 << 20

	// grpcReceived bounds the messages that are received at a time, each of which takes up
	// grpcReceiving bytes at most meanwhile: the message, and what it is unpacked or copied to.
	grpcReceived  = 8
	grpcReceiving = 2 * grpcBody

	// A connection has grpcStreams requests at a time, and holds grpcWindow bytes of those
	// that are not received yet.
	grpcConnections = 1024
	grpcStreams     = 16
	grpcWindow      = 128 << 10

	// grpcPings is how often a client may ask whether the server is there; it is cut if it
	// asks more often.
	grpcPings = 5 * time.Second
)

var otlpGRPCKind = drainOf(otlpGRPC)

// otlpGRPC is the dialect of OpenTelemetry's exporters over gRPC. Its lines are those of otlp.
var otlpGRPC = &dialect{
	name: "otlp-grpc",
	help: "accept OpenTelemetry logs (OTLP over gRPC) on this `address`, over TLS with --tls-cert",
	doc: KindDoc{"`otlp-grpc`", "`input`, `drain` (the source), `remote`, and the source's",
		"Unavailable with RetryInfo: the exporter sends again", "nothing: OK comes after Kafka's acknowledgement"},
	grpc: true, connections: grpcConnections,
	body: grpcBody, unpacked: grpcBody, memory: shippersMemory,
	token: bearer, unwrap: "json:body",
	read: readOTLP,
}

// runGRPC is Run for senders who speak gRPC.
func (d *Drain) runGRPC(ctx context.Context, take func(context.Context, Batch) error) error {
	server := grpc.NewServer(
		grpc.ForceServerCodecV2(bytesCodec{}),
		grpc.MaxRecvMsgSize(grpcBody),
		grpc.MaxConcurrentStreams(grpcStreams),
		grpc.MaxHeaderListSize(8<<10),
		grpc.StaticStreamWindowSize(grpcWindow),
		grpc.StaticConnWindowSize(grpcWindow),
		grpc.ConnectionTimeout(drainHeaders),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: drainIdle, MaxConnectionAge: drainAge, MaxConnectionAgeGrace: drainRequest + drainAck,
			Time: drainIdle, Timeout: drainHeaders,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: grpcPings, PermitWithoutStream: true}),
	)
	// It is a stream here, whose message is not received before there is room for it.
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "opentelemetry.proto.collector.logs.v1.LogsService",
		Streams: []grpc.StreamDesc{{
			StreamName: "Export",
			Handler:    func(_ any, stream grpc.ServerStream) error { return d.export(ctx, stream, take) },
		}},
	}, nil)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(prefacedListener{d.listener, d}) }()
	select {
	case err := <-ended:
		return fmt.Errorf("%s on %s: %w", d.speaks.name, d.Addr(), err)
	case <-ctx.Done():
	}
	// Requests that were taken get their answer.
	late := time.AfterFunc(topics.LeaveTimeout, server.Stop)
	defer late.Stop()
	server.GracefulStop()
	return nil
}

// A prefacedListener answers those that do not begin as HTTP/2 does. The server would close
// their connections without a word that they understand.
type prefacedListener struct {
	net.Listener
	drain *Drain
}

func (l prefacedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &prefacedConn{Conn: c, drain: l.drain}, nil
}

// A prefacedConn is read first by the goroutine that has written first, before any other has it.
type prefacedConn struct {
	net.Conn
	drain *Drain
	begun bool
	early []byte // what was written before the client had said anything
}

func (c *prefacedConn) Write(b []byte) (int, error) {
	if !c.begun {
		c.early = append(c.early, b...)
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *prefacedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n == 0 || c.begun {
		return n, err
	}
	c.begun = true
	if b[0] == 'P' && (n == 1 || b[1] == 'R') { // of PRI, and neither POST, PUT nor TLS
		if _, err := c.Conn.Write(c.early); err != nil {
			return 0, err
		}
		c.early = nil
		return n, err
	}
	const reason = "the sender does not speak gRPC: send OTLP over HTTP to --otlp, and over TLS where there is --tls-cert, and nowhere else"
	c.drain.Counts.Requests.Add(1)
	c.drain.sayRefused(codes.InvalidArgument, reason, c.RemoteAddr().String())
	_, _ = fmt.Fprintf(c.Conn, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s\n", len(reason)+1, reason)
	return 0, io.EOF
}

// export serves a request.
func (d *Drain) export(ctx context.Context, stream grpc.ServerStream, take func(context.Context, Batch) error) error {
	d.Counts.Requests.Add(1)
	remote := ""
	if p, ok := peer.FromContext(stream.Context()); ok {
		remote = p.Addr.String()
	}
	answer := d.exported(ctx, stream, remote, take)
	answer.count.Add(int64(answer.lines))
	if answer.status == http.StatusOK {
		return stream.SendMsg(answer.reply)
	}
	refused := status.New(codeOf(answer.status), answer.reason)
	d.sayRefused(refused.Code(), answer.reason, remote)
	if answer.status == http.StatusServiceUnavailable {
		if again, err := refused.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)}); err == nil {
			refused = again
		}
	}
	return refused.Err()
}

func (d *Drain) exported(ctx context.Context, stream grpc.ServerStream, remote string, take func(context.Context, Batch) error) answer {
	said, _ := metadata.FromIncomingContext(stream.Context())
	header := http.Header{}
	for _, text := range said.Get("authorization") {
		header.Add("Authorization", text)
	}
	source := d.authorise(header)
	if source == nil {
		d.Counts.Denied.Add(1)
		return d.refuse(http.StatusUnauthorized, unauthorized, 0)
	}
	if d.stalled() {
		return d.refuse(http.StatusServiceUnavailable, away, 0)
	}
	body, err := d.receive(stream)
	if err != nil {
		return d.unreadable(err, 0)
	}
	set, err := d.speaks.read(request{media: protobufMedia, body: body}, &d.memory)
	set.held += cap(body)
	if err != nil {
		d.memory.give(set.held)
		return d.unreadable(err, 0)
	}
	return d.deliver(ctx, parcel{lineSet: set, source: source, remote: remote}, take)
}

// receive returns a request's message, whose bytes are taken from the memory.
func (d *Drain) receive(stream grpc.ServerStream) ([]byte, error) {
	timeout := time.NewTimer(drainRequest)
	defer timeout.Stop()
	select {
	case d.receiving <- struct{}{}:
	case <-timeout.C:
		return nil, errBusy
	}
	if !d.memory.take(grpcReceiving) {
		<-d.receiving
		return nil, errBusy
	}
	type message struct {
		body []byte
		err  error
	}
	received := make(chan message, 1)
	go func() {
		var m message
		m.err = stream.RecvMsg(&m.body)
		<-d.receiving
		received <- m
	}()
	select {
	case m := <-received:
		if m.err != nil { // which the sender has been told already
			d.memory.give(grpcReceiving)
			return nil, fmt.Errorf("%w: %w", errReceive, m.err)
		}
		d.memory.give(grpcReceiving - cap(m.body))
		return m.body, nil
	case <-timeout.C:
		d.memory.give(grpcReceiving) // RecvMsg ends when the request does, which is now
		return nil, fmt.Errorf("%w: %w", errReceive, os.ErrDeadlineExceeded)
	}
}

var errReceive = errors.New("the message cannot be received")

// bytesCodec leaves messages as they are.
type bytesCodec struct{}

var _ encoding.CodecV2 = bytesCodec{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}
