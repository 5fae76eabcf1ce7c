package ingest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/log"
	sdk "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	tracing "go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/credentials"
)

// TestOTLPOfSDK has OpenTelemetry's own SDK send, over HTTP and over gRPC with TLS, which must
// send again what Kafka did not take. The lines are the same.
func TestOTLPOfSDK(t *testing.T) {
	testkit.Long(t) // it is to be sent again after a second
	retry := otlploghttp.RetryConfig{Enabled: true, InitialInterval: time.Millisecond, MaxInterval: time.Millisecond, MaxElapsedTime: time.Minute}
	headers := map[string]string{"Authorization": "Bearer " + testSources[0].Token}
	t.Run("HTTP", func(t *testing.T) {
		t.Parallel()
		testOTLPOfSDK(t, otlp, nil, func(address string) (sdk.Exporter, error) {
			return otlploghttp.New(t.Context(),
				otlploghttp.WithEndpoint(address), otlploghttp.WithInsecure(),
				otlploghttp.WithCompression(otlploghttp.GzipCompression), otlploghttp.WithHeaders(headers), otlploghttp.WithRetry(retry))
		})
	})
	t.Run("gRPC", func(t *testing.T) {
		t.Parallel()
		own := certificate(t, "localhost", nil)
		roots := x509.NewCertPool()
		roots.AddCert(own.Leaf)
		testOTLPOfSDK(t, otlpGRPC, &tls.Config{Certificates: []tls.Certificate{own}}, func(address string) (sdk.Exporter, error) {
			return otlploggrpc.New(t.Context(),
				otlploggrpc.WithEndpoint(address), otlploggrpc.WithTLSCredentials(credentials.NewClientTLSFromCert(roots, "localhost")),
				otlploggrpc.WithCompressor("gzip"), otlploggrpc.WithHeaders(headers), otlploggrpc.WithRetry(otlploggrpc.RetryConfig(retry)))
		})
	})
}

func testOTLPOfSDK(t *testing.T, speaks *dialect, config *tls.Config, connect func(address string) (sdk.Exporter, error)) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDrainOf(speaks, speaks.name, listener, config, testSources, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	k := &taker{fail: errors.New("Kafka is away")}
	stop := runInput(t, d, k)
	defer stop()

	exporter, err := connect(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	provider := sdk.NewLoggerProvider(
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "shop"))),
		sdk.WithProcessor(sdk.NewSimpleProcessor(exporter)))
	ctx := tracing.ContextWithSpanContext(t.Context(), tracing.NewSpanContext(tracing.SpanContextConfig{
		TraceID: tracing.TraceID{0: 1, 15: 0xfe}, SpanID: tracing.SpanID{7: 9}, TraceFlags: tracing.FlagsSampled,
	}))
	var record log.Record
	record.SetTimestamp(time.Date(2026, 11, 27, 18, 21, 43, 500, time.UTC))
	record.SetSeverity(log.SeverityError)
	record.SetBody(attribute.StringValue("sold out"))
	record.AddAttributes(attribute.Int("n", 3), attribute.Float64Slice("list", []float64{0.5, 2}))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		provider.Logger("cart").Emit(ctx, record)
	}()
	testkit.Eventually(t, "a request was refused", func() error { return atLeast(d.Counts.Refused.Load(), 1) })
	k.mu.Lock()
	k.fail = nil
	k.mu.Unlock()
	<-sent
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	const want = `{"time":"2026-11-27T18:21:43.0000005Z","level":"error","severity":17,"trace_id":"010000000000000000000000000000fe","span_id":"0000000000000009","scope":"cart","resource":{"service.name":"shop"},"n":3,"list":[0.5,2],"body":"sold out"}`
	if got := k.taken(); !slices.Contains(got, want) || len(got) < 2 {
		t.Errorf("got\n%s\nwant twice\n%s", strings.Join(got, "\n"), want)
	}
	if got := d.Counts.Accepted.Load(); got != 1 {
		t.Error(fmt.Errorf("%d lines are accepted, want 1", got))
	}
}

func TestOTLPNotAnObject(t *testing.T) {
	var o otlpLogs
	if err := o.elements([]byte("[]"), "resourceLogs", "resource_logs", "", nil, nil); err == nil || !strings.Contains(err.Error(), "not an object") || strings.Contains(err.Error(), "Go ") {
		t.Errorf("a list instead of an object: %v", err)
	}
}
