package line

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
)

// TestSkeletons: what is read by a skeleton is what a new scanner reads, of lines of some
// loggers with all kinds of values, cut off, damaged, and of too many shapes.
func TestSkeletons(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	var fields []Field
	for _, name := range []string{"line", "unparsed", "msg", "level", "status", "a.b", "a.c.d", "tags", "log", "stream", "time", "ts", "n", "date", "k0", "k1"} {
		fields = append(fields, Field{Name: name, Coded: true})
	}
	s, err := NewSchema(fields...)
	if err != nil {
		t.Fatal(err)
	}
	values := []string{
		`"info"`, `"a longer text with = and { in it"`, `"es\"caped\n\u00e4\\"`, `""`, `"2012-11-22T09:31:34Z"`, `"12"`, `"1.5ms"`,
		"0", "-12.5", "1e3", "1353576694", "true", "false", "null", "NaN", "[]", `["a",{"b":[1]}]`, "{}", `{"b":1}`, `{"c":{"d":"x"}}`,
	}
	loggers := []string{
		`{"time":#,"level":#,"msg":#,"a":{"b":#,"c":{"d":#}},"status":#,"n":#}`,
		`{"time":#,"level":#,"msg":#,"error":#,"status":#}`,
		`{"level": #, "ts": #, "tags": #, "n": #}`,
		`{"log":#,"stream":#,"time":#}`, `{"date":#,"log":#}`, `{ "a" : { } , "b":# }`, `{"n":#,"n":#}`,
		`{"a key that is longer than a bone can be, since nobody bounds them":#,"n":#}`,
		`{"k\u0030":#,"deep":{"1":{"2":{"3":{"4":{"5":{"6":{"7":{"8":#}}}}}}}}}`,
		`2012-11-22T09:31:34Z 10.0.0.1 local7.info app[1] - {"msg":#,"n":#,"level":#}`,
	}
	used, got := s.NewScanner(), new(Event)
	for i := range testkit.Size(6_000, 30_000) {
		var b strings.Builder
		form := loggers[r.IntN(len(loggers))]
		if r.IntN(50) == 0 {
			form = fmt.Sprintf(`{"k%d":#,"k%d":#,"status":#}`, r.IntN(40), r.IntN(40))
		}
		for _, c := range form {
			if c == '#' {
				// Mostly of one type, as a logger's are.
				b.WriteString(values[(b.Len()*b.Len()+r.IntN(1+r.IntN(len(values))))%len(values)])
			} else {
				b.WriteRune(c)
			}
		}
		text := b.String()
		switch r.IntN(12) {
		case 0:
			text = text[:r.IntN(len(text)+1)]
		case 1:
			at := r.IntN(len(text))
			text = text[:at] + string(`",:{}[]\ x`[r.IntN(10)]) + text[at+1:]
		case 2:
			text += []string{" ", "}", "\t ", "\r", "x"}[r.IntN(5)]
		}
		likeNew(t, s, used, text)
		switch {
		case i%3000 == 2999:
			used.skeletons.unknown = skeletonRelearn
		case i%3000 == 1500:
			used.skeletons.forget()
			known := buffer(strings.ReplaceAll(loggers[1], "#", "1"))
			for range 2 {
				used.Parse(got, known, 0, len(known)-Padding)
			}
			if got.reset(s, known); !used.bySkeleton(got, known, 0, len(known)-Padding, wholeLine) {
				t.Error("no skeleton fits a line that came before")
			}
		}
	}
}

// likeNew checks that a used scanner reads a line as a new one does.
func likeNew(t *testing.T, s *Schema, used *Scanner, text string) {
	t.Helper()
	buf, got, want := buffer(text), new(Event), new(Event)
	used.Parse(got, buf, 0, len(text))
	s.NewScanner().Parse(want, buf, 0, len(text))
	if !same(s, got, want) {
		t.Fatalf("%s\ngives %v, and by a new scanner %v", text, describe(s, got), describe(s, want))
	}
}

// What a scanner remembers of objects that are all different is bounded.
func TestSkeletonsAreBounded(t *testing.T) {
	s, err := NewSchema(Field{Name: "n"})
	if err != nil {
		t.Fatal(err)
	}
	sc, ev := s.NewScanner(), new(Event)
	most, siblings := 0, 0
	for i := range 20_000 {
		text := buffer(fmt.Sprintf(`{"k%d":1,"l%d":2,"m%d":3}`, i, i, i))
		sc.skeletons.resting = 0 // it would look at few
		sc.Parse(ev, text, 0, len(text)-Padding)
		most = max(most, sc.skeletons.bones)
		for _, root := range sc.skeletons.roots {
			n := 0
			for k := root.child; k != nil; k = k.sibling {
				n++
			}
			siblings = max(siblings, n)
		}
	}
	if most != maxBones || siblings != mostSiblings {
		t.Errorf("it remembered %d bones and %d beside each other, want %d and %d", most, siblings, maxBones, mostSiblings)
	}
}
