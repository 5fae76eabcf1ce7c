package program

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/condition"
	"pulse/stats/condition/conditiontest"
	"pulse/stats/fixed"
	"pulse/stats/internal/statstest"
)

// With the memo and without it the same lines are errors, and the same count.
func TestMistypedByIndex(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range testkit.Size(50, 200) {
		d := &stats.Definitions{}
		for i := range 5 {
			d.Stats = append(d.Stats, &stats.Stat{Name: fmt.Sprint("s", i), Kind: "rate", Per: 1, Window: 10, Cond: randomCondition(r, 3)})
		}
		p := compileDefinitions(t, d)
		var lines []byte
		for range 30 {
			lines = fmt.Appendf(lines, "at=%s code=%s status=%s host=%s redis=%s msg=%s\n",
				statstest.Pick(r, "1", "start", "true"), statstest.Pick(r, "H10", "200", "true"), statstest.Pick(r, "200", "404", "x"),
				statstest.Pick(r, "a", "7"), statstest.Pick(r, "10.5", "none"), statstest.Pick(r, "7", "word"))
		}
		memo, index := p.NewFolder(), p.NewFolder()
		index.memo.entries = memoSlots // full
		pack := Pack{Lines: lines, Second: statstest.Epoch, Floor: statstest.Epoch}
		memo.Fold(pack)
		index.Fold(pack)
		a, b := flush(t, memo), flush(t, index)
		if fmt.Sprint(a) != fmt.Sprint(b) {
			for _, s := range d.Stats {
				t.Log(s.Cond)
			}
			t.Fatalf("with the memo %x, without %x", a, b)
		}
	}
}

// What is counted as a mistake, worked out a second time: by the types that the
// texts of a line look like, and the rules as docs/definitions.md has them.
func TestMistypedByTheRules(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	texts := []string{"200", "404", "500", "10.5", "-1", "0", "true", "false", "H10", "x", "none", "heroku", "5"}
	fields := []string{"code", "status", "at"}
	var random func(depth int) condition.Node
	random = func(depth int) condition.Node {
		if depth > 0 {
			nodes := []condition.Node{random(depth - 1), random(depth - 1), random(depth - 1)}[:1+r.IntN(3)]
			switch r.IntN(4) {
			case 0:
				return &condition.And{Nodes: nodes}
			case 1:
				return &condition.Or{Nodes: nodes}
			case 2:
				return &condition.Not{Node: nodes[0]}
			}
		}
		c := &condition.Compare{Field: fields[r.IntN(len(fields))], Op: condition.Op(r.IntN(int(condition.Matches)))}
		switch {
		case c.Op > condition.Ge:
			c.Const = condition.Constant{Type: condition.Text, Text: statstest.Pick(r, "H", "5", "e", "x")}
		case c.Op > condition.Ne:
			c.Const = typed(statstest.Pick(r, "200", "5", "-1"))
		case r.IntN(3) == 0:
			c.Const = condition.Constant{Type: condition.Text, Text: texts[r.IntN(len(texts))]}
		default:
			c.Const = typed(texts[r.IntN(len(texts))])
		}
		return c
	}
	mistakes := 0
	for range testkit.Size(300, 3000) {
		n := random(3)
		p := compileDefinitions(t, &stats.Definitions{Stats: []*stats.Stat{{Name: "s", Kind: "rate", Per: 1, Window: 10, Cond: n}}})
		for range 5 {
			values := map[string]condition.Constant{}
			text := "level=info"
			for _, f := range fields {
				if r.IntN(5) > 0 {
					v := texts[r.IntN(len(texts))]
					values[f] = typed(v)
					text += " " + f + "=" + v
				}
			}
			folder := p.NewFolder()
			folder.Fold(Pack{Lines: []byte(text), Second: statstest.Epoch, Floor: statstest.Epoch})
			counted, mistaken := 0, 0
			folder.Flush(func(stat int, _ []byte) {
				switch p.stats[stat].Subject {
				case stats.SubjectErrors:
					mistaken++
				case stats.SubjectLines:
					if p.stats[stat].Name == "s" {
						counted++
					}
				}
			})
			v := byTheRules(n, values)
			wantCounted, wantMistaken := 0, 0
			switch {
			case v.met():
				wantCounted = 1
			case v == isMistyped:
				wantMistaken = 1
			}
			if counted != wantCounted || mistaken != wantMistaken {
				t.Fatalf("%s of %s: it counts %d times and is a mistake %d times, want %d and %d", condition.Format(n), text, counted, mistaken, wantCounted, wantMistaken)
			}
			mistakes += wantMistaken
		}
	}
	if mistakes < 50 {
		t.Errorf("only %d mistakes were made", mistakes)
	}
}

// typed gives a text as what it looks like.
func typed(text string) condition.Constant {
	if n, ok := fixed.Parse([]byte(text)); ok {
		return condition.Constant{Type: condition.Num, Num: n}
	}
	if text == "true" || text == "false" {
		return condition.Constant{Type: condition.Bool, Bool: text == "true"}
	}
	return condition.Constant{Type: condition.Text, Text: text}
}

func byTheRules(n condition.Node, values map[string]condition.Constant) verdict {
	switch n := n.(type) {
	case *condition.And:
		v := holds
		for _, its := range n.Nodes {
			v = min(v, byTheRules(its, values))
		}
		return v
	case *condition.Or:
		v := fails
		for _, its := range n.Nodes {
			v = max(v, byTheRules(its, values))
		}
		return v
	case *condition.Not:
		return holds - byTheRules(n.Node, values)
	}
	c := n.(*condition.Compare)
	v, ok := values[c.Field]
	constant := c.Const
	verdictOf := func(b bool) verdict {
		if b {
			return holds
		}
		return fails
	}
	switch {
	case c.Op == condition.Has:
		return verdictOf(ok)
	case c.Op == condition.Missing:
		return verdictOf(!ok)
	case !ok:
		return fails
	case conditiontest.Comparable(c, v):
		return verdictOf(conditiontest.Eval(c, func(string) (condition.Constant, bool) { return v, true }))
	case c.Op != condition.Eq:
		return isMistyped
	}
	// == of two types
	number := v.Type == condition.Num || constant.Type == condition.Num
	text := v.Type == condition.Text || constant.Type == condition.Text
	switch {
	case constant.Type == condition.Text && (constant.Text == "true" || constant.Text == "false"):
		return isMistyped
	case number && text, constant.Type == condition.Text:
		return fails
	}
	return isMistyped
}

// TestMistypedExpressions: lines that a stat lacks since its expression meets a value of
// another type are counted by stat, with the memo and without it; what is just not there is not.
func TestMistypedExpressions(t *testing.T) {
	p := compile(t, `
inlog: true
derive:
  seconds: ms / 1000
  twice: seconds * 2
stats:
  - {name: unique, unique: lower(id)}
  - {name: by, count: lines, by: 'split(version, ".")[0]'}
  - {name: sum, sum: ms / 1000}
  - {name: of-derived, max: twice}
  - {name: where, count: lines, where: seconds > 1}
  - {name: not, count: lines, where: '!(seconds > 1)'}
  - {name: size, sum: bytes(mem)}
  - {name: default, unique: 'seconds ?? 0'}
  - {name: capture, unique: 'capture(id, "x(y)")'}
  - {name: part, unique: 'split(version, ".")[2]'}
  - {name: zero, sum: ms / zero}
  - {name: round, sum: round(ms / 1000)}
  - {name: whole, sum: int(version)}
  - {name: infinite, sum: float(inf)}
  - {name: no-number, sum: float(nan) * 2}
  - {name: metric, sum: count#orders}
`)
	lines := []byte("id=A1 version=1.2.3 ms=2000 mem=1k zero=0\n" +
		"id=17 version=1.2 ms=slow mem=lots zero=0\n" +
		"id=17 version=a.b ms=slow mem=- zero=0\n" +
		"id=B2 version=a.b ms=- mem= zero=0\n" +
		"inf=Inf nan=NaN\n" +
		"other=1 count#orders=1,234\n")
	want := map[string]uint64{"sum": 2, "of-derived": 2, "where": 2, "size": 1, "zero": 2, "round": 2, "whole": 3, "metric": 1, "infinite": 1, "no-number": 1}
	for _, byIndex := range []bool{false, true} {
		f := p.NewFolder()
		if byIndex {
			f.memo.entries = memoSlots // full
		}
		f.Fold(Pack{Lines: lines, Second: statstest.Epoch, Floor: statstest.Epoch})
		flush(t, f)
		got := f.Notices().Errors
		maps.DeleteFunc(got, func(_ string, n uint64) bool { return n == 0 })
		if !maps.Equal(got, want) {
			t.Errorf("by index %v: %v lines are mistakes, want %v", byIndex, got, want)
		}
	}
}
