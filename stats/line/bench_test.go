package line

import (
	"bytes"
	"os"
	"testing"
)

// BenchmarkParse parses the recordings of testdata/golden, with the fields that
// their definitions want.
func BenchmarkParse(b *testing.B) {
	for _, bench := range []struct {
		name   string
		fields []string
	}{
		{"pulse", []string{"unparsed", "source", "level", "msg", "instance_id", "cloud", "http_host", "http_status", "http_domain", "mod", "at", "code", "app_id", "redis"}},
		{"router", []string{"unparsed", "source", "ps", "at", "code", "method", "path", "host", "connect", "service", "status", "bytes"}},
		{"combined", []string{"unparsed", "http_host", "http_user", "http_method", "http_url", "http_status", "http_bytes"}},
		{"access", []string{"unparsed", "http_host", "http_status", "http_domain", "http_request_time", "http_upstream_time", "rt", "host"}},
		{"json", []string{"unparsed", "level", "status", "method", "path", "duration", "bytes", "cached"}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			log, err := os.ReadFile("../../testdata/golden/" + bench.name + ".log")
			if err != nil {
				b.Fatal(err)
			}
			var fields []Field
			for _, name := range bench.fields {
				fields = append(fields, Field{Name: name, Coded: true})
			}
			schema, err := NewSchema(fields...)
			if err != nil {
				b.Fatal(err)
			}
			sc, ev := schema.NewScanner(), new(Event)
			log = append(log, make([]byte, Padding)...)
			lines := 0
			for b.Loop() {
				for start, end := 0, 0; start < len(log)-Padding; start = end + 1 {
					end = start + bytes.IndexByte(log[start:], '\n')
					sc.Parse(ev, log, start, end)
					lines++
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(lines), "ns/line")
		})
	}
}
