package aggregate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats/fixed"
	"pulse/stats/formula"
	"pulse/stats/line"
	"pulse/stats/value"
)

// A testKind is a kind of which the tests of the laws are.
type testKind struct {
	name string
	kind Kind
	null bool // its value of nothing is null
}

// kinds are all kinds, with each of their words, and by key where they can be; and
// some more with other parameters. Those that TestDescriptions finds incomplete are
// left out, so that it is the one that says so.
var kinds = sync.OnceValue(func() (all []testKind) {
	for _, d := range Kinds {
		if missing(d) != "" {
			continue
		}
		words := d.Words
		if words == nil {
			words = []Word{{}}
		}
		for _, w := range words {
			p := parameters(w)
			name := strings.TrimSpace(d.Name + " " + w.Text)
			if d.Option("top") != nil {
				all = append(all, testKind{name, d.Make(p), d.Null})
				p.By, p.Top, name = byOne, 3, name+" by key"
				p.Of = slices.Clone(p.Of)
				for i, of := range p.Of {
					p.Of[i] = newKeyed(of, p.By, p.Top, p.Over)
				}
				all = append(all, testKind{name, d.Make(p), false})
				if d.Option("rank").Words[0] == RankValue {
					p.RankLines = true
					all = append(all, testKind{name + ", rank: count", d.Make(p), false})
				}
				continue
			}
			if d.Option("by") != nil {
				p.By = byOne
			}
			all = append(all, testKind{name, d.Make(p), d.Null})
		}
	}
	return append(all,
		testKind{"rate by two fields", newKeyed(newRate(60), []line.Slot{key, x}, 10, 10), false},
		testKind{"last-sum, little room", newLastSum(x, byOne, 3000), true},
		testKind{"last-max of two fields, little room", newLastMax(x, []line.Slot{key, x}, 3000), true},
		testKind{"delta of one counter", newDelta(x, nil, 60, 300), true},
	)
})

// parameters are some that any kind can be made of.
func parameters(w Word) Parameters {
	return Parameters{
		Field: x, Per: w.Per, Over: 10, Expire: 300,
		At: []float64{0.000001, 0.5, 0.95, 0.99, 1}, Buckets: []float64{-10, 0.5, 100, 2000},
		Of: []Kind{newSum(x), newRate(60)}, Formula: newFormula("b / sum(a)", 1, 0),
	}
}

// newFormula has references to stats with these numbers.
func newFormula(text string, numbers ...int) *formula.Formula {
	f, err := formula.Parse(text)
	if err != nil {
		panic(err)
	}
	var bound [][]int
	for _, n := range numbers {
		bound = append(bound, []int{n})
	}
	f.Bind(bound)
	return f
}

var byOne = []line.Slot{key}

// Kinds with given parameters.

func newRate(per int64) Kind         { return rateKind.New(Parameters{Per: per}) }
func newSum(field line.Slot) Kind    { return sumKind.New(Parameters{Field: field}) }
func newMean(field line.Slot) Kind   { return meanKind.New(Parameters{Field: field}) }
func newMin(field line.Slot) Kind    { return minKind.New(Parameters{Field: field}) }
func newMax(field line.Slot) Kind    { return maxKind.New(Parameters{Field: field}) }
func newUnique(field line.Slot) Kind { return uniqueKind.New(Parameters{Field: field}) }
func newLast(field line.Slot) Kind   { return lastKind.New(Parameters{Field: field}) }
func newLines() Kind                 { return linesKind.New(Parameters{}) }
func newRatio(a, b Kind) Kind        { return ratioKind.New(Parameters{Of: []Kind{a, b}}) }

func newHistogram(field line.Slot, bounds []float64) Kind {
	return histogramKind.New(Parameters{Field: field, Buckets: bounds})
}

func newLastSum(field line.Slot, by []line.Slot, expire int64) Kind {
	return lastSumKind.New(Parameters{Field: field, By: by, Over: expire})
}

func newLastMean(field line.Slot, by []line.Slot, expire int64) Kind {
	return lastMeanKind.New(Parameters{Field: field, By: by, Over: expire})
}

func newLastMax(field line.Slot, by []line.Slot, expire int64) Kind {
	return lastMaxKind.New(Parameters{Field: field, By: by, Over: expire})
}

func newLastCount(field line.Slot, by []line.Slot, expire int64) Kind {
	return lastCountKind.New(Parameters{Field: field, By: by, Over: expire})
}

func newDelta(field line.Slot, by []line.Slot, over, expire int64) Kind {
	return deltaKind.New(Parameters{Field: field, By: by, Over: over, Expire: expire})
}

func newKeyed(inner Kind, by []line.Slot, top int, over int64) Kind {
	return newBy(inner.(keyable), Parameters{By: by, Top: top, Over: over})
}

// x is the field that the tests aggregate, key what by-key kinds go by.
const (
	x   line.Slot = 0
	key line.Slot = 1
)

// A folder folds lines that are written as text.
type folder struct {
	scanner *line.Scanner
	event   line.Event
	buf     []byte
}

func newFolder(t testing.TB) *folder {
	t.Helper()
	schema, err := line.NewSchema(line.Field{Name: "x"}, line.Field{Name: "key"})
	if err != nil {
		t.Fatal(err)
	}
	return &folder{scanner: schema.NewScanner()}
}

func (f *folder) parse(text string) *line.Event {
	f.buf = append(append(f.buf[:0], text...), make([]byte, line.Padding)...)
	f.scanner.Parse(&f.event, f.buf, 0, len(text))
	if second, nanos, ok := f.event.Time(); ok {
		f.event.Place(second, nanos)
	} else {
		f.event.Place(0, 0)
	}
	return &f.event
}

// fold adds lines to a partial. To that of Lines, which folds none, it adds
// counts that follow from the line.
func (f *folder) fold(p Partial, lines ...string) {
	for _, text := range lines {
		if p, ok := p.(*LinesPartial); ok {
			p.Add(LineCounts{Lines: 1, Counted: uint64(len(text) % 2), Late: uint64(1 - len(text)%2), Bytes: uint64(len(text))})
			continue
		}
		p.Fold(f.parse(text))
	}
}

// randomLine is a line of one of ten seconds, or without a time, with one of
// about distinct values for x, or none, and one of 150 keys, or none.
func randomLine(r *rand.Rand, distinct int) string {
	text := randomValue(r, distinct)
	if r.IntN(8) > 0 {
		text += fmt.Sprintf(" ts=%d.%d", 1_700_000_000+r.IntN(10), r.IntN(4))
	}
	switch k := r.IntN(150); {
	case k < 8:
		return text
	case k == 9:
		return text + ` key="\"\n"`
	case k == 10:
		return text + " key=" + strings.Repeat("long", 50)
	default:
		return text + fmt.Sprintf(" key=k%d", k*k/150)
	}
}

func randomValue(r *rand.Rand, distinct int) string {
	switch v := r.IntN(distinct); r.IntN(8) {
	case 0:
		return "level=info y=1"
	case 1:
		return fmt.Sprintf(`level=info x="v%d"`, v)
	case 2:
		return fmt.Sprintf("level=info x=-%d.%03d", v, v%1000)
	case 3:
		return fmt.Sprintf("level=info x=%d%012d.25", v, v)
	case 4:
		return fmt.Sprintf("level=info x=0.%09d", v)
	default:
		return fmt.Sprintf("level=info x=%d", v)
	}
}

func randomLines(r *rand.Rand, n, distinct int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = randomLine(r, distinct)
	}
	return lines
}

// whole is the span of a window of one second, so that rates per second are counts.
var whole = Span{Covered: 1}

func jsonOf(v value.Value) string { return string(value.AppendJSON(nil, v)) }

// Rates divide by the seconds that are covered, wherever they stand in a kind; all
// else is as counted.
func TestCovered(t *testing.T) {
	for _, test := range []struct {
		name      string
		kind      Kind
		ten, four string // of so many seconds
	}{
		{"rate", newRate(1), "0.6", "1.5"},
		{"rate per minute", newRate(60), "36", "90"},
		{"by", newKeyed(newRate(1), byOne, 1, 10), `{"top":[{"key":"a","value":0.4}],"other":0.2,"distinct":2}`, `{"top":[{"key":"a","value":1}],"other":0.5,"distinct":2}`},
		{"sum", newSum(x), "12", "12"},
		{"sum by rate", newRatio(newSum(x), newRate(1)), "20", "8"},
		{"rate by rate", newRatio(newRate(1), newRate(60)), "0.0166666666666667", "0.0166666666666667"},
	} {
		w := test.kind.NewWindow()
		p := test.kind.NewPartial()
		newFolder(t).fold(p, "key=a x=2", "key=a x=2", "key=a x=2", "key=a x=2", "key=b x=2", "key=b x=2")
		w.Add(p)
		for covered, want := range map[int64]string{10: test.ten, 4: test.four} {
			if got := jsonOf(w.Value(Span{Covered: covered})); got != want {
				t.Errorf("%s of %d s: %s, want %s", test.name, covered, got, want)
			}
		}
	}
}

func valueOf(k Kind, partials ...Partial) string {
	w := k.NewWindow()
	for _, p := range partials {
		w.Add(p)
	}
	return jsonOf(w.Value(whole))
}

// join joins bytes into a partial and requires that it takes them.
func join(t *testing.T, k Kind, p Partial, b []byte) {
	t.Helper()
	if err := k.Check(b); err != nil {
		t.Fatalf("Check(%.40x): %v", b, err)
	}
	lent := bytes.Clone(b)
	if err := p.Join(lent); err != nil {
		t.Fatalf("Join(%.40x): %v", b, err)
	}
	for i := range lent { // what is joined is not kept
		lent[i] = 0xaa
	}
}

// TestJoinIsFreeOfOrderAndGrouping says: however lines are split among
// partials, and in whatever order and grouping those are joined, the bytes and
// the value are the same.
func TestJoinIsFreeOfOrderAndGrouping(t *testing.T) {
	for _, test := range kinds() {
		t.Run(test.name, func(t *testing.T) {
			f := newFolder(t)
			for seed := range uint64(testkit.Size(5, 12)) {
				r := rand.New(rand.NewPCG(seed, 1))
				lines := randomLines(r, []int{0, 1, 20, testkit.Size(60, 900), testkit.Size(500, 6000)}[seed%5], []int{3, 4000, 400}[seed%3])
				whole := test.kind.NewPartial()
				f.fold(whole, lines...)
				want, wantValue := whole.AppendTo(nil), valueOf(test.kind, whole)
				if slim, ok := whole.(Slimmer); ok {
					slim.Slim()
					if !bytes.Equal(whole.AppendTo(nil), want) || valueOf(test.kind, whole) != wantValue {
						t.Fatal("a partial that was made slim is another one")
					}
				}

				for range testkit.Size(1, 4) {
					r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
					got := joinSplit(t, r, f, test.kind, lines)
					if b := got.AppendTo(nil); !bytes.Equal(b, want) {
						t.Fatalf("seed %d, %d lines: other bytes than unsplit:\n%.80x\n%.80x", seed, len(lines), b, want)
					}
					if v := valueOf(test.kind, got); v != wantValue {
						t.Fatalf("seed %d, %d lines: value %s, unsplit %s", seed, len(lines), v, wantValue)
					}
				}
			}
		})
	}
}

// joinSplit folds lines into several partials and joins those in random groups.
func joinSplit(t *testing.T, r *rand.Rand, f *folder, k Kind, lines []string) Partial {
	t.Helper()
	parts := make([]Partial, 1+r.IntN(7))
	for i := range parts {
		parts[i] = k.NewPartial()
		if r.IntN(3) == 0 { // one that was used before
			f.fold(parts[i], randomLines(r, r.IntN(testkit.Size(300, 1500)), 2000)...)
			parts[i].Reset()
			if !parts[i].Empty() || len(parts[i].AppendTo(nil)) > 0 {
				t.Fatal("a partial that was reset is not empty")
			}
		}
	}
	for _, text := range lines {
		f.fold(parts[r.IntN(len(parts))], text)
	}
	for len(parts) > 1 {
		i := r.IntN(len(parts) - 1)
		last := parts[len(parts)-1]
		parts = parts[:len(parts)-1]
		b := last.AppendTo(nil)
		if last.Empty() != (len(b) == 0) {
			t.Fatalf("empty is %v, with %d bytes", last.Empty(), len(b))
		}
		join(t, k, parts[i], b)
	}
	return parts[0]
}

// TestWindowForgetsWhatIsTakenOut adds and takes out seconds at random: the
// value is that of a new window with what is left.
func TestWindowForgetsWhatIsTakenOut(t *testing.T) {
	for _, test := range kinds() {
		t.Run(test.name, func(t *testing.T) {
			f := newFolder(t)
			for seed := range uint64(testkit.Size(3, 8)) {
				r := rand.New(rand.NewPCG(seed, 2))
				seconds := make([]Partial, 12)
				for i := range seconds {
					seconds[i] = test.kind.NewPartial()
					f.fold(seconds[i], randomLines(r, r.IntN([]int{3, 200, testkit.Size(100, 3000)}[seed%3]), []int{10, 5000}[seed%2])...)
				}
				w, in := test.kind.NewWindow(), make([]bool, len(seconds))
				toggle := func(i int) {
					if in[i] = !in[i]; in[i] {
						w.Add(seconds[i])
					} else {
						w.Sub(seconds[i])
					}
				}
				for step := range testkit.Size(25, 150) {
					toggle(r.IntN(len(seconds)))
					if step%5 != 0 {
						continue
					}
					var left []Partial
					for i, p := range seconds {
						if in[i] {
							left = append(left, p)
						}
					}
					r.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
					if got, want := jsonOf(w.Value(whole)), valueOf(test.kind, left...); got != want {
						t.Fatalf("seed %d, step %d: %s, want %s", seed, step, got, want)
					}
				}
				for i := range in {
					if in[i] {
						toggle(i)
					}
				}
				if got, want := jsonOf(w.Value(whole)), valueOf(test.kind); got != want {
					t.Fatalf("seed %d: with everything taken out %s, want %s", seed, got, want)
				}
			}
		})
	}
}

// TestFoldAllocatesNothing folds the same second again and again.
func TestFoldAllocatesNothing(t *testing.T) {
	for _, test := range kinds() {
		t.Run(test.name, func(t *testing.T) {
			f, p := newFolder(t), test.kind.NewPartial()
			lines := randomLines(rand.New(rand.NewPCG(1, 3)), testkit.Size(400, 3000), 1500)
			b := make([]byte, 0, 1<<20)
			second := func() {
				f.fold(p, lines...)
				b = p.AppendTo(b[:0])
				p.Reset()
			}
			if n := testing.AllocsPerRun(3, second); n > 0 {
				t.Errorf("%v allocations for a second of %d lines", n, len(lines))
			}
		})
	}
}

// The value of nothing is what the description says, and that of a line without the
// field is the same.
func TestValueOfNothing(t *testing.T) {
	for _, test := range kinds() {
		w := test.kind.NewWindow()
		nothing := w.Value(whole)
		if (nothing == nil) != test.null {
			t.Errorf("%s of nothing is %s: is Null in its Description right?", test.name, jsonOf(nothing))
		}
		for labels, n := range value.Numbers(nothing) {
			if n != "0" {
				t.Errorf("%s of nothing has %s at %v, want 0", test.name, n, labels)
			}
		}
		p := test.kind.NewPartial()
		if _, ok := p.(Counter); ok || strings.HasPrefix(test.name, "lines") || strings.HasPrefix(test.name, "ratio") || strings.HasPrefix(test.name, "value") || test.name == "slo" {
			continue
		}
		newFolder(t).fold(p, "level=info y=1") // the field is missing
		if got, want := valueOf(test.kind, p), jsonOf(nothing); got != want || !p.Empty() {
			t.Errorf("%s of a line without the field: %s, want %s", test.name, got, want)
		}
	}
}

func TestValues(t *testing.T) {
	numbers := []string{"level=info x=10", "level=info x=20.5", "level=info x=-3.25", "level=info x=20.5", `level=info x="text"`, "level=info y=1"}
	for _, test := range []struct {
		name string
		kind Kind
		want string
	}{
		{"rate per second", newRate(1), "6"},
		{"rate per minute", newRate(60), "360"},
		{"sum", newSum(x), "47.75"},
		{"mean", newMean(x), "11.9375"},
		{"min", newMin(x), "-3.25"},
		{"max", newMax(x), "20.5"},
		{"unique", newUnique(x), "4"},
		{"apdex", apdexKind.New(Parameters{Field: x, Buckets: []float64{-3, 20}}), "0.375"},
		{"quantiles", newQuantiles(x, []float64{0.5, 0.95, 0.25, 1}), `{"0.5":10,"0.95":20.5,"0.25":-3.25,"1":20.5}`},
	} {
		p := test.kind.NewPartial()
		newFolder(t).fold(p, numbers...)
		if got := valueOf(test.kind, p); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	if c, ok := newRate(1).NewPartial().(Counter); !ok {
		t.Error("rate's partial is no Counter")
	} else if c.Count(25); valueOf(newRate(1), c) != "25" {
		t.Errorf("25 lines counted at once: %s, want 25", valueOf(newRate(1), c))
	}
	p := newLines().NewPartial().(*LinesPartial)
	p.Add(LineCounts{Lines: 6, Counted: 3, Late: 2, Unreadable: 1, Ahead: 4, Undated: 5, Unparsed: 7, Half: 8, Bytes: 700})
	if got, want := valueOf(newLines(), p), `{"in":6,"counted":3,"late":2,"unreadable":1,"ahead":4,"undated":5,"unparsed":7,"half":8,"bytes":700}`; got != want {
		t.Errorf("lines: %s, want %s", got, want)
	}
}

// TestJoinRefuses has bytes of which there is a shorter form, a rest, or which
// nothing can have made.
func TestJoinRefuses(t *testing.T) {
	registers := make([]byte, registersLen)
	full := bytes.Repeat([]byte{0xff}, registersLen)
	hashes := func(n int) []byte {
		b := []byte{setExact}
		for i := range n {
			b = append(b, 0, 0, 0, 0, 0, 0, byte(i>>8), byte(i))
		}
		return b
	}
	for _, test := range []struct {
		name string
		kind Kind
		b    []byte
	}{
		{"rate: a count with a zero at its end", newRate(1), []byte{0x81, 0x00}},
		{"rate: no lines", newRate(1), []byte{0}},
		{"rate: two counts", newRate(1), []byte{1, 1}},
		{"rate: a cut count", newRate(1), []byte{0x81}},
		{"rate: too many lines", newRate(1), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
		{"sum: no sum", newSum(x), []byte{1}},
		{"sum: of no numbers", newSum(x), []byte{0, 0}},
		{"mean: a rest", newMean(x), append(fixed.Int(3).AppendBinary([]byte{1}), 0)},
		{"min: a rest", newMin(x), append(fixed.Int(3).AppendBinary(nil), 0)},
		{"max: no number", newMax(x), []byte{0xff}},
		{"unique: of another form", newUnique(x), []byte{2}},
		{"unique: no hashes", newUnique(x), hashes(0)},
		{"unique: half a hash", newUnique(x), hashes(2)[:13]},
		{"unique: a hash twice", newUnique(x), append(hashes(1), hashes(1)[1:]...)},
		{"unique: too many hashes", newUnique(x), hashes(maxExact + 1)},
		{"unique: no registers", newUnique(x), []byte{setSketch}},
		{"unique: empty registers", newUnique(x), append([]byte{setSketch}, registers...)},
		{"unique: registers beyond full", newUnique(x), append([]byte{setSketch}, full...)},
		{"quantiles: a value no times", newQuantiles(x, nil), []byte{5, 0}},
		{"quantiles: a value without a count", newQuantiles(x, nil), []byte{5}},
		{"quantiles: a value twice", newQuantiles(x, nil), []byte{5, 1, 0, 1}},
		{"quantiles: a value beyond the last", newQuantiles(x, nil), append(binary.AppendUvarint(nil, codes), 1)},
		{"quantiles: values that add up beyond it", newQuantiles(x, nil), append(binary.AppendUvarint(nil, codes-1), 1, 1, 1)},
		{"lines: five counts", newLines(), []byte{1, 1, 1, 1, 1}},
		{"lines: seven counts", newLines(), []byte{1, 1, 1, 1, 1, 1, 1}},
		{"lines: nothing", newLines(), make([]byte, 6)},
	} {
		p := test.kind.NewPartial()
		if err := p.Join(test.b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: Join says %v", test.name, err)
		}
		if err := test.kind.Check(test.b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: Check says %v", test.name, err)
		}
		if !p.Empty() {
			t.Errorf("%s: something was added", test.name)
		}
	}
}

// FuzzJoin joins bytes from anywhere: they are refused and nothing is added, or
// they are the canonical bytes of what was added.
func FuzzJoin(f *testing.F) {
	fold, all := newFolder(f), kinds()
	for i, test := range all {
		p := test.kind.NewPartial()
		f.Add(byte(i), p.AppendTo(nil))
		for _, n := range []int{1, 10, testkit.Size(400, 1500)} {
			fold.fold(p, randomLines(rand.New(rand.NewPCG(1, 4)), n, 2000)...)
			b := p.AppendTo(nil)
			f.Add(byte(i), b)
			if len(b) > 1 {
				f.Add(byte(i), b[:len(b)-1])
			}
		}
		f.Add(byte(i), []byte{0x80, 0x00})
		f.Add(byte(i), bytes.Repeat([]byte{0xff}, 20))
	}
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		k := all[int(which)%len(all)].kind
		p := k.NewPartial()
		fold.fold(p, "level=info x=7", "level=info x=8")
		before := p.AppendTo(nil)
		err := p.Join(b)
		if checked := k.Check(b); (err == nil) != (checked == nil) {
			t.Fatalf("Join says %v, Check says %v", err, checked)
		}
		if err != nil {
			if !bytes.Equal(p.AppendTo(nil), before) {
				t.Fatalf("something was added of bytes that were refused (%v)", err)
			}
			return
		}
		alone := k.NewPartial()
		join(t, k, alone, b)
		if again := alone.AppendTo(nil); !bytes.Equal(again, b) {
			t.Fatalf("%.60x was taken, and is %.60x again", b, again)
		}
		join(t, k, alone, before)
		if !bytes.Equal(alone.AppendTo(nil), p.AppendTo(nil)) {
			t.Fatal("the order of joining shows in the bytes")
		}
		w := k.NewWindow()
		w.Add(p)
		w.Value(whole)
		w.Sub(p)
		if got, want := jsonOf(w.Value(whole)), valueOf(k); got != want {
			t.Fatalf("taken out again: %s, want %s", got, want)
		}
	})
}

// BenchmarkFold folds a parsed line; every 1,000 the partial is written and
// begins anew, as at the end of a second.
func BenchmarkFold(b *testing.B) {
	for _, bench := range kinds() {
		b.Run(bench.name, func(b *testing.B) {
			p := bench.kind.NewPartial()
			var events [64]*line.Event
			for i := range events {
				events[i] = newFolder(b).parse(fmt.Sprintf("level=info x=%d", i*i*7%1500))
			}
			var buf []byte
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				p.Fold(events[n%len(events)])
				if n++; n%1000 == 0 {
					buf = p.AppendTo(buf[:0])
					p.Reset()
				}
			}
		})
	}
}
