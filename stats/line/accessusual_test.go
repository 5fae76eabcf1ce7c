package line

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats/condition"
)

// same reports whether two events are of the same line: the same fields with the same types,
// numbers and codes, the same time and the same format.
func same(s *Schema, a, b *Event) bool {
	aSecond, aNanos, aDated := a.Time()
	bSecond, bNanos, bDated := b.Time()
	aCodes, aHash, aFit := a.Codes()
	bCodes, bHash, bFit := b.Codes()
	if aDated != bDated || aDated && (aSecond != bSecond || aNanos != bNanos) || aFit != bFit || aHash != bHash || !slices.Equal(aCodes, bCodes) ||
		a.Shape() != b.Shape() || !maps.Equal(describe(s, a), describe(s, b)) {
		return false
	}
	for slot := range Slot(s.Len()) {
		aNumber, aIs := a.Number(slot)
		bNumber, bIs := b.Number(slot)
		if aNumber != bNumber || aIs != bIs || a.Has(slot) && (a.IsText(slot) != b.IsText(slot) || a.Hash(slot) != b.Hash(slot)) {
			return false
		}
	}
	return true
}

// TestUsualAccess: an access line after others gives what a new scanner makes of it, whatever
// its parts are, cut off, damaged, with parts twice, alone and as the message of a Pulse line.
func TestUsualAccess(t *testing.T) {
	number := func(n string) condition.Constant {
		value, _ := numberOf(n)
		return condition.Constant{Type: condition.Num, Num: value}
	}
	text := func(text string) condition.Constant { return condition.Constant{Type: condition.Text, Text: text} }
	var all []Field
	for _, f := range Givens {
		if strings.HasPrefix(f.Name, "http_") {
			all = append(all, Field{Name: f.Name, Coded: true})
		}
	}
	all = append(all, Field{Name: "id", Coded: true}, Field{Name: "line", Coded: true})
	r := rand.New(rand.NewPCG(2, 9))
	pick := func(texts ...string) string { return texts[r.IntN(len(texts))] }
	for _, fields := range [][]Field{
		all,
		{{Name: "http_status", Constants: []condition.Constant{number("200"), number("7"), text("503"), text("x")}}, {Name: "http_bytes", Constants: []condition.Constant{number("12")}},
			{Name: "http_host", Constants: []condition.Constant{text("127.0.0.1")}}, {Name: "http_domain"}, {Name: "msg", Coded: true}},
		{{Name: "http_status"}, {Name: "http_user", Coded: true}, {Name: "at", Coded: true}},
		{{Name: "http_path", Coded: true}, {Name: "http_user_agent", Coded: true}, {Name: "http_status", Constants: []condition.Constant{text("x")}}},
	} {
		s, err := NewSchema(fields...)
		if err != nil {
			t.Fatal(err)
		}
		used, got, want := s.NewScanner(), new(Event), new(Event)
		found := 0
		for i := range testkit.Size(8_000, 30_000) {
			rarely := func(usual string, texts ...string) string {
				if r.IntN(12) == 0 {
					return pick(texts...)
				}
				return usual
			}
			part := []string{
				rarely("1.2.3.4", "123.123.123.123", "127.0.0.1", "1.2.3.4:80", "::1", "host", "a.example.com", "1.2.3.4, 5.6.7.8", "\"1.2.3.4\"", "1.2.3.4444444444444", "12345678"),
				rarely(" - - [", " - bob [", " a.example.com - [", " [", "  - - [", " - - - [", " - - ", "- - [") + rarely("22/Nov/2012:09:31:34 -0800", "22/Nov/2012:09:31:35 -0800", "22/Dec/2012:09:31:34 -0800", "22/Nov/2013:09:31:34 -0800", "22/Nov/2012:09:32:34 -0800", "22/Nov/2012:09:31:34 +0100",
					"22/Nov/2012:09:31:34", "2012-11-22T09:31:34+01:00", "2012-11-22 09:31:34.1234567", "32/Nov/2012:09:31:34 -0800", "01/Jan/1970:00:00:00 +0000") + rarely("] \"", "] a.example.com \"", "]\"", "] "),
				rarely("GET /a?b=c HTTP/1.1", "-", "", "\\x16\\x03", `GET /\"b HTTP/1.1`, `GET /b\\`, "POST http://example.com/a HTTP/2.0", "a b"),
				rarely("\" ", "\"", "\"  ", "\\\" ", "\" \" "),
				rarely(pick("200", "503", "007"), "20", "2000", "-", "2x0", "", "000"),
				rarely(" "+pick("1", "12", "-", "12345", "0"), " 1234567", " 12345678", " 123456789012", " 1a", " ", "", " -1", "  12"),
				rarely(" "+pick(`"-"`, `"http://a/"`), ` ""`, ` "a\"b"`, ` "a\" "b"`, ` "-`, " 51234", " 0.105 \"-\"", ""),
				rarely(" "+pick(`"-"`, `"Agent 1.0 (a; b)"`), ` ""`, ` "a\"b"`, ` "a\\"`, ` "-`, "", ` "a" "b"`),
				rarely(pick("", " a.example.com", " localhost"), " 0.105 0.100, 0.003 id=7", " \"5.6.7.8\"", " a.example.com:80", " a=b", " at=1", " x", " ", " -", " 12"),
			}
			switch r.IntN(20) {
			case 0:
				at := r.IntN(len(part))
				part = slices.Insert(part, at, part[r.IntN(len(part))])
			case 1:
				at := r.IntN(len(part))
				part = slices.Delete(part, at, at+1)
			}
			line := strings.Join(part, "")
			if i%2 == 0 {
				line = "2012-11-22T09:31:34Z 10.1.2.3 local7.info nginx[12] - routing.1@example.com - " + line
			}
			switch r.IntN(16) {
			case 0:
				line = line[:r.IntN(len(line)+1)]
			case 1:
				if at := r.IntN(len(line) + 1); at < len(line) {
					line = line[:at] + pick(" ", "-", "\"", "\\", "[", ".", "\x00", "x", "0", "é", "") + line[at+1:]
				}
			case 2:
				line = "<134>1 2012-11-22T09:31:34Z web-1 app 12 - - " + line
			}
			buf := buffer(line)
			// What comes after a line must not be taken for a part of it.
			copy(buf[len(line)+1:], pick(`"-" "`, " 200 12 ", `" 503 1`, "123456789", `" "`))
			buf[len(line)] = pick("\n", "\r", "\x00")[0]
			known := used.between
			used.Parse(got, buf, 0, len(line))
			if at := strings.Index(line, " - - ["); at >= 0 && known.is(buf, at, len(line)) {
				found++
			}
			s.NewScanner().Parse(want, buf, 0, len(line))
			if !same(s, got, want) {
				gotCodes, _, _ := got.Codes()
				wantCodes, _, _ := want.Codes()
				t.Fatalf("line %d, %q\ngives %v %v, and by a new scanner %v %v", i, line, describe(s, got), gotCodes, describe(s, want), wantCodes)
			}
		}
		if found < 1000 {
			t.Errorf("only %d lines had what the one before had", found)
		}
	}
}

// TestAccessOfZeros: a line of zeros is not what a scanner had before that has had nothing.
func TestAccessOfZeros(t *testing.T) {
	s, err := NewSchema(Field{Name: "http_status"}, Field{Name: "http_host"})
	if err != nil {
		t.Fatal(err)
	}
	used, got, want := s.NewScanner(), new(Event), new(Event)
	usual := buffer(`1.2.3.4 - - [22/Nov/2012:09:31:34 -0800] "GET / HTTP/1.1" 200 12`)
	used.Parse(want, usual, 0, len(usual)-Padding)
	for n := range 80 {
		line := "1.2.3.4" + strings.Repeat("\x00", n) + `/1.1" 200 12`
		buf := buffer(line)
		s.NewScanner().Parse(got, buf, 0, len(line))
		used.Parse(want, buf, 0, len(line))
		if !same(s, got, want) {
			t.Errorf("%d zeros: a new scanner finds %v, one that was used %v", n, describe(s, got), describe(s, want))
		}
	}
}
