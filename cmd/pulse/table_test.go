package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"pulse/stats"
	"pulse/stats/value"
)

func TestTable(t *testing.T) {
	d := &stats.Definitions{Stats: []*stats.Stat{
		{Name: "rate", Kind: "rate", Unit: "/s"}, {Name: "top-ten", Kind: "rate", GroupBy: []string{"x"}},
		{Name: "q", Kind: "quantiles"}, {Name: "h", Kind: "histogram"}, {Name: "none", Kind: "mean"}, {Name: "silent", Kind: "mean"},
	}}
	var b strings.Builder
	tb := newTable(&b, d)
	for stat, values := range map[string][]string{
		"rate":    {"0", "1", "null", "7", "3.5"},
		"top-ten": {`{"top":[],"other":0,"distinct":0}`, `{"top":[{"key":"a\u001b[2J","value":2.5}],"other":1,"distinct":3}`},
		"q":       {`{"0.5":4,"0.99":7}`, `{"0.5":8,"0.99":10}`},
		"h":       {`{"le":[1],"counts":[2,3]}`},
		"none":    {"null", "null"},
	} {
		for i, v := range values {
			tb.write(stats.Snapshot{Stat: stat, Time: int64(i), Value: json.RawMessage(v)})
		}
	}
	if err := tb.flush(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"rate 3.5 /s ▁▂ █▅",
		"top-ten 2.5 █ a�[2J 2.5, other 1, distinct 3",
		"q 8 ▅█ 0.5 8, 0.99 10",
		"h 5 █ 1 2, +Inf 3",
		"none –",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A number stands in the table in its unit, with the digits that it needs.
func TestTableNumbers(t *testing.T) {
	percent := &stats.Stat{Kind: "ratio", Of: []string{"a", "b"}, Unit: "%"}
	for _, test := range []struct {
		number value.Number
		stat   *stats.Stat
		want   string
	}{
		{"0.01", percent, "1 %"}, {"0.0000123456", percent, "0.00123456 %"}, {"0.00000123456", percent, "0.00012 %"},
		{"0", percent, "0 %"}, {"1", percent, "100 %"}, {"0.29", percent, "29 %"}, {"-0.5", percent, "-50 %"}, {"20000", percent, "2000000 %"},
		{"0.01", &stats.Stat{Kind: "mean", Unit: "%"}, "0.01 %"},
		{"0.0000000123456", &stats.Stat{}, "1.2e-08"}, {"0.00123456789", &stats.Stat{}, "0.00123457"},
		{"27670116110564327421", &stats.Stat{}, "27670116110564327421"}, {"27670116110564327421.5", &stats.Stat{}, "27670116110564327421.5"},
		{"1234567", &stats.Stat{}, "1234567"}, {"12345678.9", &stats.Stat{}, "12345679"}, {"1149.6", &stats.Stat{}, "1149.6"}, {"", percent, "–"},
	} {
		if got := cell(test.number, test.stat); got != test.want {
			t.Errorf("%s of %s is %s, want %s", test.number, test.stat.Kind, got, test.want)
		}
	}
}

// The table has the last value of the last seconds alone.
func TestTableIsBounded(t *testing.T) {
	tb := newTable(nil, &stats.Definitions{})
	for range 10 * tableSeconds {
		tb.write(stats.Snapshot{Stat: "a", Value: json.RawMessage("1")})
	}
	if n := len(tb.values["a"]); n != tableSeconds {
		t.Errorf("%d values, want %d", n, tableSeconds)
	}
}

func TestEvalTable(t *testing.T) {
	definitions := writeFile(t, "d.yaml", "stats: [{name: all, rate: second, over: 1s}]")
	p := start(t, nil, strings.NewReader("ts=1700000000 a\nts=1700000001 b\n"), "eval", "--table", "--stats", definitions).succeed()
	first, _, _ := strings.Cut(p.stdout.String(), "\n")
	if got, want := strings.Join(strings.Fields(first), " "), "all 1 /s ██"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestEvalBuiltin: without definitions of one's own, the access lines that
// docs/formats.md shows have what they say of themselves.
func TestEvalBuiltin(t *testing.T) {
	doc, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	for line := range strings.Lines(string(doc)) {
		if text, ok := strings.CutPrefix(line, "    "); ok && strings.Contains(text, "[22/Nov/2012:09:31:34 -0800]") && strings.HasSuffix(text, "0.105 0.100\n") {
			log.WriteString(text)
		}
	}
	if log.Len() == 0 {
		t.Fatal("docs/formats.md shows no access line that ends with a request's time")
	}
	p := start(t, nil, strings.NewReader(log.String()), "eval").succeed()
	for name, want := range map[string]string{"access-request-time": `"0.5":0.105`, "access-bytes-per-second": "123", "access-domains": "1"} {
		for line := range strings.Lines(p.stdout.String()) {
			var s stats.Snapshot
			if err := json.Unmarshal([]byte(line), &s); err != nil {
				t.Fatal(err)
			}
			if s.Stat == name && !strings.Contains(string(s.Value), want) {
				t.Errorf("%s is %s, want %s", name, s.Value, want)
			}
		}
		if !strings.Contains(p.stdout.String(), `"`+name+`"`) {
			t.Errorf("no %s", name)
		}
	}
}

// TestBuiltinNames: the built-in stats know a level and a status under the names that
// loggers give them, and do not take other fields for them.
func TestBuiltinNames(t *testing.T) {
	for line, want := range map[string]string{
		`{"level":50,"time":1709251200123,"msg":"pino"}`:                                     "errors",
		`{"severity":"ERROR","timestamp":"2024-03-01T00:00:00Z"}`:                            "errors",
		`{"log":{"level":"ERROR"},"@timestamp":"2024-03-01T00:00:00Z"}`:                      "errors",
		`{"@t":"2024-03-01T00:00:00Z","@l":"Error"}`:                                         "errors",
		`{"levelname":"ERROR","asctime":"2024-03-01 00:00:00,123"}`:                          "errors",
		`{"Level":"Error","Timestamp":"2024-03-01T00:00:00Z"}`:                               "errors",
		`{"t":{"$date":"2024-03-01T00:00:00.123Z"},"s":"E","c":"NETWORK","ctx":"x"}`:         "errors",
		`t=2024-03-01T00:00:00Z lvl=eror msg=log15`:                                          "errors",
		`{"severity_text":"ERROR","time":"2024-03-01T00:00:00Z"}`:                            "errors",
		`{"level":3,"timestamp":1709251200.5,"short_message":"gelf"}`:                        "errors",
		`{"level":4,"timestamp":1709251200.5,"short_message":"gelf"}`:                        "warnings",
		`{"level":3,"time":"2024-03-01T00:00:00Z","msg":"a game"}`:                           "",
		`t=2024-03-01T00:00:00Z lvl=warn`:                                                    "warnings",
		`t=2024-03-01T00:00:00Z s=E msg=size`:                                                "",
		`t=2024-03-01T00:00:00Z lvl=info`:                                                    "",
		`t=2024-03-01T00:00:00Z status_code=503`:                                             "requests status-5xx",
		`{"time":"2024-03-01T00:00:00Z","res":{"statusCode":201}}`:                           "requests status-2xx",
		`{"time":"2024-03-01T00:00:00Z","http":{"response":{"status_code":302}}}`:            "requests status-3xx",
		`{"httpRequest":{"status":404},"timestamp":"2024-03-01T00:00:00Z"}`:                  "requests status-4xx",
		`{"DownstreamStatus":200,"OriginStatus":502,"time":"2024-03-01T00:00:00Z"}`:          "requests status-2xx",
		`{"response_code":"503","start_time":"2024-03-01T00:00:00.123Z"}`:                    "requests status-5xx",
		`{"status":"ok","code":500,"exit_code":404,"time":"2024-03-01T00:00:00Z","ms":1200}`: "",
	} {
		p := start(t, nil, strings.NewReader(line+"\n"), "parse").succeed()
		var parsed struct{ Stats []string }
		if err := json.Unmarshal([]byte(p.stdout.String()), &parsed); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, stat := range parsed.Stats {
			name, _, _ := strings.Cut(stat, "-per-")
			if name == "errors" || name == "warnings" || name == "requests" || strings.HasPrefix(name, "status-") {
				got = append(got, name)
			}
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%s\n\tis counted by %q, want %q", line, got, want)
		}
	}
}

func TestCoverage(t *testing.T) {
	for _, test := range []struct {
		covered, of int64
		want        string
	}{{44, 60, "44 of 60 s"}, {299, 300, "299 of 300 s"}, {86_399, 86_400, "23.9 of 24 h"}, {0, 90_000, "0 of 25 h"}, {3*86_400 + 59, 30 * 86_400, "3 of 30 d"}} {
		if got := coverage(test.covered, test.of); got != test.want {
			t.Errorf("%d of %d seconds are %s, want %s", test.covered, test.of, got, test.want)
		}
	}
}
