package line

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
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
