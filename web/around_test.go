package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/line"
	"pulse/topics"
)

// sources is a topic of raw records in which an ingester of two files and another ingester
// have sent lines for a minute, several packs of each at a time.
func sources(t *testing.T, k *kafka, first int64) {
	t.Helper()
	var records []*kgo.Record
	packs := map[string]int{}
	files := []line.Origin{line.Origin("").With("file", "a.log"), line.Origin("").With("file", "b.log")}
	for second := first; second < first+60; second++ {
		at := time.Unix(second, 0).UTC().Format(time.RFC3339)
		for n := range int64(5) {
			for _, ingester := range []string{"i", "j"} {
				var origins topics.Origins
				var text strings.Builder
				for l := range 4 {
					origins.Add(1, files[l%2])
					fmt.Fprintf(&text, "time=%s level=info ingester=%s f=%d n=%d\n", at, ingester, l%2, ((second-first)*5+n)*2+int64(l/2))
				}
				h := topics.RawHeader{Ingester: ingester, Clock: second*1000 + n/3, Domain: topics.WallDomain, Origins: origins.Take()}
				records = append(records, &kgo.Record{Topic: k.names.Raw(), Partition: int32(packs[ingester] % 3), Headers: h.Headers(), Value: []byte(text.String())})
				packs[ingester]++
			}
		}
		for p := range int32(3) {
			for _, ingester := range []string{"i", "j"} {
				h := topics.RawHeader{Ingester: ingester, Clock: (second + 1) * 1000, Domain: topics.WallDomain, Tick: &topics.RawTick{Partitions: 3}}
				records = append(records, &kgo.Record{Topic: k.names.Raw(), Partition: p, Headers: h.Headers()})
			}
		}
	}
	k.produce(records...)
}

// Around a line are those before and after it of the same file, as its ingester sent them
// through all partitions; a line's place, fields and origin come with it.
func TestAround(t *testing.T) {
	k := newKafka(t)
	d, err := stats.Parse("test", []byte("stats:\n  - {name: lines, rate: minute, where: level == \"info\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	const first = 1_700_000_000
	sources(t, k, first)
	s := k.idle(func(c *Config) { c.Definitions, c.Access = d, tokensAndLinks(t) })
	ask := func(path string, answer any) {
		t.Helper()
		got, body := get(t, s, path, bearer)
		if err := json.Unmarshal([]byte(body), answer); err != nil || got.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %v in %.300s", path, got.StatusCode, err, body)
		}
	}
	type found struct {
		Over  int64
		Lines []struct {
			Text, At, Ingester string
			Final              bool
			Origin             map[string]string
			Fields             map[string]any
		}
	}
	for _, n := range []int{0, 7, 123, 299, 598} {
		var a found
		second := first + int64(n/10)
		ask(fmt.Sprintf("/api/lines?stat=lines&to=%d&fields=true&where=ingester+%%3D%%3D+%%22i%%22+%%26%%26+n+%%3D%%3D+%d+%%26%%26+f+%%3D%%3D+1", second, n), &a)
		if len(a.Lines) != 1 || a.Over != 70 || a.Lines[0].Ingester != "i" || a.Lines[0].Origin["file"] != "b.log" || fmt.Sprint(a.Lines[0].Fields["n"]) != fmt.Sprint(n) || a.Lines[0].Final {
			t.Fatalf("the line is %+v", a)
		}
		var near struct {
			At, Ingester string
			Origin       map[string]string
			Lines        []struct{ At, Text string }
		}
		ask("/api/lines/around?at="+a.Lines[0].At, &near)
		var want []string
		for m := max(0, n-20); m <= min(599, n+20); m++ {
			want = append(want, fmt.Sprintf("time=%s level=info ingester=i f=1 n=%d", time.Unix(first+int64(m/10), 0).UTC().Format(time.RFC3339), m))
		}
		var got []string
		here := ""
		for _, l := range near.Lines {
			got = append(got, l.Text)
			if l.At == near.At {
				here = l.Text
			}
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") || here != a.Lines[0].Text || near.Origin["file"] != "b.log" {
			t.Errorf("around line %d, which is %q, are %d lines\n%s\nwant %d\n%s", n, here, len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
		}
	}
	for at, want := range map[string]int{"1/999999/0": 404, "1/0/3": 404, "9/0/0": 404, "1/0": 400, "1/0/0x": 400, "": 400} {
		if got, body := get(t, s, "/api/lines/around?at="+at, bearer); got.StatusCode != want {
			t.Errorf("around %q: %d %s, want %d", at, got.StatusCode, body, want)
		}
	}
	if got, _ := get(t, s, "/api/lines/around?at=1/0/0", shared(s)); got.StatusCode != http.StatusForbidden {
		t.Errorf("by a share link: %d, want 403", got.StatusCode)
	}

	// A second is final when all clocks are past its lateness.
	s.store.Clocks(topics.Clocks{Version: s.store.gen, Seconds: []int64{first + 12, first + 13, first + 20}}, time.Now())
	for second, want := range map[int64]bool{first + 9: true, first + 10: false} {
		var a found
		ask(fmt.Sprintf("/api/lines?stat=lines&to=%d", second), &a)
		if len(a.Lines) != 40 || a.Lines[0].Final != want {
			t.Errorf("second %d has %d lines, final %v; want 40, and %v", second-first, len(a.Lines), a.Lines[0].Final, want)
		}
	}
	var many found
	if ask(fmt.Sprintf("/api/lines?stat=lines&from=%d&to=%d&limit=1000", first, first+59), &many); len(many.Lines) != 1000 {
		t.Errorf("up to 1,000 lines are %d", len(many.Lines))
	}

	// What lines have, of all and of a part of them.
	var fields struct {
		Whole   bool
		Read    readSoFar
		Formats []struct {
			Format string
			Lines  int64
			Fields []struct {
				Field string
				Lines int64
				Top   []struct{ Value string }
			}
		}
	}
	ask(fmt.Sprintf("/api/fields?from=%d&to=%d", first+10, first+29), &fields)
	if !fields.Whole || fields.Read.Lines != 20*40 || len(fields.Formats) != 1 || fields.Formats[0].Format != "logfmt" || fields.Formats[0].Lines != 20*40 {
		t.Fatalf("twenty seconds have %+v", fields)
	}
	names := map[string]string{}
	for _, f := range fields.Formats[0].Fields {
		names[f.Field] = fmt.Sprint(f.Lines, f.Top[0].Value)
	}
	if names["ingester"] != "800i" || names["level"] != "800info" {
		t.Errorf("the fields are %v", names)
	}
}
