package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// pulse explain reads what a recording has left in Kafka, and names the planted cause.
func TestExplain(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "stats.yaml", "stats:\n  - {name: requests, rate: minute}\n")
	var log strings.Builder
	begin := time.Date(2012, 11, 22, 9, 30, 0, 0, time.UTC)
	for second := range 120 {
		at := begin.Add(time.Duration(second) * time.Second).Format(time.RFC3339)
		for n := range 5 {
			fmt.Fprintf(&log, "time=%s customer=c%d status=200\n", at, (second+n)%7)
		}
		if second >= 60 {
			fmt.Fprintf(&log, "time=%s customer=bad\u202e status=500\n", at)
		}
	}
	d := deploy(t, file, 3, 0)
	d.start("replay", "--original-times", "--speed", "max", writeFile(t, "app.log", log.String())).succeed()
	asked := []string{"explain", "requests", "--from", "2012-11-22T09:31:00Z", "--to", "2012-11-22T09:31:59Z"}
	got := d.start(asked...).succeed().stdout.String()
	for _, want := range []string{
		"requests: 360 lines from 2012-11-22T09:31:00Z to 2012-11-22T09:31:59Z; 300 from 2012-11-22T09:30:00Z on\n",
		"100.0 %  customer = bad", "100.0 %  status = 500  60 lines, 16.7 % of all; before 0, 0.0 %\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("pulse explain prints\n%swant it to have %q", got, want)
		}
	}
	var answer struct {
		Against string
		Lines   float64
		Values  []struct{ Field string }
	}
	if err := json.Unmarshal([]byte(d.start(append(asked, "--json", "--against", "2012-11-22T09:29:00Z")...).succeed().stdout.String()), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Lines != 360 || answer.Against != "2012-11-22T09:29:00Z" {
		t.Errorf("as JSON the answer is %+v", answer)
	}
	if got := d.start(append(asked, "--where", "status == 500")...).succeed().stdout.String(); !strings.HasPrefix(got, "requests: 60 lines where status == 500 from ") {
		t.Errorf("of the lines that meet a condition it prints\n%s", got)
	}
	d.start(append(asked, "--where", "status ==")...).fails(2, "where: ")
	d.start("explain", "requests", "--from", "2012-11-22T09:31:00Z").fails(2, "--to")
	d.start(append(asked, "--stats", "")...).fails(exitFailed, "Give --stats the file that the running roles use")
	changed := writeFile(t, "changed.yaml", "stats:\n  - {name: requests, rate: minute, where: status == 200}\n")
	if p := d.start("diff", file, changed, "--from", "2012-11-22T09:31:00Z"); p.wait() != exitBehind {
		t.Errorf("a time without a log does not compare what Kafka has:\n%s", p.stdout.String())
	}
}
