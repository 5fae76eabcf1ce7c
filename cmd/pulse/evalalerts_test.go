package main

import (
	"strings"
	"testing"
)

func TestEvalAlerts(t *testing.T) {
	file := writeFile(t, "d.yaml", `
stats:
  - {name: errors, count: lines, where: status >= 500, over: 1s}
  - {name: by-path, count: lines, by: path, over: 1s}
alerts:
  - {name: many, when: errors > 1}
  - {name: busy, when: any key of by-path > 1, for: 2s}
  - {name: none, when: errors > 99}
`)
	log := writeFile(t, "a.log", strings.Repeat("2026-01-02T10:00:00Z status=500 path=/a\n", 2)+
		strings.Repeat("2026-01-02T10:00:01Z status=200 path=/a\n", 2)+
		strings.Repeat("2026-01-02T10:00:02Z status=500 path=/b\n", 3))
	p := start(t, nil, nil, "eval", "--alerts", "--stats", file, log).succeed()
	want := `{"alert":"many","time":"2026-01-02T10:00:00Z","state":"firing","was":"ok","value":2,"revision":0,"final":true}
{"alert":"busy","key":"/a","time":"2026-01-02T10:00:00Z","state":"pending","was":"ok","value":2,"revision":0,"final":true}
{"alert":"many","time":"2026-01-02T10:00:01Z","state":"ok","was":"firing","value":0,"revision":0,"final":true}
{"alert":"busy","key":"/a","time":"2026-01-02T10:00:01Z","state":"firing","was":"pending","value":2,"revision":0,"final":true}
{"alert":"many","time":"2026-01-02T10:00:02Z","state":"firing","was":"ok","value":3,"revision":0,"final":true}
{"alert":"busy","key":"/a","time":"2026-01-02T10:00:02Z","state":"ok","was":"firing","revision":0,"final":true}
{"alert":"busy","key":"/b","time":"2026-01-02T10:00:02Z","state":"pending","was":"ok","value":3,"revision":0,"final":true}
`
	if got := p.stdout.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}

	p = start(t, nil, nil, "eval", "--alerts", "--table", "--stats", file, log).succeed()
	want = `alert    fired                    in all  at
many     2 times, and still does  2s      2026-01-02T10:00:00Z, 2026-01-02T10:00:02Z
busy /a  1 time                   1s      2026-01-02T10:00:01Z
none     never
`
	if got := p.stdout.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}

	p = start(t, nil, nil, "eval", "--alerts", log)
	if code := p.wait(); code != exitUsage || !strings.Contains(p.stderr.String(), "there are no alerts in the built-in definitions") {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
}
