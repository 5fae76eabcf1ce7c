package emit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"

	"github.com/klauspost/compress/snappy"
	"google.golang.org/protobuf/encoding/protowire"

	"pulse/stats/value"
)

var remoteWriteOutput = Output{
	Doc: "Prometheus' remote write: `pulse_stat{stat=\"…\",key=\"…\",quantile=\"…\",le=\"…\"}` with each point's own time, as `/metrics` of a dashboard names it. Where a series has no value any more (nothing, stale, no longer among the greatest keys) a stale marker ends it. Prometheus needs `--web.enable-remote-write-receiver`",
	New: func() OutputConfig { return &remoteWriteConfig{protocol: remoteWrite1} },
}

// The versions of the protocol.
const (
	remoteWrite1 = "1.0"
	remoteWrite2 = "2.0"
)

type remoteWriteConfig struct{ url, protocol text }

func (c *remoteWriteConfig) Settings() []Setting {
	return []Setting{
		{Flag: "remote-write", Help: "send points by Prometheus' remote write to this `URL`, such as http://HOST/api/v1/write", Value: &c.url},
		{Flag: "remote-write-protocol", Help: "the `version` of remote write: 1.0, which all receivers know, or 2.0", Value: &c.protocol},
	}
}

func (c *remoteWriteConfig) Senders() ([]Sender, error) {
	if c.url == "" {
		return nil, nil
	}
	w, err := NewRemoteWrite(string(c.url), string(c.protocol))
	return []Sender{w}, err
}

// RemoteWrite is a sender of Prometheus' remote write protocol, 1.0 or 2.0. A request that is
// refused is sent in halves, down to the points that are to blame: a receiver such as
// Prometheus takes nothing of a request with a point that it has newer ones than. So what is
// sent again after a restart does not cost what comes with it.
type RemoteWrite struct {
	*Post
	protocol string
}

// NewRemoteWrite returns a sender to a URL, in which there may be a user and a password.
func NewRemoteWrite(address, protocol string) (*RemoteWrite, error) {
	if protocol != remoteWrite1 && protocol != remoteWrite2 {
		return nil, fmt.Errorf("there is no version %.20q of remote write: write %s or %s", protocol, remoteWrite1, remoteWrite2)
	}
	post, err := NewPost(address)
	if err != nil {
		return nil, errors.New("the URL is not valid: write http://host/path or https://host/path") // it may have a secret
	}
	return &RemoteWrite{post, protocol}, nil
}

// Samples implements Sampler.
func (w *RemoteWrite) Samples() {}

// Send implements Sender.
func (w *RemoteWrite) Send(ctx context.Context, points []Point) error {
	refused, err := w.send(ctx, points)
	if refused.Points > 0 && err == nil {
		return &refused
	}
	return err
}

// send sends points, and those again in halves that are refused together.
func (w *RemoteWrite) send(ctx context.Context, points []Point) (refused PartlyRefused, err error) {
	err = w.write(ctx, points)
	switch {
	case !errors.Is(err, ErrRefused):
		return refused, err
	case len(points) == 1:
		return PartlyRefused{1, err}, nil
	}
	for _, half := range [][]Point{points[:len(points)/2], points[len(points)/2:]} {
		of, err := w.send(ctx, half)
		if err != nil {
			return refused, err
		}
		if refused.Points += of.Points; refused.Err == nil {
			refused.Err = of.Err
		}
	}
	return refused, nil
}

func (w *RemoteWrite) write(ctx context.Context, points []Point) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	body, media, version := remoteWriteV1(seriesOf(points)), "application/x-protobuf", "0.1.0"
	if w.protocol == remoteWrite2 {
		body, media, version = remoteWriteV2(seriesOf(points)), "application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.String(), bytes.NewReader(snappy.Encode(nil, body)))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	request.Header.Set("Content-Type", media)
	request.Header.Set("Content-Encoding", "snappy")
	request.Header.Set("X-Prometheus-Remote-Write-Version", version)
	request.Header.Set("User-Agent", "pulse")
	return w.do(request)
}

// A series is the samples of one set of labels, in the order of their times.
type series struct {
	labels  []value.Label // by name
	samples []sample
}

type sample struct {
	value  float64
	millis int64
}

// seriesOf gathers points by their series, in the order in which these come.
func seriesOf(points []Point) []*series {
	type key struct {
		stat   string
		labels [2]value.Label
	}
	known := map[key]*series{}
	var all []*series
	for _, p := range points {
		s := known[key{p.Stat, p.Labels}]
		if s == nil {
			s = &series{labels: []value.Label{{Name: "__name__", Text: "pulse_stat"}, {Name: "stat", Text: p.Stat}}}
			for _, l := range p.Labels {
				if l.Name != "" {
					s.labels = append(s.labels, l)
				}
			}
			slices.SortFunc(s.labels, func(a, b value.Label) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
			known[key{p.Stat, p.Labels}] = s
			all = append(all, s)
		}
		number := p.Sample
		if p.Gone {
			number = staleMarker
		}
		s.samples = append(s.samples, sample{number, p.Time * 1000})
	}
	return all
}

// staleMarker is what Prometheus takes for the end of a series.
var staleMarker = math.Float64frombits(0x7ff0000000000002)

func appendSample(b []byte, s sample) []byte {
	b = protowire.AppendFixed64(protowire.AppendTag(b, 1, protowire.Fixed64Type), math.Float64bits(s.value))
	return protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), uint64(s.millis))
}

func appendMessage(b []byte, n protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), message)
}

func appendText(b []byte, n protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), text)
}

// remoteWriteV1 is a prometheus.WriteRequest:
//
//	message WriteRequest { repeated TimeSeries timeseries = 1; }
//	message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
//	message Label { string name = 1; string value = 2; }
//	message Sample { double value = 1; int64 timestamp = 2; }
func remoteWriteV1(all []*series) (request []byte) {
	var one, part []byte
	for _, s := range all {
		one = one[:0]
		for _, l := range s.labels {
			part = appendText(appendText(part[:0], 1, l.Name), 2, l.Text)
			one = appendMessage(one, 1, part)
		}
		for _, p := range s.samples {
			part = appendSample(part[:0], p)
			one = appendMessage(one, 2, part)
		}
		request = appendMessage(request, 1, one)
	}
	return request
}

// metricGauge is METRIC_TYPE_GAUGE.
const metricGauge = 2

// remoteWriteV2 is an io.prometheus.write.v2.Request, whose labels are numbers of symbols:
//
//	message Request { repeated string symbols = 4; repeated TimeSeries timeseries = 5; }
//	message TimeSeries { repeated uint32 labels_refs = 1; repeated Sample samples = 2; Metadata metadata = 5; }
//	message Sample { double value = 1; int64 timestamp = 2; }
//	message Metadata { MetricType type = 1; }
func remoteWriteV2(all []*series) (request []byte) {
	symbols := map[string]uint64{"": 0}
	request = appendText(request, 4, "")
	symbol := func(text string) uint64 {
		n, known := symbols[text]
		if !known {
			n = uint64(len(symbols))
			symbols[text] = n
			request = appendText(request, 4, text)
		}
		return n
	}
	var list, one, part []byte
	for _, s := range all {
		part = part[:0]
		for _, l := range s.labels {
			part = protowire.AppendVarint(protowire.AppendVarint(part, symbol(l.Name)), symbol(l.Text))
		}
		one = appendMessage(one[:0], 1, part)
		for _, p := range s.samples {
			part = appendSample(part[:0], p)
			one = appendMessage(one, 2, part)
		}
		part = protowire.AppendVarint(protowire.AppendTag(part[:0], 1, protowire.VarintType), metricGauge)
		one = appendMessage(one, 5, part)
		list = appendMessage(list, 5, one)
	}
	return append(request, list...)
}
