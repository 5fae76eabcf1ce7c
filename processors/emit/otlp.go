package emit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"

	"pulse/stats/value"
)

var otlpOutput = Output{
	Doc: "OpenTelemetry's protocol over HTTP, in protobuf, to the URL of a collector's metrics: `http://host:4318/v1/metrics`. The gauge `pulse_stat` has `stat`, `key`, `quantile` and `le` as attributes, and each point its own time. A series that has no value any more gets a point with the flag *no recorded value*. Headers are a comma list of `name=text`, such as `api-key=…`",
	New: func() OutputConfig { return new(otlpConfig) },
}

type otlpConfig struct{ url, headers text }

func (c *otlpConfig) Settings() []Setting {
	return []Setting{
		{Flag: "otlp", Variable: "PULSE_EMIT_OTLP", Help: "send points by OTLP over HTTP to this `URL`, such as http://HOST:4318/v1/metrics", Value: &c.url},
		{Flag: "otlp-headers", Variable: "PULSE_EMIT_OTLP_HEADERS", Help: "the headers of --otlp, a comma list of `name=text`", Value: &c.headers},
	}
}

func (c *otlpConfig) Senders() ([]Sender, error) {
	if c.url == "" {
		return nil, nil
	}
	o, err := NewOTLP(string(c.url), string(c.headers))
	return []Sender{o}, err
}

// OTLP is a sender of OpenTelemetry's protocol, version 1, over HTTP:
// https://opentelemetry.io/docs/specs/otlp/#otlphttp.
type OTLP struct {
	*Post
	headers http.Header
}

// NewOTLP returns a sender to the URL of a receiver of metrics. Headers are a comma list of
// name=value.
func NewOTLP(address, headers string) (*OTLP, error) {
	post, err := NewPost(address)
	if err != nil {
		return nil, errors.New("the URL is not valid: write http://host:4318/v1/metrics") // it may have a secret
	}
	o := &OTLP{post, http.Header{}}
	for header := range strings.SplitSeq(headers, ",") {
		if strings.TrimSpace(header) == "" {
			continue
		}
		name, text, ok := strings.Cut(header, "=")
		if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(header, "\r\n") {
			return nil, errors.New("a header of --otlp-headers is not valid: write name=value")
		}
		o.headers.Set(name, strings.TrimSpace(text))
	}
	return o, nil
}

// Samples implements Sampler.
func (o *OTLP) Samples() {}

// Send implements Sender.
func (o *OTLP) Send(ctx context.Context, points []Point) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	body, err := proto.Marshal(otlpRequest(points))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	request.Header = o.headers.Clone()
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("User-Agent", "pulse")
	said, err := o.ask(request)
	if err != nil {
		return err
	}
	var answer collector.ExportMetricsServiceResponse
	if proto.Unmarshal(said, &answer) != nil {
		return nil // it is taken, whatever is said about it
	}
	if partly := answer.GetPartialSuccess(); partly.GetRejectedDataPoints() > 0 {
		n := int(min(partly.GetRejectedDataPoints(), int64(len(points))))
		return &PartlyRefused{n, fmt.Errorf("%w: %.200q", ErrRefused, partly.GetErrorMessage())}
	}
	return nil
}

// otlpRequest is one of a gauge.
func otlpRequest(points []Point) *collector.ExportMetricsServiceRequest {
	all := make([]*metrics.NumberDataPoint, len(points))
	for i, p := range points {
		n := &metrics.NumberDataPoint{TimeUnixNano: uint64(p.Time) * 1e9, Attributes: []*common.KeyValue{otlpText("stat", p.Stat)}}
		for _, l := range p.Labels {
			if l != (value.Label{}) {
				n.Attributes = append(n.Attributes, otlpText(l.Name, l.Text))
			}
		}
		if p.Gone {
			n.Flags = uint32(metrics.DataPointFlags_DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK)
		} else {
			n.Value = &metrics.NumberDataPoint_AsDouble{AsDouble: p.Sample}
		}
		all[i] = n
	}
	return &collector.ExportMetricsServiceRequest{ResourceMetrics: []*metrics.ResourceMetrics{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{otlpText("service.name", "pulse")}},
		ScopeMetrics: []*metrics.ScopeMetrics{{
			Scope: &common.InstrumentationScope{Name: "pulse"},
			Metrics: []*metrics.Metric{{
				Name: "pulse_stat", Description: "The final value of a stat at the end of its window.",
				Data: &metrics.Metric_Gauge{Gauge: &metrics.Gauge{DataPoints: all}},
			}},
		}},
	}}}
}

// otlpText is an attribute. Protobuf takes no bytes that are not UTF-8.
func otlpText(name, text string) *common.KeyValue {
	return &common.KeyValue{Key: name, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: strings.ToValidUTF8(text, "\uFFFD")}}}
}
