package line

import (
	"strings"
	"testing"
	"time"
)

// TestTimes reads times as loggers print them, each in UTC and in Berlin's zone.
func TestTimes(t *testing.T) {
	const at, east = "2025-11-22T09:31:34Z", "2025-11-22T08:31:34Z"
	for _, test := range []struct{ text, want, berlin string }{
		{"2025-11-22T09:31:34Z", at, at},
		{"2025-11-22T10:31:34+01:00", at, at},
		{"2025-11-22T10:31:34+0100", at, at},
		{"2025-11-22T09:31:34Z+00:00", at, at},
		{"2025-11-22T09:31:34.123456789Z", "2025-11-22T09:31:34.123456789Z", "2025-11-22T09:31:34.123456789Z"},
		{"2025-11-22T09:31:34", at, east},
		{"2025-11-22 09:31:34", at, east},
		{"2025-11-22 09:31:34,124", "2025-11-22T09:31:34.124Z", "2025-11-22T08:31:34.124Z"},
		{"2025-11-22 09:31:34.1Z", "2025-11-22T09:31:34.1Z", "2025-11-22T09:31:34.1Z"},
		{"2025-11-22 09:31:34 UTC", at, at},
		{"2025-11-22 09:31:34.5 GMT", "2025-11-22T09:31:34.5Z", "2025-11-22T09:31:34.5Z"},
		{"2025-11-22 10:31:34 +0100", at, at},
		{"2025-11-22 10:31:34 +01:00", at, at},
		{"2025-11-22 09:31:34.5 +0000 UTC", "2025-11-22T09:31:34.5Z", "2025-11-22T09:31:34.5Z"},
		{"2025-11-22 10:31:34 CET", at, at},
		{"2025-07-22 11:31:34 CEST", "2025-07-22T09:31:34Z", "2025-07-22T09:31:34Z"},
		{"2025-11-22 09:31:34 CST", "", ""},
		{"2025-11-22 09:31:34 ABC", "", ""},
		{"2025-11-22 09:31:34x", "", ""},
		{"2025-11-22  9:31:34", at, east},
		{"2025/11/22 09:31:34", at, east},
		{"2025/11/22 09:31:34.123456", "2025-11-22T09:31:34.123456Z", "2025-11-22T08:31:34.123456Z"},
		{"2025/11/22T09:31:34", "", ""},
		{"22/Nov/2025:09:31:34 +0000", at, at},
		{"[22/Nov/2025:10:31:34 +0100]", at, at},
		{"22/Nov/2025:09:31:34", at, east},
		{"22/Nov/2025 09:31:34", at, east},
		{"22/Nov/2025:09:31:34.655", "2025-11-22T09:31:34.655Z", "2025-11-22T08:31:34.655Z"},
		{"22-Nov-2025 09:31:34.123", "2025-11-22T09:31:34.123Z", "2025-11-22T08:31:34.123Z"},
		{"22 Nov 2025 09:31:34.123", "2025-11-22T09:31:34.123Z", "2025-11-22T08:31:34.123Z"},
		{"2 Nov 2025 09:31:34", "2025-11-02T09:31:34Z", "2025-11-02T08:31:34Z"},
		{"31/Nov/2025 09:31:34", "", ""},
		{"Sat Nov 22 09:31:34 2025", at, east},
		{"Sat Nov 22 09:31:34.123456 2025", "2025-11-22T09:31:34.123456Z", "2025-11-22T08:31:34.123456Z"},
		{"Sat Nov  2 09:31:34 2025", "2025-11-02T09:31:34Z", "2025-11-02T08:31:34Z"},
		{"Sat Nov 22 10:31:34 CET 2025", at, at},
		{"Sat Nov 22 10:31:34 +0100 2025", at, at},
		{"Sat Nov 22 10:31:34 XYZ 2025", "", ""},
		{"Sat, 22 Nov 2025 09:31:34 GMT", at, at},
		{"Sat, 22 Nov 2025 10:31:34 +0100", at, at},
		{"1763803894", at, at},
		{"1763803894.5", "2025-11-22T09:31:34.5Z", "2025-11-22T09:31:34.5Z"},
		{"1.763803894e9", at, at},
		{"1763803894123", "2025-11-22T09:31:34.123Z", "2025-11-22T09:31:34.123Z"},
		{"1763803894123456", "2025-11-22T09:31:34.123456Z", "2025-11-22T09:31:34.123456Z"},
		{"1763803894123456789", "2025-11-22T09:31:34.123456789Z", "2025-11-22T09:31:34.123456789Z"},
		{"12", "", ""}, {"", "", ""}, {"x", "", ""}, {"2025-11-22", "", ""}, {"09:31:34", "", ""},
	} {
		for zone, want := range map[string]string{"": test.want, "UTC": test.want, "Europe/Berlin": test.berlin, "+00:00": test.want} {
			var c clock
			if zone != "" {
				var err error
				if c.zone, err = ParseZone(zone); err != nil {
					t.Fatal(err)
				}
			}
			got := ""
			if b := buffer(test.text); c.any(b, 0, len(test.text)) {
				got = time.Unix(c.second, int64(c.nanos)).UTC().Format(time.RFC3339Nano)
			}
			if got != want {
				t.Errorf("%q in zone %q is %q, want %q", test.text, zone, got, want)
			}
		}
	}
}

// TestZones: a zone holds for the lines of its origin, in the receiver as in the
// clock of a recording, and an hour that comes twice is told by its name.
func TestZones(t *testing.T) {
	s := newSchema(t)
	for _, test := range []struct{ zone, line, want string }{
		{"", "time=\"2025-11-22 09:31:34\" n=1", "2025-11-22T09:31:34Z"},
		{"Europe/Berlin", "time=\"2025-11-22 09:31:34\" n=1", "2025-11-22T08:31:34Z"},
		{"Europe/Berlin", "time=\"2025-07-22 09:31:34\" n=1", "2025-07-22T07:31:34Z"},
		{"+05:30", "time=\"2025-11-22 09:31:34\" n=1", "2025-11-22T04:01:34Z"},
		{"-0800", "2025-11-22 09:31:34 a line of some sixty-four bytes that begins with its time", "2025-11-22T17:31:34Z"},
		{"America/Chicago", "time=\"2025-11-22 09:31:34 CST\" n=1", "2025-11-22T15:31:34Z"},
		{"Asia/Shanghai", "time=\"2025-11-22 09:31:34 CST\" n=1", "2025-11-22T01:31:34Z"},
		{"Europe/Berlin", "time=\"2025-11-22 09:31:34 CST\" n=1", ""},
		{"Europe/Berlin", "time=\"2025-10-26 02:30:00 CEST\" n=1", "2025-10-26T00:30:00Z"},
		{"Europe/Berlin", "time=\"2025-10-26 02:30:00 CET\" n=1", "2025-10-26T01:30:00Z"},
		{"Europe/Berlin", "<13>Nov 22 10:31:34 a b: c", "2025-11-22T09:31:34Z"},
		{"", "<13>Nov 22 10:31:34 a b: c", "2025-11-22T10:31:34Z"},
	} {
		from, err := NewOrigin(ZoneField, test.zone)
		if err != nil {
			t.Fatal(err)
		}
		near := unix(t, "2025-11-22T12:12:12Z")
		sc, ev := s.NewScanner(), new(Event)
		sc.From(from)
		sc.Near(near)
		sc.Parse(ev, buffer(test.line), 0, len(test.line))
		second, nanos, ok := ev.Time()
		if got := formatTime(second*1e9+int64(nanos), ok); got != test.want {
			t.Errorf("%q in zone %q is %q, want %q", test.line, test.zone, got, test.want)
		}
		var times Times
		times.From(from)
		if got := formatTime(times.Near([]byte(test.line), near)); got != test.want {
			t.Errorf("%q in zone %q of a recording is %q, want %q", test.line, test.zone, got, test.want)
		}
	}
	for _, zone := range []string{"Local", "Mars/Olympus", "+1", "+01:00x", "CEST"} {
		if _, err := NewOrigin(ZoneField, zone); err == nil || !strings.Contains(err.Error(), "Europe/Berlin") {
			t.Errorf("zone %q: %v", zone, err)
		}
	}
}

func formatTime(nanos int64, ok bool) string {
	if !ok {
		return ""
	}
	return time.Unix(0, nanos).UTC().Format(time.RFC3339Nano)
}

// FuzzDate: what is read as a time ends within the text, and a used clock reads it
// as a fresh one does.
func FuzzDate(f *testing.F) {
	for _, s := range []string{
		"2025-11-22 09:31:34,124 +0100 CET", "2025/11/22  9:31:34 UTC", "22/Nov/2025:09:31:34.1 CST", "Sat Nov 22 09:31:34.5 CET 2025", "Sat, 22 Nov 2025 09:31:34 GMT",
		"[22/Nov/2025:09:31:34 +0000]", "1763803894.5", "1.7e9", "1763803894123456789", "9 Nov 2025 09:31:34",
	} {
		f.Add(s)
	}
	zone, err := ParseZone("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	used := &clock{zone: zone}
	f.Fuzz(func(t *testing.T, text string) {
		b := buffer(text)
		fresh := &clock{zone: zone}
		i, j := used.date(b, 0), fresh.date(b, 0)
		if i != j || i > len(text) || i >= 0 && (used.second != fresh.second || used.nanos != fresh.nanos || used.dated != fresh.dated) {
			t.Fatalf("%q: %d %d.%09d, from a fresh clock %d %d.%09d", text, i, used.second, used.nanos, j, fresh.second, fresh.nanos)
		}
		ok := used.any(b, 0, len(text))
		if fresh.any(b, 0, len(text)) != ok || ok && (used.second != fresh.second || used.nanos >= 1e9) {
			t.Fatalf("%q: %d.%09d, from a fresh clock %d", text, used.second, used.nanos, fresh.second)
		}
	})
}
