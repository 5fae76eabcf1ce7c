package line

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"pulse/stats/condition"
)

func TestOrigin(t *testing.T) {
	nasty := "a b&c=d%41:\n\xff€"
	o, err := NewOrigin("input", "drain", "source", nasty, "token", "", "remote", "2001:db8::1")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"input": "drain", "source": nasty, "remote": "2001:db8::1"}
	if got := maps.Collect(o.Fields()); !maps.Equal(got, want) {
		t.Errorf("%s has %q, want %q", o, got, want)
	}
	if strings.ContainsAny(string(o), " \n") {
		t.Errorf("%q is not plain", o)
	}
	if _, err := NewOrigin("app", strings.Repeat("x", MaxOrigin)); err == nil {
		t.Error("an origin beyond its bound was made")
	}
}

func FuzzOrigin(f *testing.F) {
	f.Add("k", "v")
	f.Add("", "%")
	f.Fuzz(func(t *testing.T, key, value string) {
		from, err := NewOrigin(key, value)
		if err != nil || value == "" {
			return
		}
		if got := maps.Collect(from.Fields()); got[key] != value || len(got) != 1 {
			t.Fatalf("%q=%q came back as %q", key, value, got)
		}
	})
}

// TestFrom: what a line's origin says holds, whatever the line says itself, in every
// format; the next origin's lines have its own.
func TestFrom(t *testing.T) {
	text := func(s string) condition.Constant { return condition.Constant{Type: condition.Text, Text: s} }
	s, err := NewSchema(Field{Name: "input", Constants: []condition.Constant{text("drain"), text("file")}}, Field{Name: "remote", Coded: true}, Field{Name: "n"})
	if err != nil {
		t.Fatal(err)
	}
	input, remote, n := s.Slot("input"), s.Slot("remote"), s.Slot("n")
	sc := s.NewScanner()
	var ev Event
	for _, format := range []string{
		"n=1 input=file remote=10.0.0.1 n=%d",
		"2012-11-22T09:31:34.123456-08:00 10.1.2.3 local7.info nginx[12] - runtime.17@heroku.com - input=file n=%d",
		`{"input":"file","remote":7,"n":%d}`,
		"<134>1 2012-11-22T09:00:00Z host app web.1 - - input=file n=%d",
		"2012-11-22T09:00:00+00:00 app[web.1]: remote=x input=file n=%d",
		"(nothing that is known %d",
	} {
		for i, test := range []struct{ origin, input, remote string }{
			{"input=drain&other=x", "drain", ""},
			{"", "", ""},
			{"input=drain&remote=7", "drain", "7"},
			{"other=x", "", ""},
			{"remote=a%20b", "", "a b"},
			{"input=drain&remote=7", "drain", "7"},
		} {
			l := fmt.Sprintf(format, i)
			own := func(key string) string {
				_, after, found := strings.Cut(strings.NewReplacer(`"`, "", ":", "=", ",", " ").Replace(l), key+"=")
				if !found {
					return ""
				}
				return strings.Fields(after)[0]
			}
			sc.From(Origin(test.origin))
			b := append([]byte(l), make([]byte, Padding)...)
			sc.Parse(&ev, b, 0, len(l))
			for _, f := range []struct {
				slot           Slot
				name, of, want string
			}{{input, "input", test.input, ""}, {remote, "remote", test.remote, ""}} {
				want := f.of
				if want == "" && format[0] != '(' {
					want = own(f.name)
				}
				got := ""
				if ev.Has(f.slot) {
					got = string(ev.Bytes(f.slot))
				}
				if got != want {
					t.Errorf("from %q: the %s of %q is %q, want %q", test.origin, f.name, l, got, want)
				}
				if f.of != "" && !ev.IsText(f.slot) {
					t.Errorf("from %q: the %s of %q is no text", test.origin, f.name, l)
				}
			}
			var last ID
			for _, c := range ev.AppendCodes(nil) {
				if c.Slot() == input {
					last = c.ID()
				}
			}
			if want := test.input; want != "" && last != s.Constant(input, text(want)) {
				t.Errorf("from %q: the code of %q is %d", test.origin, l, last)
			}
			if format[0] != '(' && !ev.Has(n) {
				t.Errorf("%q has no n", l)
			}
		}
	}
}

// TestManyOrigins: as many as there may be are kept ready, and others are right too.
func TestManyOrigins(t *testing.T) {
	s, err := NewSchema(Field{Name: "remote"})
	if err != nil {
		t.Fatal(err)
	}
	sc, remote := s.NewScanner(), s.Slot("remote")
	var ev Event
	b := append([]byte("x=1"), make([]byte, Padding)...)
	for i := range 5 * maxOrigins {
		want := fmt.Sprint(i * 7919 % (3 * maxOrigins))
		sc.From(Origin("remote=" + want))
		sc.Parse(&ev, b, 0, 3)
		if got := string(ev.Bytes(remote)); got != want {
			t.Fatalf("origin %d: %q, want %q", i, got, want)
		}
		if len(sc.origins) > maxOrigins {
			t.Fatalf("%d origins are kept", len(sc.origins))
		}
	}
}

// TestNamedFormats: a line in the format that its origin names is parsed as ever, and
// one of another format is unparsed.
func TestNamedFormats(t *testing.T) {
	names := []string{"source", "msg", "unparsed", "http_status", "n", "format"}
	var fields []Field
	for _, name := range names {
		fields = append(fields, Field{Name: name})
	}
	s, err := NewSchema(fields...)
	if err != nil {
		t.Fatal(err)
	}
	sc := s.NewScanner()
	text := func(from Origin, l string) string {
		var ev Event
		sc.From(from)
		sc.Parse(&ev, append([]byte(l), make([]byte, Padding)...), 0, len(l))
		var found []string
		for _, name := range names[:5] {
			if slot := s.Slot(name); ev.Has(slot) {
				found = append(found, fmt.Sprintf("%s=%q", name, ev.Bytes(slot)))
			}
		}
		second, nanos, dated := ev.Time()
		return fmt.Sprint(found, second, nanos, dated)
	}
	for _, of := range Formats {
		if of.named {
			continue
		}
		is, l := of.Name, of.Samples[0].Line
		for _, f := range Formats {
			name := f.Name
			o, err := NewOrigin(FormatField, name)
			if err != nil {
				t.Fatal(err)
			}
			got := text(o, l)
			switch {
			case name == is:
				if want := text("", l); got != want {
					t.Errorf("%s named: %s, by its look %s", name, got, want)
				}
			case name == "text":
				if want := fmt.Sprintf(`[msg=%q] 0 0 false`, l); got != want {
					t.Errorf("%s as text: %s, want %s", is, got, want)
				}
			case is == "auditd" && name == "logfmt": // that is how its fields are written
			case name == "log" && (is == "coredns" || strings.Contains(got, " true")): // a level, or one after a time, as others have it
			default:
				if !strings.Contains(got, "unparsed") {
					t.Errorf("%s as %s: %s, want it unparsed", is, name, got)
				}
			}
			if got := text(o, ""); !strings.Contains(got, "unparsed") {
				t.Errorf("nothing as %s: %s", name, got)
			}
		}
	}
	for _, l := range []string{"2012-10-11T22:14:15.123+02:00 host1 su[3]: n=6", "<13>2012-10-11T22:14:15Z host1 su: n=7", "<13>Oct 11 22:14:15 host1 su: n=8"} {
		if got, want := text("format=syslog", l), text("", l); got != want || !strings.Contains(got, "n=") {
			t.Errorf("%s as syslog: %s, by its look %s", l, got, want)
		}
	}
	if _, err := NewOrigin(FormatField, "xml"); err == nil || !strings.Contains(err.Error(), "access, alb") {
		t.Errorf("a format that there is not: %v", err)
	}
}

// FuzzNamedFormats parses any line as any format.
func FuzzNamedFormats(f *testing.F) {
	f.Add("", uint8(0))
	f.Add("<134>1 2012-11-22T09:00:00Z host app web.1 - - n=3", uint8(6))
	f.Add("12 <13>Nov 22 09:00:00 a b[1]: c", uint8(6))
	f.Add("2012-11-22T09:31:34.123456+00:00 heroku[router]: n=2", uint8(1))
	f.Add("2012-11-22T09:31:34.123456-08:00 10.1.2.3 local7.info nginx[12] - runtime.17@heroku.com - n=1", uint8(5))
	s, err := NewSchema(Field{Name: "source"}, Field{Name: "msg"}, Field{Name: "unparsed"}, Field{Name: "n"})
	if err != nil {
		f.Fatal(err)
	}
	var names []string
	for _, format := range Formats {
		names = append(names, format.Name)
	}
	f.Fuzz(func(t *testing.T, text string, format uint8) {
		if strings.ContainsRune(text, '\n') {
			return
		}
		o, err := NewOrigin(FormatField, names[int(format)%len(names)])
		if err != nil {
			t.Fatal(err)
		}
		sc := s.NewScanner()
		sc.From(o)
		var ev Event
		sc.Parse(&ev, append([]byte(text), make([]byte, Padding)...), 0, len(text))
		for slot := range Slot(s.Len()) {
			if ev.Has(slot) && len(ev.Bytes(slot)) > max(len(text), len("true")) {
				t.Fatalf("as %s a field has %q", o, ev.Bytes(slot))
			}
		}
	})
}
