package line

import (
	"math/rand/v2"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats/condition"
	"pulse/stats/fixed"
)

// TestHabits: what is read by habits is what a new scanner reads, of values that are mostly the
// same, for a while, and sometimes something else.
func TestHabits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	constants := []condition.Constant{
		{Type: condition.Text, Text: "info"}, {Type: condition.Text, Text: "12"}, {Type: condition.Num, Num: fixed.Int(12)},
		{Type: condition.Num, Num: fixed.Int(200)}, {Type: condition.Bool, Bool: true},
	}
	var fields []Field
	for i, name := range []string{"line", "unparsed", "msg", "level", "status", "a.b", "tags", "stream", "time", "n", "date", "xff"} {
		fields = append(fields, Field{Name: name, Coded: i%4 != 0, Constants: constants[:i%(len(constants)+1)]})
	}
	s, err := NewSchema(fields...)
	if err != nil {
		t.Fatal(err)
	}
	values := []string{
		`"info"`, `"a longer text than a habit"`, `"es\"c"`, `""`, `"2012-11-22T09:31:34Z"`, `"12"`, `"1.5ms"`, `"10.0.0.1, ::1"`,
		"0", "12", "200", "-12.5", "1e3", "1353576694", "true", "false", "null", "NaN", "[1]", "{}", `{"b":1}`,
	}
	loggers := []string{
		`{"time":#,"level":#,"msg":#,"a":{"b":#,"x":#},"status":#,"n":#}`,
		`{"level": #, "n": #, "n": #, "tags": #, "other": # }`,
		`{"log":#,"stream":#,"time":#}`, `{"date":#,"log":#,"xff":#}`, `{"a":#}`,
	}
	used := s.NewScanner()
	paths := 0
	for range testkit.Size(40, 400) {
		form := loggers[r.IntN(len(loggers))]
		most := make([]string, strings.Count(form, "#"))
		for i := range most {
			most[i] = values[r.IntN(len(values))]
		}
		rare := 1 + r.IntN(30)
		for range 100 {
			var b strings.Builder
			value := 0
			for _, c := range form {
				switch {
				case c != '#':
					b.WriteRune(c)
					continue
				case r.IntN(rare+3) == 0:
					b.WriteString(values[r.IntN(len(values))])
				default:
					b.WriteString(most[value])
				}
				value++
			}
			text := b.String()
			if r.IntN(20) == 0 {
				at := r.IntN(len(text))
				text = text[:at] + string(`",:{}[]\ x`[r.IntN(10)]) + text[at+1:]
			}
			if r.IntN(3) == 0 {
				used.skeletons.studied = 0
			}
			likeNew(t, s, used, text)
		}
		paths += pathsAfter(&used.skeletons.roots[wholeLine])
	}
	if paths == 0 {
		t.Error("there are no habits")
	}
}

func pathsAfter(n *bone) int {
	paths := 0
	for k := n.child; k != nil; k = k.sibling {
		if k.path != nil && k.path.size != noPath {
			paths++
		}
		paths += pathsAfter(k)
	}
	return paths
}
