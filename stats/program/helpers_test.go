package program

import (
	"encoding/binary"
	"strings"
	"testing"

	"pulse/stats"
	"pulse/stats/internal/statstest"
)

// packs packs lines by a hundred, rate a second.
func packs(lines []string, rate int) []Pack {
	var out []Pack
	for i := 0; i < len(lines); i += 100 {
		second := statstest.FirstSecond + int64(i/rate)
		text := strings.Join(lines[i:min(i+100, len(lines))], "\n")
		out = append(out, Pack{Lines: []byte(text), Second: second, Floor: second})
	}
	return out
}

func compile(t testing.TB, yaml string) *Program {
	t.Helper()
	d, err := stats.Parse("test.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return compileDefinitions(t, d)
}

func compileDefinitions(t testing.TB, d *stats.Definitions) *Program {
	t.Helper()
	p, err := Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// partials gives a fragment's partials by second. It reads the fragment's form,
// which package window states, a second time.
func partials(t testing.TB, fragment []byte) map[int64]string {
	t.Helper()
	all := make(map[int64]string)
	if len(fragment) == 0 {
		return all
	}
	number := func() int64 {
		v, n := binary.Uvarint(fragment)
		if n <= 0 {
			t.Fatalf("a number is missing before %x", fragment)
		}
		fragment = fragment[n:]
		return int64(v)
	}
	if version := number(); version != 1 {
		t.Fatalf("a fragment of form %d", version)
	}
	for second := int64(0); len(fragment) > 0; {
		second += number()
		length := number()
		all[second] = string(fragment[:length])
		fragment = fragment[length:]
	}
	return all
}
