package line

import (
	"math/rand/v2"
	"testing"
)

// What looks at eight bytes at once finds what a look at each byte does.
func TestEnds(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	byClass := func(b []byte, class1 uint8) int {
		i := 0
		for class[b[i]]&class1 != 0 {
			i++
		}
		return i
	}
	for c := range 256 { // alone, at each place of a word
		for at := range 8 {
			b := append([]byte("aaaaaaaa"), make([]byte, Padding)...)
			b[at] = byte(c)
			if got, want := keyEnd(b, 0), byClass(b, inKey); got != want {
				t.Errorf("keyEnd(%q) = %d, want %d", b[:8], got, want)
			}
			if got, want := plainEnd(b, 0), byClass(b, inValue); got != want {
				t.Errorf("plainEnd(%q) = %d, want %d", b[:8], got, want)
			}
		}
	}
	for range 50_000 {
		b := make([]byte, r.IntN(40)+Padding)
		for i := range b[:len(b)-Padding] {
			const some = "azAZ09_-./:`{@[,; ="
			if b[i] = some[r.IntN(len(some))]; r.IntN(20) == 0 {
				b[i] = byte(r.Uint32())
			}
		}
		if got, want := keyEnd(b, 0), byClass(b, inKey); got != want {
			t.Fatalf("keyEnd(%q) = %d, want %d", b, got, want)
		}
		if got, want := plainEnd(b, 0), byClass(b, inValue); got != want {
			t.Fatalf("plainEnd(%q) = %d, want %d", b, got, want)
		}
	}
}

// TestScalarEnd: what looks at eight bytes at once finds the end that a look at each byte does.
func TestScalarEnd(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 200_000 {
		b := make([]byte, r.IntN(14)+Padding)
		for i := range b[:len(b)-Padding] {
			const some = "0123456789.....,,}}-eE+ \"x/:"
			b[i] = some[r.IntN(len(some))]
		}
		if got, want := scalarEnd(b, 0), scalar(b, 0); got != want {
			t.Fatalf("scalarEnd(%q) = %d, want %d", b, got, want)
		}
	}
}

// TestTextEnd: so is the end of a text, which may be longer than what is looked at.
func TestTextEnd(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 7))
	for range 100_000 {
		b := make([]byte, r.IntN(24)+Padding)
		for i := range b[:len(b)-Padding] {
			if b[i] = byte(r.Uint32()); r.IntN(12) == 0 {
				b[i] = `"\#]!`[r.IntN(5)]
			}
		}
		want := 0
		for want < 16 && b[want] != '"' && b[want] != '\\' {
			want++
		}
		if got := textEnd(b, 0); got != want {
			t.Fatalf("textEnd(%q) = %d, want %d", b, got, want)
		}
	}
}
