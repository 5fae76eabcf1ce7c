package emit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"pulse/processors/post"
)

var postOutput = Output{
	Doc: "every half second a POST of `[{\"metric\":\"requests\",\"value\":12.5,\"measure_time\":1353576694,\"measure_period\":60}]`, as the original's emitter: `measure_time` in Unix seconds, `measure_period` always 60. A number whose window is not covered whole has `covered` and `of` beside it, in seconds",
	New: func() OutputConfig { return new(postConfig) },
}

type postConfig struct{ urls text }

func (c *postConfig) Settings() []Setting {
	return []Setting{{Flag: "metrics-urls", Variable: "METRICS_URLS", Help: "POST points as JSON to these `URLs`, a comma-separated list", Value: &c.urls}}
}

func (c *postConfig) Senders() (senders []Sender, err error) {
	for address := range strings.SplitSeq(string(c.urls), ",") {
		if address = strings.TrimSpace(address); address == "" {
			continue
		}
		p, err := NewPost(address)
		if err != nil {
			return nil, err
		}
		senders = append(senders, p)
	}
	return senders, nil
}

// maxSaid bounds the bytes of a refusal's text that an error has.
const maxSaid = 200

// measurePeriod is what the original's emitter said of each point, in seconds.
const measurePeriod = 60

// Post is a sender of JSON arrays to a URL, as the original's emitter was:
//
//	[{"metric":"requests","value":12.5,"measure_time":1353576694,"measure_period":60}]
//
// A number whose window is not covered whole also has "covered" and "of", in seconds.
// Each is a POST request. It is sent again when the answer is 408, 429 or 5xx, or does
// not come, and refused when it is another one that is not 2xx.
type Post struct{ url *url.URL }

// NewPost returns a sender to a URL, in which there may be a user and a password.
func NewPost(address string) (*Post, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("a metrics URL is not valid: write http://host/path or https://host/path") // it may have a secret
	}
	return &Post{u}, nil
}

// String implements Sender.
func (p *Post) String() string { return p.url.Scheme + "://" + p.url.Host }

type measure struct {
	Metric string      `json:"metric"`
	Value  json.Number `json:"value"`
	Time   int64       `json:"measure_time"`
	Period int         `json:"measure_period"`

	// Of a point whose window is not covered whole.
	Covered *int64 `json:"covered,omitempty"`
	Of      int64  `json:"of,omitempty"`
}

// Send implements Sender.
func (p *Post) Send(ctx context.Context, points []Point) error {
	measures := make([]measure, len(points))
	for i, m := range points {
		measures[i] = measure{Metric: m.Metric, Value: json.Number(m.Value), Time: m.Time, Period: measurePeriod}
		if m.Of > 0 {
			measures[i].Covered, measures[i].Of = &m.Covered, m.Of
		}
	}
	body, err := json.Marshal(measures)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	request.Header.Set("Content-Type", "application/json")
	return p.do(request)
}

// do sends a request, and says by its error what its answer means. The error has the
// beginning of what a refusal says, but never the URL.
func (p *Post) do(request *http.Request) error {
	_, err := p.ask(request)
	return err
}

// ask is do that gives what was answered, too.
func (p *Post) ask(request *http.Request) (said []byte, err error) {
	answer, err := post.Do(request)
	switch {
	case err != nil:
		return nil, err
	case answer.Taken:
		return answer.Said, nil
	case answer.Later:
		return nil, fmt.Errorf("the answer was %s", answer.Status)
	}
	return nil, fmt.Errorf("%w: the answer was %s: %q", ErrRefused, answer.Status, bytes.TrimSpace(answer.Said[:min(len(answer.Said), maxSaid)]))
}
