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
	"pulse/topics"
)

// What is different is found in the raw log, by the seconds at which its lines count,
// in all partitions.
func TestExplain(t *testing.T) {
	k := newKafka(t)
	d, err := stats.Parse("test", []byte("derive:\n  first: split(path, \"/\")[1]\nstats:\n  - {name: errors, rate: minute, where: level == \"error\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	const first, length = 1700000000, 20
	var records []*kgo.Record
	for second := int64(first); second < first+2*length; second++ {
		for p := range int32(3) {
			h := topics.RawHeader{Ingester: "i", Clock: second*1000 + 300, Domain: topics.RecordingPrefix + "1"}
			at := time.Unix(second, 0).UTC().Format(time.RFC3339)
			var text strings.Builder
			for n := range 8 {
				fmt.Fprintf(&text, "time=%s level=error customer=c%d path=/shop/%d\ntime=%[1]s level=info customer=bad path=/cart\n", at, n%4, n)
				if second >= first+length {
					fmt.Fprintf(&text, "time=%s level=error customer=bad path=/cart/%d\n", at, n)
				}
			}
			records = append(records, &kgo.Record{Topic: k.names.Raw(), Partition: p, Headers: h.Headers(), Value: []byte(text.String())})
			h.Clock, h.Tick = (second+1)*1000, &topics.RawTick{Partitions: 3}
			records = append(records, &kgo.Record{Topic: k.names.Raw(), Partition: p, Headers: h.Headers()})
		}
	}
	k.produce(records...)
	s := k.idle(func(c *Config) { c.Definitions, c.Access = d, tokensAndLinks(t) })
	url := fmt.Sprintf("/api/explain?stat=errors&from=%d&to=%d", first+length, first+2*length-1)
	got, body := get(t, s, url, bearer)
	var a struct {
		Answer struct {
			Lines, Before, Read float64
			Values              []struct {
				Field, Value        string
				Lines, Before, Part float64
			}
		}
		Done bool
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil || got.StatusCode != http.StatusOK || !a.Done {
		t.Fatalf("%d %v in %.300s", got.StatusCode, err, body)
	}
	if got, body := get(t, s, url+"&where=len(repeat(line%2C1000000))%3E1", bearer); got.StatusCode != http.StatusBadRequest || !strings.Contains(body, "repeat") {
		t.Errorf("a condition that would take all memory: %d %s", got.StatusCode, body)
	}
	const each = 3 * 8 * length // lines of a level and its side
	if a.Answer.Lines != 2*each || a.Answer.Before != each || a.Answer.Read != 1 {
		t.Errorf("there were %v lines and %v before, want %d and %d", a.Answer.Lines, a.Answer.Before, 2*each, each)
	}
	if len(a.Answer.Values) < 2 {
		t.Fatalf("what is different is %s", body)
	}
	named := fmt.Sprint(a.Answer.Values[:2])
	if want := fmt.Sprintf("[{customer bad %d 0 1} {first cart %[1]d 0 1}]", each); named != want {
		t.Errorf("the first two values are %s, want %s", named, want)
	}
	if got, _ := get(t, s, url, shared(s)); got.StatusCode != http.StatusForbidden {
		t.Errorf("by a share link: %d, want 403", got.StatusCode)
	}
	// The same whoever asks, and however it is told.
	_, grown := get(t, s, url, func(r *http.Request) {
		bearer(r)
		r.Header.Set("Accept", jsonLines)
	})
	if !strings.HasSuffix(grown, body) {
		t.Errorf("as lines the answer is %s, want it to end with %s", grown, body)
	}
}
