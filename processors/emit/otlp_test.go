package emit

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"

	"pulse/stats/value"
)

func TestOTLP(t *testing.T) {
	var got collector.ExportMetricsServiceRequest
	var key string
	var rejected int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := proto.Unmarshal(body, &got); err != nil || r.URL.Path != "/v1/metrics" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("a request for %s of %s: %v", r.URL.Path, r.Header.Get("Content-Type"), err)
		}
		key = r.Header.Get("Api-Key")
		answer, _ := proto.Marshal(&collector.ExportMetricsServiceResponse{PartialSuccess: &collector.ExportMetricsPartialSuccess{RejectedDataPoints: rejected, ErrorMessage: "too old"}})
		w.Write(answer)
	}))
	defer server.Close()
	o, err := NewOTLP(server.URL+"/v1/metrics", "api-key=s3cret, tenant = a")
	if err != nil {
		t.Fatal(err)
	}
	points := []Point{
		{Stat: "requests", Sample: -12.5, Time: 1353576694},
		{Stat: "by-path", Labels: [2]value.Label{{Name: value.LabelKey, Text: "/\xff"}, {Name: value.LabelQuantile, Text: "0.5"}}, Sample: 0, Time: 1353576695},
		{Stat: "requests", Gone: true, Time: 1353576696},
	}
	if err := o.Send(t.Context(), points); err != nil || key != "s3cret" {
		t.Fatalf("%v, with the key %q", err, key)
	}
	var told []string
	for _, p := range got.GetResourceMetrics()[0].GetScopeMetrics()[0].GetMetrics()[0].GetGauge().GetDataPoints() {
		text := fmt.Sprint(p.GetTimeUnixNano(), " ", p.GetFlags(), " ", p.Value != nil, " ", p.GetAsDouble())
		for _, a := range p.GetAttributes() {
			text += fmt.Sprint(" ", a.GetKey(), "=", a.GetValue().GetStringValue())
		}
		told = append(told, text)
	}
	want := "1353576694000000000 0 true -12.5 stat=requests\n" +
		"1353576695000000000 0 true 0 stat=by-path key=/\uFFFD quantile=0.5\n" +
		"1353576696000000000 1 false 0 stat=requests"
	if got := strings.Join(told, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	rejected = 2
	partly := (*PartlyRefused)(nil)
	if err := o.Send(t.Context(), points); !errors.As(err, &partly) || partly.Points != 2 || !strings.Contains(err.Error(), "too old") {
		t.Errorf("of three points two were rejected: %v", err)
	}
	for _, bad := range [][2]string{{"localhost:4318", ""}, {server.URL, "s3cret"}, {server.URL, "=s3cret"}, {"http://me:s3cret@a:b:c/", ""}} {
		if _, err := NewOTLP(bad[0], bad[1]); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("NewOTLP(%q): %v", bad, err)
		}
	}
}
