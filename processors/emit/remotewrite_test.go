package emit

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/exp/api/remote"
	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
	"google.golang.org/protobuf/proto"

	"pulse/stats"
	"pulse/stats/value"
)

// samplesOf are those of snapshots, one after the other.
func samplesOf(all ...stats.Snapshot) (samples []Point) {
	e := New(Config{})
	for _, s := range all {
		samples = e.appendSamples(samples, s)
	}
	return samples
}

func snapshot(time int64, value string) stats.Snapshot {
	return stats.Snapshot{Stat: "s", Time: time, Value: json.RawMessage(value)}
}

func write(points []Point) (all []string) {
	for _, p := range points {
		text := fmt.Sprintf("%s@%d=%g", p.Stat, p.Time, p.Sample)
		if p.Gone {
			text = fmt.Sprintf("%s@%d gone", p.Stat, p.Time)
		}
		for _, l := range p.Labels {
			if l.Name != "" {
				text += " " + l.Name + "=" + l.Text
			}
		}
		all = append(all, text)
	}
	return all
}

// TestSamples: where a series ends there is a point that says so, once.
func TestSamples(t *testing.T) {
	stale := snapshot(30, "null")
	stale.StaleSince = 21
	staler := snapshot(40, "null")
	staler.StaleSince = 31
	run := snapshot(300, "2")
	run.Since = 100
	long := snapshot(1_000_000, "2")
	long.Since = 1000
	for _, test := range []struct {
		snapshots []stats.Snapshot
		want      []string
	}{
		{[]stats.Snapshot{snapshot(7, "1.5"), snapshot(8, "null"), snapshot(9, "null"), snapshot(10, "0")}, []string{"s@7=1.5", "s@8 gone", "s@10=0"}},
		{[]stats.Snapshot{snapshot(20, "1"), stale, staler}, []string{"s@20=1", "s@21 gone"}},
		{[]stats.Snapshot{snapshot(7, `{"top":[{"key":"a","value":{"0.5":7}},{"key":"b","value":{"0.5":6}}],"other":{"0.5":1},"distinct":3}`), snapshot(8, `{"top":[{"key":"b","value":{"0.5":6}}],"other":null,"distinct":1}`)},
			[]string{"s@7=7 key=a quantile=0.5", "s@7=6 key=b quantile=0.5", "s@8 gone key=a quantile=0.5", "s@8=6 key=b quantile=0.5"}},
		{[]stats.Snapshot{snapshot(7, `{"le":[10,100],"counts":[3,1,2]}`)}, []string{"s@7=3 le=10", "s@7=4 le=100", "s@7=6 le=+Inf"}},
		{[]stats.Snapshot{snapshot(99, "1"), run}, []string{"s@99=1", "s@100=2", "s@160=2", "s@220=2", "s@280=2", "s@300=2"}},
		{[]stats.Snapshot{snapshot(7, `{"in":2,"late":0}`)}, []string{"s@7=2 count=in", "s@7=0 count=late"}},
	} {
		if got := write(samplesOf(test.snapshots...)); !slices.Equal(got, test.want) {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	if n := len(samplesOf(long)); n != mostSamples+1 {
		t.Errorf("a run of days is %d samples", n)
	}
}

// A receiver is a storage of Prometheus' own handler of remote write, which refuses what is
// not newer than what it has, with all that comes with it.
type receiver struct {
	t     *testing.T
	all   []string
	times map[string]int64
	tries int
}

func (r *receiver) Store(req *http.Request, kind remote.WriteMessageType) (*remote.WriteResponse, error) {
	r.tries++
	answer := remote.NewWriteResponse()
	body := make([]byte, req.ContentLength)
	n := 0
	for {
		read, err := req.Body.Read(body[n:])
		if n += read; err != nil {
			break
		}
		if n == len(body) {
			body = append(body, make([]byte, len(body)+1)...)
		}
	}
	var request writev2.Request
	if err := proto.Unmarshal(body[:n], &request); err != nil {
		answer.SetStatusCode(http.StatusBadRequest)
		return answer, err
	}
	if kind != remote.WriteV2MessageType {
		r.t.Errorf("a message is of %s", kind)
	}
	var texts []string
	next := map[string]int64{}
	for _, s := range request.Timeseries {
		var labels []string
		for i := 0; i+1 < len(s.LabelsRefs); i += 2 {
			labels = append(labels, request.Symbols[s.LabelsRefs[i]]+"="+request.Symbols[s.LabelsRefs[i+1]])
		}
		name := strings.Join(labels, ",")
		if !slices.IsSorted(labels) || s.Metadata.Type != writev2.Metadata_METRIC_TYPE_GAUGE {
			r.t.Errorf("a series is %s, %v", name, s.Metadata)
		}
		for _, p := range s.Samples {
			if old, ok := r.times[name]; ok && p.Timestamp < old {
				answer.SetStatusCode(http.StatusBadRequest)
				return answer, errors.New("out of order sample")
			}
			text := fmt.Sprintf("%s@%d=%g", name, p.Timestamp, p.Value)
			if math.Float64bits(p.Value) == math.Float64bits(staleMarker) {
				text = fmt.Sprintf("%s@%d stale", name, p.Timestamp)
			}
			texts, next[name] = append(texts, text), p.Timestamp
		}
	}
	for name, at := range next {
		r.times[name] = at
	}
	for _, text := range texts {
		if !slices.Contains(r.all, text) { // the same once more changes nothing
			r.all = append(r.all, text)
		}
	}
	return answer, nil
}

// TestRemoteWrite2 has Prometheus' own handler and messages of version 2.0 at the other end.
func TestRemoteWrite2(t *testing.T) {
	r := &receiver{t: t, times: map[string]int64{}}
	server := httptest.NewServer(remote.NewWriteHandler(r, remote.MessageTypes{remote.WriteV2MessageType}))
	defer server.Close()
	w, err := NewRemoteWrite(server.URL, "2.0")
	if err != nil {
		t.Fatal(err)
	}
	points := samplesOf(snapshot(7, `{"0.5":1,"0.99":2.5}`), snapshot(8, `{"0.5":2,"0.99":3}`), snapshot(9, "null"))
	if err := w.Send(t.Context(), points[:4]); err != nil {
		t.Fatal(err)
	}
	// Once more from the beginning, as after a restart: what is new is taken.
	var partly *PartlyRefused
	if err := w.Send(t.Context(), points); !errors.As(err, &partly) || partly.Points != 2 {
		t.Errorf("sent again: %v", err)
	}
	want := []string{
		"__name__=pulse_stat,quantile=0.5,stat=s@7000=1", "__name__=pulse_stat,quantile=0.5,stat=s@8000=2",
		"__name__=pulse_stat,quantile=0.99,stat=s@7000=2.5", "__name__=pulse_stat,quantile=0.99,stat=s@8000=3",
		"__name__=pulse_stat,quantile=0.5,stat=s@9000 stale", "__name__=pulse_stat,quantile=0.99,stat=s@9000 stale",
	}
	slices.Sort(r.all)
	slices.Sort(want)
	if !slices.Equal(r.all, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(r.all, "\n"), strings.Join(want, "\n"))
	}
	for _, bad := range [][2]string{{"", "1.0"}, {"localhost", "1.0"}, {server.URL, "3.0"}, {"http://me:s3cret@a:b:c/", "1.0"}} {
		if _, err := NewRemoteWrite(bad[0], bad[1]); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("NewRemoteWrite(%q): %v", bad, err)
		}
	}
}

// A series has its own samples alone, in their order.
func TestSeriesOf(t *testing.T) {
	got := seriesOf([]Point{
		{Stat: "b", Time: 1, Sample: 1}, {Stat: "a", Time: 1, Sample: 2, Labels: [2]value.Label{{Name: "key", Text: "b"}}}, {Stat: "b", Time: 2, Sample: 3},
	})
	if len(got) != 2 || len(got[0].samples) != 2 || len(got[1].samples) != 1 || got[1].labels[1] != (value.Label{Name: "key", Text: "b"}) {
		t.Errorf("got %+v", got)
	}
}
