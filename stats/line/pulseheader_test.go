package line

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats/condition"
)

// TestPulseHeaders: a line whose header is known gives what a new scanner makes of it, with
// messages that look like headers, headers cut off and damaged, in other lines, with codes
// before them and more than are kept.
func TestPulseHeaders(t *testing.T) {
	text := func(text string) condition.Constant { return condition.Constant{Type: condition.Text, Text: text} }
	given := []Field{
		{Name: "level", Constants: []condition.Constant{text("info"), text("err")}}, {Name: "source", Constants: []condition.Constant{text("nginx"), text("101")}},
		{Name: "cloud", Constants: []condition.Constant{text("example.com")}}, {Name: "instance_id", Constants: []condition.Constant{text("7"), text("12")}},
		{Name: "slot", Coded: true}, {Name: "ps", Constants: []condition.Constant{text("101")}}, {Name: "msg", Coded: true}, {Name: "http_status", Coded: true},
		{Name: "at", Coded: true}, {Name: "unparsed", Coded: true}, {Name: "input", Coded: true}, {Name: "host", Coded: true},
	}
	r := rand.New(rand.NewPCG(3, 5))
	pick := func(texts ...string) string { return texts[r.IntN(len(texts))] }
	var many []Field
	for i := range 62 { // so that some slots are above 64
		many = append(many, Field{Name: fmt.Sprint("other", i)})
	}
	for _, fields := range [][]Field{given, append(many, given...), append([]Field{{Name: "line", Coded: true}}, given...), given[1:4]} {
		s, err := NewSchema(fields...)
		if err != nil {
			t.Fatal(err)
		}
		used, got, want := s.NewScanner(), new(Event), new(Event)
		found := 0
		for i := range testkit.Size(20_000, 100_000) {
			hosts := 20
			if i/1000%8 == 7 {
				hosts = 2000
			}
			host := r.IntN(hosts)
			header := fmt.Sprintf(" local7.%s %s[%d] - %s.%d@%s - ", pick("info", "err", "info"), pick("nginx", "varnish", "hermes", "rendezvous-with-a-name"), host+100,
				pick("routing", "cache", "runtime"), host, pick("example.com", "eu.example.com"))
			switch r.IntN(24) {
			case 0:
				header = header[:r.IntN(len(header)+1)]
			case 1:
				at := r.IntN(len(header))
				header = header[:at] + pick(" ", "-", "[", "]", "@", ".", "\x00", "x", ":", "") + header[at+1:]
			case 2:
				header = pick(" local7.info app: - - ", " local7.info application-server[1234]: - x - ", " local7.info nginx[101]: - routing-17.heroku.com - ", " local7.info application[101] - -17@a.example.com - ")
			}
			line := "2012-11-22T09:31:34Z 10.1.2." + pick("3", "4") + header + pick(
				`1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET /a HTTP/1.1" 503 12 "-" "-" a.example.com`, `1.2.3.4 - - "x" 503 `,
				"mod=a at=start level=err slot=x", "at=\"a b\" - x - ", "", "- ", "x - at", " at", header+"at")
			switch r.IntN(16) {
			case 0:
				line = line[:r.IntN(len(line)+1)]
			case 1:
				line = "<134>1 2012-11-22T09:31:34Z web-1 app 12 - - " + line
			case 2:
				line = line[:20] + "\x1b[31m" + line[20:]
			case 3:
				line = "\xef\xbb\xbf " + line
			}
			from := Origin(pick("", "", "input=a", "format=pulse"))
			fresh := s.NewScanner()
			used.From(from)
			fresh.From(from)
			buf := buffer(line)
			used.Parse(got, buf, 0, len(line))
			if used.headers.resting == 0 && used.headers.missed == 0 {
				found++
			}
			fresh.Parse(want, buf, 0, len(line))
			if !same(s, got, want) {
				gotCodes, _, _ := got.Codes()
				wantCodes, _, _ := want.Codes()
				t.Fatalf("line %d, %q\ngives %v %v, and by a new scanner %v %v", i, line, describe(s, got), gotCodes, describe(s, want), wantCodes)
			}
			switch {
			case i%7000 == 6999:
				used.headers.unknown = headerRelearn
			case i%500 == 499:
				used.headers.resting = 0
			}
		}
		if found < 1000 {
			t.Errorf("only %d lines had a header that was known", found)
		}
	}
}
