package line

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzStops compares the stops that are found with vectors with those of a loop over the bytes.
func FuzzStops(f *testing.F) {
	if !hasStops {
		f.Skip("this machine has none")
	}
	f.Add([]byte(`a=1 b.c=x/y:z d="two words" é`), uint16(0))
	f.Add([]byte(`{"a":"b\"","c":1.5}`), uint16(3))
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	f.Add(all, uint16(0))
	f.Add(bytes.Repeat([]byte("long"), 40), uint16(7))
	f.Fuzz(func(t *testing.T, text []byte, from uint16) {
		b := append(bytes.Clone(text), make([]byte, Padding)...)
		first := int(from) % (len(text) + 1)
		s := new(stops)
		for _, of := range []struct {
			name          string
			classes       *byteClasses
			first, second func(byte) bool
		}{
			{"pulse", pulseClasses, isIn(inKey), isIn(inValue)},
			{"json", jsonClasses, func(c byte) bool { return strings.IndexByte(`"\`, c) >= 0 }, func(byte) bool { return false }},
		} {
			s.find(b, first, len(text), of.classes)
			for i := first; i <= len(text); i++ {
				if got, want := s.in(s.first, i)&1 == 0, of.first(b[i]); got != want {
					t.Fatalf("%s: byte %#x at %d of %q is in the first class: %v, want %v", of.name, b[i], i-first, b[first:], got, want)
				}
				if got, want := s.in(s.second, i)&1 == 0, of.second(b[i]); got != want {
					t.Fatalf("%s: byte %#x at %d of %q is in the second class: %v, want %v", of.name, b[i], i-first, b[first:], got, want)
				}
			}
		}
	})
}

func isIn(of uint8) func(byte) bool { return func(c byte) bool { return class[c]&of != 0 } }

// TestStopsFar looks for what is further away than a word has bits, and in what is too long to
// have stops.
func TestStopsFar(t *testing.T) {
	for _, size := range []int{1, 31, 32, 33, 56, 57, 58, 63, 64, 65, 200, maxStops - 8, maxStops - 2, maxStops, MaxLen + 100} {
		long := strings.Repeat("k", size)
		b := append([]byte(long+"="+long), make([]byte, Padding)...)
		end := len(b) - Padding
		schema, err := NewSchema(Field{Name: long}, Field{Name: "b"})
		if err != nil {
			t.Fatal(err)
		}
		sc, ev := schema.NewScanner(), new(Event)
		ev.reset(schema, b)
		sc.pulseAttributes(ev, b, 0, end, pulseBody.root(b, 0))
		if slot := schema.Slot(long); !ev.Has(slot) || string(ev.Bytes(slot)) != long {
			t.Errorf("the key and the value of %d bytes are not found", size)
		}

		b = append([]byte(`{"a":"`+long+`","b":"`+long+`"}`), make([]byte, Padding)...)
		end = len(b) - Padding
		for try := range 2 { // the second by its skeleton
			ev.reset(schema, b)
			if !sc.object(ev, b, 0, end, wholeLine) {
				t.Fatalf("try %d: an object with texts of %d bytes is not read", try, size)
			}
			if slot := schema.Slot("b"); !ev.Has(slot) || string(ev.Bytes(slot)) != long {
				t.Errorf("try %d: a text of %d bytes is not found", try, size)
			}
		}
	}
}

// TestNoStops looks for them as a machine does that has none.
func TestNoStops(t *testing.T) {
	withoutStops(func() { TestStopsFar(t) })
}

// withoutStops does something as a machine does that has none.
func withoutStops(do func()) {
	defer func(has bool) { hasStops = has }(hasStops)
	hasStops = false
	do()
}
