package line

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pulse/stats/condition"
	"pulse/stats/fixed"
)

// TestGuessedMembers: what a scanner learned of the order of a JSON object's keys changes
// nothing, also where objects of several keys have the same ones, and after it began anew.
func TestGuessedMembers(t *testing.T) {
	var fields []Field
	for _, name := range []string{"a", "b", "a.a", "a.b", "b.a", "b.b", "a.a.a", "b.a.a", "longer.than.a.node.has.room", "time"} {
		fields = append(fields, Field{Name: name, Coded: true})
	}
	s, err := NewSchema(fields...)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	keys := []string{"a", "b", `\u0061`, "longer.than.a.node.has", "room", "time", "other"}
	var object func(b *strings.Builder, depth int)
	object = func(b *strings.Builder, depth int) {
		b.WriteByte('{')
		for i := range r.IntN(4) {
			if i > 0 {
				b.WriteString([]string{",", ", "}[r.IntN(2)])
			}
			fmt.Fprintf(b, `"%s"%s`, keys[r.IntN(len(keys))], []string{":", ": ", " : "}[r.IntN(3)])
			if depth < 3 && r.IntN(2) == 0 {
				object(b, depth+1)
			} else {
				b.WriteString([]string{"1", `"x"`, `"a\":1"`, "null", "[1,2]"}[r.IntN(5)])
			}
		}
		b.WriteByte('}')
	}
	used, got, want := s.NewScanner(), new(Event), new(Event)
	for i := range 3000 {
		var b strings.Builder
		object(&b, 0)
		if i%1000 == 999 {
			used.guess.unknown = relearn
		}
		buf := buffer(b.String())
		used.Parse(got, buf, 0, b.Len())
		s.NewScanner().Parse(want, buf, 0, b.Len())
		if got, want := describe(s, got), describe(s, want); !maps.Equal(got, want) {
			t.Fatalf("%s\ngives %v, and by a new scanner %v", b.String(), got, want)
		}
	}
}

// TestGuessedAttributes: what a scanner learned of the order of attributes changes nothing, with
// keys in an order of their own on each line, then as a program writes them, and in turns.
func TestGuessedAttributes(t *testing.T) {
	var fields []Field
	for _, name := range []string{"a", "at", "code", "service", "staleness", "a.key.that.is.long", "a.key.that.is.longer", "msg"} {
		fields = append(fields, Field{Name: name, Coded: true})
	}
	fields = append(fields, Field{Name: "n", Constants: []condition.Constant{{Type: condition.Num, Num: fixed.Int(5)}, {Type: condition.Text, Text: "5x"}}})
	s, err := NewSchema(fields...)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 3))
	values := []string{"", "5", "5x", "12ab34cd", "1.5", "-1", "5.", ".5", "true", `"5"`, `"two words"`, "123456789.25", "1234567é"}
	used, got, want := s.NewScanner(), new(Event), new(Event)
	rested := false
	for i := range 12_000 {
		keys := []string{"a", "at", "code", "service", "staleness", "a.key.that.is.long", "a.key.that.is.longer", "n", "other"}
		b := new(strings.Builder)
		b.WriteString([]string{"2012-11-22T09:00:00Z 10.1.2.3 local7.info app[1] - - - ", ""}[i/3%2])
		usual := i/3000%2 == 1
		if !usual {
			r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		}
		for _, key := range keys[:1+r.IntN(len(keys))] {
			fmt.Fprintf(b, "%s=%s ", key, values[r.IntN(len(values))])
			if !usual {
				fmt.Fprintf(b, "k%x=v ", r.Uint32())
			}
			if usual && r.IntN(3) == 0 {
				fmt.Fprintf(b, "%s%x%s", []string{"k", "é", "\x1b[31m"}[r.IntN(3)], r.Uint32(), []string{"=1 ", " ", ", "}[r.IntN(3)])
			}
		}
		rested = rested || used.guess.resting > 0
		buf := buffer(b.String())
		used.Parse(got, buf, 0, b.Len())
		s.NewScanner().Parse(want, buf, 0, b.Len())
		gotCodes, gotHash, _ := got.Codes()
		wantCodes, wantHash, _ := want.Codes()
		if got, want := describe(s, got), describe(s, want); !maps.Equal(got, want) || gotHash != wantHash || !slices.Equal(gotCodes, wantCodes) {
			t.Fatalf("%s\ngives %v, and by a new scanner %v", b, got, want)
		}
	}
	if !rested {
		t.Error("keys were guessed although none came as guessed")
	}
}
