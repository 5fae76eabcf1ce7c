package emit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

var influxOutput = Output{
	Doc: "InfluxDB's line protocol, `pulse_stat,stat=requests,key=/a value=12.5 1353576694`, by POST to the URL of its write API with `precision=s`: `http://host:8086/write?db=pulse&precision=s` (1.x, user and password in the URL), `http://host:8086/api/v2/write?bucket=pulse&precision=s` (2.x and 3.x, with a token), or VictoriaMetrics and Telegraf. Labels are tags, each point has its own time, and what is nothing, stale or unknown has no point",
	New: func() OutputConfig { return new(influxConfig) },
}

type influxConfig struct{ url, token text }

func (c *influxConfig) Settings() []Setting {
	return []Setting{
		{Flag: "influx", Help: "POST points in InfluxDB's line protocol to this `URL`, with precision=s in it", Value: &c.url},
		{Flag: "influx-token", Help: "the `token` for --influx", Value: &c.token},
	}
}

func (c *influxConfig) Senders() ([]Sender, error) {
	if c.url == "" && c.token != "" {
		return nil, errors.New("--influx-token is for --influx: add the URL")
	}
	if c.url == "" {
		return nil, nil
	}
	i, err := NewInflux(string(c.url), string(c.token))
	return []Sender{i}, err
}

// Influx is a sender of InfluxDB's line protocol. Points that are sent twice, as after a
// restart, are the same ones to InfluxDB.
type Influx struct {
	*Post
	token string
}

// NewInflux returns a sender to the URL of a write API.
func NewInflux(address, token string) (*Influx, error) {
	post, err := NewPost(address)
	if err != nil {
		return nil, errors.New("the URL is not valid: write http://host:8086/api/v2/write?bucket=pulse&precision=s") // it may have a secret
	}
	if post.url.Query().Get("precision") != "s" {
		return nil, errors.New("the URL has no precision=s, and InfluxDB would take seconds for nanoseconds: add it")
	}
	return &Influx{post, token}, nil
}

// Samples implements Sampler.
func (i *Influx) Samples() {}

// Send implements Sender.
func (i *Influx) Send(ctx context.Context, points []Point) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	var body []byte
	for _, p := range points {
		if !p.Gone {
			body = appendInflux(body, p)
		}
	}
	if len(body) == 0 {
		return nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, i.url.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	if i.token != "" {
		request.Header.Set("Authorization", "Token "+i.token)
	}
	return i.do(request)
}

// appendInflux appends a line. A tag's value cannot be empty, end in a backslash, or have a
// line feed.
func appendInflux(b []byte, p Point) []byte {
	b = appendTag(append(b, "pulse_stat,stat="...), p.Stat)
	for _, l := range p.Labels {
		if l.Name != "" && l.Text != "" {
			b = appendTag(append(append(append(b, ','), l.Name...), '='), l.Text)
		}
	}
	b = strconv.AppendFloat(append(b, " value="...), p.Sample, 'g', -1, 64)
	b = strconv.AppendInt(append(b, ' '), p.Time, 10)
	return append(b, '\n')
}

func appendTag(b []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c == '\\':
			b = append(b, '_')
		case c == ',', c == '=', c == ' ':
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return b
}
