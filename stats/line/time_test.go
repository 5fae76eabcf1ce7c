package line

import (
	"strings"
	"testing"
	"time"

	"pulse/stats/timing"
)

// FuzzTimestamp compares with package time, from a fresh clock and from one
// that has read other times.
func FuzzTimestamp(f *testing.F) {
	for _, s := range []string{
		"2012-11-22T09:31:34Z", "2012-11-22T09:31:34.123456-08:00", "2012-02-29T23:59:59.123456789+05:45", "2012-11-22T09:31:34.5+0100",
		"2013-02-29T00:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:59:59+01:00", "2261-12-31T23:59:59Z", "2262-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z",
		"2012-11-22T24:00:00Z", "2012-11-22T09:31:60Z", "2012-11-22T09:31:34.1234567890Z", "2012-11-22T09:31:34.Z", "2012-11-22T09:31:34+24:00", "2012-11-22T09:31:34", "2012-11-22t09:31:34z",
	} {
		f.Add(s)
	}
	used := new(clock)
	f.Fuzz(func(t *testing.T, text string) {
		b := buffer(text)
		i := used.timestamp(b, 0)
		fresh := new(clock)
		if j := fresh.timestamp(b, 0); i != j || i >= 0 && (used.second != fresh.second || used.nanos != fresh.nanos || used.dated != fresh.dated) {
			t.Fatalf("%q: %d %d.%09d, from a fresh clock %d %d.%09d", text, i, used.second, used.nanos, j, fresh.second, fresh.nanos)
		}
		if i < 0 {
			// What package time takes and would write alike, we take.
			want, err := time.Parse(time.RFC3339Nano, text)
			if err != nil || want.Format(time.RFC3339Nano) != text {
				return
			}
			if _, offset := want.Zone(); offset > -24*3600 && offset < 24*3600 {
				t.Errorf("%q is not read", text)
			}
			return
		}
		if i > len(text) {
			t.Fatalf("%q: read to %d", text, i)
		}
		if logplex := strings.TrimSuffix(text[:i], "Z+00:00"); logplex != text[:i] {
			i = len(logplex + "Z")
		}
		want, err := time.Parse(time.RFC3339Nano, text[:i])
		if err != nil {
			if want, err = time.Parse("2006-01-02T15:04:05.999999999-0700", text[:i]); err != nil {
				t.Fatalf("%q is read: %v", text[:i], err)
			}
		}
		within := want.Unix() >= 0 && want.Unix() < timing.LastLine
		if used.dated != within || within && (used.second != want.Unix() || int(used.nanos) != want.Nanosecond()) {
			t.Errorf("%q: %d.%09d, within bounds %v; want %d.%09d", text[:i], used.second, used.nanos, used.dated, want.Unix(), want.Nanosecond())
		}
	})
}

// FuzzCommon does the same for times of the common log format.
func FuzzCommon(f *testing.F) {
	for _, s := range []string{"22/Nov/2012:09:31:34 -0800", "29/Feb/2012:23:59:59 +0545", "29/Feb/2013:00:00:00 +0000", "01/Jan/1970:00:00:00 +0100", "01/jan/2012:00:00:00 +0100", "22/Nov/2012:09:31:34 +00:00"} {
		f.Add(s)
	}
	used := new(clock)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) != clfLength {
			return
		}
		ok := used.common(buffer(text), 0) >= 0
		want, err := time.Parse("02/Jan/2006:15:04:05 -0700", text)
		canonical := err == nil && want.Format("02/Jan/2006:15:04:05 -0700") == text
		if canonical && !ok && text[22:24] < "24" || ok && err != nil {
			t.Fatalf("%q: read %v, by package time %v", text, ok, err)
		}
		if ok && used.dated && used.second != want.Unix() {
			t.Errorf("%q: %d, want %d", text, used.second, want.Unix())
		}
	})
}

// Every day that there is, and none that there is not.
func TestDays(t *testing.T) {
	day := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	for year := range int64(10000) {
		for month := int64(0); month <= 13; month++ {
			for d := int64(0); d <= 32; d++ {
				days, ok := daysSince1970(year, month, d)
				if !ok {
					continue
				}
				if want := day.Unix() / 86400; days != want {
					t.Fatalf("%d-%02d-%02d: day %d, want %d", year, month, d, days, want)
				}
				day = day.AddDate(0, 0, 1)
			}
		}
	}
	if want := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC); !day.Equal(want) {
		t.Errorf("the last day is the one before %v", day)
	}
}

func TestTimeBounds(t *testing.T) {
	long := "2012-11-22T09:31:34Z " + strings.Repeat("x", MaxLen)
	if _, ok := new(Times).Near([]byte(long[:MaxLen]), -1); !ok {
		t.Error("the longest line has no time")
	}
	if _, ok := new(Times).Near([]byte(long[:MaxLen]+"\r"), -1); !ok {
		t.Error("the longest line with a CR has no time")
	}
	if _, ok := new(Times).Near([]byte(long[:MaxLen+1]), -1); ok {
		t.Error("a line that is too long has a time")
	}
	if _, ok := new(Times).Near(nil, -1); ok {
		t.Error("an empty line has a time")
	}
}

// TestHalfDays: AM and PM after a time of day count, wherever it stands, and a time that
// contradicts them dates nothing.
func TestHalfDays(t *testing.T) {
	s := newSchema(t, "level", "host", "took", "http_status")
	sc, ev := s.NewScanner(), new(Event)
	for _, test := range []struct{ line, time, level, host string }{
		{"2025-03-03 08:30:01 PM INFO took=5", "2025-03-03T20:30:01Z", "INFO", ""},
		{"2025-03-03 08:30:01.250 pm INFO took=5", "2025-03-03T20:30:01.25Z", "INFO", ""},
		{"2025-03-03 12:30:01 AM INFO took=5", "2025-03-03T00:30:01Z", "INFO", ""},
		{"2025-03-03 12:30:01 PM +0100 INFO took=5", "2025-03-03T11:30:01Z", "INFO", ""},
		{"2025/03/03 08:30:01 AM UTC INFO took=5", "2025-03-03T08:30:01Z", "INFO", ""},
		{"03-Mar-2025 08:30:01 PM INFO took=5", "2025-03-03T20:30:01Z", "INFO", ""},
		{"[Mon Mar  3 08:30:01 PM UTC 2025] [INFO] took=5", "2025-03-03T20:30:01Z", "INFO", ""},
		{"[Mon Mar  3 08:30:01 PM 2025] [INFO] took=5", "2025-03-03T20:30:01Z", "INFO", ""},
		{`time="2025-03-03 08:30:01 PM" level=INFO took=5`, "2025-03-03T20:30:01Z", "INFO", ""},
		{`1.2.3.4 - - [03/Mar/2025:08:30:01 PM] "GET / HTTP/1.1" 200 12`, "2025-03-03T20:30:01Z", "", ""},
		{"2025-03-03 20:30:01 PM INFO took=5", "2025-03-03T20:30:01Z", "INFO", ""},
		{"2025-03-03 20:30:01 AM INFO took=5", "", "INFO", ""},
		{"2025-03-03 00:30:01 PM INFO took=5", "", "INFO", ""},
		{"2025-03-03 08:30:01 PMX took=5", "2025-03-03T08:30:01Z", "", ""},
		{"Mar  3 08:30:01 PM h app: took=5", "2025-03-03T20:30:01Z", "", "h"},
		{"Mar  3 12:30:01 AM h app: took=5", "2025-03-03T00:30:01Z", "", "h"},
		{"Mar  3 08:30:01 pm app: took=5", "2025-03-03T08:30:01Z", "", "pm"},
		{"Mar  3 20:30:01 AM h app: took=5", "", "", "h"},
	} {
		sc.NearRecorded(unix(t, "2025-03-04T00:00:00Z"))
		sc.Parse(ev, buffer(test.line), 0, len(test.line))
		second, nanos, ok := ev.Time()
		text := func(name string) string {
			if at := s.Slot(name); ev.Has(at) {
				return string(ev.Bytes(at))
			}
			return ""
		}
		if got := formatTime(second*1e9+int64(nanos), ok); got != test.time || text("level") != test.level || text("host") != test.host {
			t.Errorf("%s: %q, level %q, host %q, want %q, %q, %q", test.line, got, text("level"), text("host"), test.time, test.level, test.host)
		}
	}
}
