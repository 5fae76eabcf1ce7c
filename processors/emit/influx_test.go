package emit

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pulse/stats/value"
)

func TestInflux(t *testing.T) {
	var body, token string
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		body, token = string(b), r.Header.Get("Authorization")
		requests++
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	i, err := NewInflux(server.URL+"/api/v2/write?bucket=pulse&precision=s", "s3cret")
	if err != nil {
		t.Fatal(err)
	}
	key := func(text string) [2]value.Label { return [2]value.Label{{Name: value.LabelKey, Text: text}} }
	points := []Point{
		{Stat: "requests", Sample: 12.5, Time: 1353576694},
		{Stat: "by-path", Labels: key("/a b,c=d\\\n"), Sample: 1e21, Time: 1353576694},
		{Stat: "by-path", Labels: key(""), Sample: -1, Time: 1353576694},
		{Stat: "requests", Gone: true, Time: 1353576695},
	}
	if err := i.Send(t.Context(), points); err != nil {
		t.Fatal(err)
	}
	const want = "pulse_stat,stat=requests value=12.5 1353576694\n" +
		"pulse_stat,stat=by-path,key=/a\\ b\\,c\\=d__ value=1e+21 1353576694\n" +
		"pulse_stat,stat=by-path value=-1 1353576694\n"
	if body != want || token != "Token s3cret" {
		t.Errorf("got %q with %q, want %q", body, token, want)
	}
	if err := i.Send(t.Context(), points[3:]); err != nil || requests != 1 {
		t.Errorf("of what is gone %d requests were sent (%v)", requests-1, err)
	}
	for _, bad := range []string{"", "localhost", "http://me:s3cret@localhost/write?db=x", "http://me:s3cret@a:b:c/"} {
		if _, err := NewInflux(bad, ""); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("NewInflux(%q): %v", bad, err)
		}
	}
}

func TestInfluxTokenNeedsURL(t *testing.T) {
	c := influxConfig{token: "secret"}
	if _, err := c.Senders(); err == nil || !strings.Contains(err.Error(), "--influx-token is for --influx") {
		t.Errorf("a token without a URL: %v", err)
	}
}
