package line

import (
	"testing"
	"time"
)

func unix(t *testing.T, text string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.Unix()
}

// The year and the zone of a time of RFC 3164 follow from when it was read.
func TestNear(t *testing.T) {
	for _, test := range []struct {
		name, near, time, want string
		inUTC                  string // what a recording's clock makes of it; "": the same
	}{
		{"now", "2012-11-22T09:31:35Z", "Nov 22 09:31:34", "2012-11-22T09:31:34Z", ""},
		{"earlier this year", "2012-11-22T09:31:35Z", "Mar  2 09:31:34", "2012-03-02T09:31:34Z", ""},
		{"last year", "2012-11-22T09:31:35Z", "Dec 24 09:00:00", "2011-12-24T09:00:00Z", ""},
		{"a day later", "2012-11-22T09:31:34Z", "Nov 23 09:31:34", "2012-11-23T09:31:34Z", ""},
		{"more than a day later", "2012-11-22T09:31:34Z", "Nov 23 09:31:35", "2011-11-23T09:31:35Z", ""},
		{"new year's eve, read after midnight", "2013-01-01T00:00:01Z", "Dec 31 23:59:59", "2012-12-31T23:59:59Z", ""},
		{"new year, read before midnight", "2012-12-31T23:59:59Z", "Jan  1 00:00:00", "2013-01-01T00:00:00Z", ""},
		{"leap day", "2015-02-28T00:00:00Z", "Feb 29 12:00:00", "2012-02-29T12:00:00Z", ""},
		{"leap day across 1900", "1972-01-01T00:00:00Z", "Feb 29 12:00:00", "", "none"},
		{"one hour east", "2012-11-22T09:31:35Z", "Nov 22 10:31:34", "2012-11-22T09:31:34Z", "2012-11-22T10:31:34Z"},
		{"eight hours west", "2012-11-22T01:31:35Z", "Nov 21 17:31:40", "2012-11-22T01:31:40Z", "2012-11-21T17:31:40Z"},
		{"half an hour more", "2012-11-22T09:31:35Z", "Nov 22 15:01:34", "2012-11-22T09:31:34Z", "2012-11-22T15:01:34Z"},
		{"fourteen hours east, new year", "2012-12-31T10:00:00Z", "Jan  1 00:00:00", "2012-12-31T10:00:00Z", "2013-01-01T00:00:00Z"},
		{"no zone is that far", "2012-11-22T23:31:35Z", "Nov 22 08:31:35", "2012-11-22T08:31:35Z", ""},
		{"three minutes late is no zone", "2012-11-22T09:31:35Z", "Nov 22 08:28:00", "2012-11-22T08:28:00Z", ""},
	} {
		text := "<34>" + test.time + " host su[12]: hello there"
		near := unix(t, test.near)
		schema, err := NewSchema()
		if err != nil {
			t.Fatal(err)
		}
		sc, ev := schema.NewScanner(), new(Event)
		sc.Near(near)
		sc.Parse(ev, append([]byte(text), make([]byte, Padding)...), 0, len(text))
		second, nanos, dated := ev.Time()
		got := ""
		if dated {
			got = time.Unix(second, int64(nanos)).UTC().Format(time.RFC3339Nano)
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		inUTC := test.inUTC
		if inUTC == "" {
			inUTC = test.want
		}
		var times Times
		at, ok := times.Near([]byte(text), near)
		if got := time.Unix(0, at).UTC().Format(time.RFC3339Nano); ok && got != inUTC || !ok && inUTC != "none" {
			t.Errorf("%s: Near gives %s, %v, want %s", test.name, got, ok, inUTC)
		}
		if _, ok := new(Times).Near([]byte(text), -1); ok {
			t.Errorf("%s: has a time without knowing when it was read", test.name)
		}
	}
}

func TestOriginal(t *testing.T) {
	for _, m := range []Mapping{{}, {From: 5e9, To: 1000e9}, {From: 1353576694e9, To: 1700000000e9, Milli: 2500}, {From: 1e18, To: 5e17, Milli: 1}} {
		for _, second := range []int64{1353576694, 1353579999, 1700000000} {
			back := m.Original(m.Apply(second*1e9) / 1e9)
			off := int64(1)
			if m.Milli > 0 {
				off += int64(m.Milli) / 1000
			}
			if d := back - second; back >= 0 && (d < -off || d > off) {
				t.Errorf("%+v: %d becomes %d", m, second, back)
			}
		}
	}
	if got := (Mapping{To: 1e9, Milli: 1 << 31}).Original(1 << 40); got != -1 {
		t.Errorf("far away: %d", got)
	}
}

func TestBSD(t *testing.T) {
	testFormat(t, []formatTest{
		{"of the RFC", "<34>Oct 11 22:14:15 mymachine su[12]: 'su root' failed for lonvick on /dev/pts/8", "", fields{
			"facility": "'auth", "level": "'crit", "host": "'mymachine", "source": "'su", "ps": "12", "msg": "''su root' failed for lonvick on /dev/pts/8"}},
		{"without a tag", "<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!", "", fields{
			"facility": "'user", "level": "'notice", "host": "'10.0.0.99", "msg": "'Use the BFG!"}},
		{"of a file, with attributes", "Feb 05 17:32:18 h1 app/web.1: at=info n=5 host=other", "", fields{
			"host": "'h1", "source": "'app/web.1", "at": "'info", "n": "5", "msg": "'at=info n=5 host=other"}},
		{"counted octets", "47 <13>Feb  5 17:32:18 h1 app: at=info", "", fields{
			"facility": "'user", "level": "'notice", "host": "'h1", "source": "'app", "at": "'info", "msg": "'at=info"}},
		{"without a message", "<0>Oct 22 10:52:01 h1 sched:", "", fields{"facility": "'kern", "level": "'emerg", "host": "'h1", "source": "'sched"}},
		{"no host, but a tag", "<34>Oct 11 22:14:15 su[812]: a=1", "", fields{"facility": "'auth", "level": "'crit", "source": "'su", "ps": "812", "msg": "'a=1", "a": "1"}},
		{"an address with a colon", "<34>Oct 11 22:14:15 10.0.0.1: su: a=1", "", fields{"facility": "'auth", "level": "'crit", "host": "'10.0.0.1:", "source": "'su", "msg": "'a=1", "a": "1"}},
		{"no such day", "<34>Oct 32 22:14:15 mymachine su: x", "", fields{"unparsed": "true"}},
		{"no such month", "<34>Okt 11 22:14:15 mymachine su: x", "", fields{"unparsed": "true"}},
		{"no host", "<34>Oct 11 22:14:15 ", "", fields{"unparsed": "true"}},
		{"priority too high", "<192>Oct 11 22:14:15 mymachine su: x", "", fields{"unparsed": "true"}},
		{"rsyslog's file", "2012-10-11T22:14:15.123+02:00 host1 su[3]: a=1", "2012-10-11T20:14:15.123Z", fields{
			"host": "'host1", "source": "'su", "ps": "3", "msg": "'a=1", "a": "1"}},
		{"rsyslog's file, without a process", "2012-10-11T22:14:15Z 2001:db8::1 postfix/smtpd: hello", "2012-10-11T22:14:15Z", fields{
			"host": "'2001:db8::1", "source": "'postfix/smtpd", "msg": "'hello"}},
		{"journalctl's, without a message", "2012-10-11T22:14:15+0200 host1 kernel:", "2012-10-11T20:14:15Z", fields{"host": "'host1", "source": "'kernel"}},
		{"rsyslog's forward", "<13>2012-10-11T22:14:15Z host su: x", "2012-10-11T22:14:15Z", fields{
			"facility": "'user", "level": "'notice", "source": "'su", "msg": "'x"}},
		{"rsyslog's forward, without a tag", "<13>2012-10-11T22:14:15.5Z h1 no tag: a", "2012-10-11T22:14:15.5Z", fields{
			"facility": "'user", "level": "'notice", "host": "'h1", "msg": "'no tag: a"}},
		{"rsyslog's forward, counted", `47 <34>2012-10-11T22:14:15Z h1 app[7]: {"a":1}`, "2012-10-11T22:14:15Z", fields{
			"facility": "'auth", "level": "'crit", "host": "'h1", "source": "'app", "ps": "7", "a": "1", "msg": `'{"a":1}`}},
		{"rsyslog's forward, before 1970", "<13>1969-10-11T22:14:15Z h1 su: x", "", fields{"facility": "'user", "level": "'notice", "host": "'h1", "source": "'su", "msg": "'x"}},
		{"no such time", "<13>2012-10-32T22:14:15Z h1 su: x", "", fields{"unparsed": "true"}},
		{"a time, no host", "<13>2012-10-11T22:14:15Z ", "", fields{"unparsed": "true"}},
		{"a time and no more", "<13>2012-10-11T22:14:15Z", "", fields{"unparsed": "true"}},
		{"no priority and no tag", "2012-10-11T22:14:15Z h1 hello there: x", "2012-10-11T22:14:15Z", fields{"unparsed": "true"}},
		{"a level is no host", "2012-10-11T22:14:15Z WARN main: x", "2012-10-11T22:14:15Z", fields{"level": "'WARN", "msg": "'main: x"}},
		{"a word with a colon is no host", "2012-10-11T22:14:15Z app: main: x", "2012-10-11T22:14:15Z", fields{"unparsed": "true"}},
		{"what is in brackets is no host", "2012-10-11T22:14:15Z [main] app: x", "2012-10-11T22:14:15Z", fields{"unparsed": "true"}},
		{"Heroku's stays Heroku's", "2012-10-11T22:14:15Z su[3]: main: x", "2012-10-11T22:14:15Z", fields{"source": "'su", "ps": "3", "msg": "'main: x"}},
		{"Pulse's stays Pulse's", "2012-10-11T22:14:15Z h1 local7.info su: - w - x=1", "2012-10-11T22:14:15Z", fields{"source": "'su", "level": "'info", "msg": "'x=1"}},
		{"logfmt that begins alike", "one two three: a=1 b=2", "", fields{"msg": "'one two three: a=1 b=2", "a": "1", "b": "2"}},
	})
}
