package program

import (
	"testing"

	"github.com/expr-lang/expr"

	"pulse/stats/internal/statstest"
	"pulse/stats/line"
)

// BenchmarkCondition compares ways to decide one condition for a line that is
// parsed: by the line's codes in the memo, which decides those of all stats at
// once, by walking the condition over them, and in expr's machine, which has the
// values given as Go's.
func BenchmarkCondition(b *testing.B) {
	const where = `mod == "hermes_proxy" && code == "H12" && redis >= 10`
	const text = "mod=hermes_proxy code=H12 redis=12.5 service=30000"
	p := compile(b, "stats: [{name: a, rate: second, where: '"+where+"'}]")
	f := p.NewFolder()
	pack := Pack{Lines: []byte(text), Second: statstest.FirstSecond, Floor: statstest.FirstSecond}
	f.Fold(pack)
	f.Flush(func(int, []byte) {})

	var ev line.Event
	buf := append([]byte(text), make([]byte, line.Padding)...)
	p.schema.NewScanner().Parse(&ev, buf, 0, len(text))
	codes, hash, _ := ev.Codes()
	b.Run("memo", func(b *testing.B) {
		for b.Loop() {
			if e, _ := f.memo.find(codes, hash); e == nil || len(e.counted) == 0 {
				b.Fatal("the line is not met")
			}
		}
	})
	var x ids
	x.set(codes)
	b.Run("tree", func(b *testing.B) {
		for b.Loop() {
			if !p.conds[0].match(p.schema, &x, &ev) {
				b.Fatal("the line is not met")
			}
		}
	})
	expression := compile(b, `stats: [{name: a, rate: second, where: 'lower(mod) == "hermes_proxy" && code == "H12" && redis * 2 >= 20'}]`)
	expression.schema.NewScanner().Parse(&ev, buf, 0, len(text))
	codes, _, _ = ev.Codes()
	x = ids{}
	x.set(codes)
	b.Run("expression", func(b *testing.B) {
		for b.Loop() {
			if !expression.conds[0].match(expression.schema, &x, &ev) {
				b.Fatal("the line is not met")
			}
		}
	})
	environment := map[string]any{"mod": "hermes_proxy", "code": "H12", "redis": 12.5}
	program, err := expr.Compile(where, expr.Env(environment), expr.AsBool())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("expr", func(b *testing.B) {
		for b.Loop() {
			if met, err := expr.Run(program, environment); err != nil || met != true {
				b.Fatal("the line is not met", err)
			}
		}
	})
}
