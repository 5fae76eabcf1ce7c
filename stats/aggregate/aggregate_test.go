package aggregate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pulse/stats/fixed"
	"pulse/stats/line"
	"pulse/stats/value"
)

// kinds are all kinds: the tests of the laws go through them.
var kinds = []struct {
	name string
	kind Kind
}{
	{"rate", Rate(1, 10)},
	{"rate per minute", Rate(60, 70)},
	{"sum", Sum(x)},
	{"mean", Mean(x)},
	{"min", Min(x)},
	{"max", Max(x)},
	{"unique", Unique(x)},
	{"quantiles", Quantiles(x, []float64{0, 0.5, 0.95, 0.99, 1})},
	{"lines", Lines()},
	{"rate by", By(Rate(1, 10), []line.Slot{key}, 3, 10)},
	{"rate by two fields", By(Rate(60, 70), []line.Slot{key, x}, 10, 10)},
	{"sum by", By(Sum(x), []line.Slot{key}, 3, 10)},
	{"mean by", By(Mean(x), []line.Slot{key}, 3, 10)},
	{"min by", By(Min(x), []line.Slot{key}, 3, 10)},
	{"max by", By(Max(x), []line.Slot{key}, 3, 10)},
	{"quantiles by", By(Quantiles(x, []float64{0.5, 0.99}), []line.Slot{key}, 3, 10)},
	{"histogram", Histogram(x, []float64{-10, 0.5, 100, 2000})},
	{"last", Last(x)},
	{"last-sum", LastSum(x, []line.Slot{key}, 3000)},
	{"last-mean", LastMean(x, []line.Slot{key}, 300)},
	{"last-count", LastCount(x, []line.Slot{key, x}, 300)},
	{"last-max", LastMax(x, []line.Slot{key, x}, 3000)},
	{"delta", Delta(x, []line.Slot{key}, 60, 300)},
	{"delta of one counter", Delta(x, nil, 60, 300)},
	{"ratio", Ratio(Sum(x), Rate(60, 70))},
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

func jsonOf(v value.Value) string { return string(value.AppendJSON(nil, v)) }

func valueOf(k Kind, partials ...Partial) string {
	w := k.NewWindow()
	for _, p := range partials {
		w.Add(p)
	}
	return jsonOf(w.Value())
}

// join joins bytes into a partial and requires that it takes them.
func join(t *testing.T, k Kind, p Partial, b []byte) {
	t.Helper()
	if err := k.Check(b); err != nil {
		t.Fatalf("Check(%.40x): %v", b, err)
	}
	if err := p.Join(b); err != nil {
		t.Fatalf("Join(%.40x): %v", b, err)
	}
}

// TestJoinIsFreeOfOrderAndGrouping is law L3: however lines are split among
// partials, and in whatever order and grouping those are joined, the bytes and
// the value are the same.
func TestJoinIsFreeOfOrderAndGrouping(t *testing.T) {
	for _, test := range kinds {
		t.Run(test.name, func(t *testing.T) {
			f := newFolder(t)
			for seed := range uint64(12) {
				r := rand.New(rand.NewPCG(seed, 1))
				lines := randomLines(r, []int{0, 1, 20, 900, 6000}[seed%5], []int{3, 400, 4000}[seed%3])
				whole := test.kind.NewPartial()
				f.fold(whole, lines...)
				want, wantValue := whole.AppendTo(nil), valueOf(test.kind, whole)

				for range 4 {
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
			f.fold(parts[i], randomLines(r, r.IntN(1500), 2000)...)
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
	for _, test := range kinds {
		t.Run(test.name, func(t *testing.T) {
			f := newFolder(t)
			for seed := range uint64(8) {
				r := rand.New(rand.NewPCG(seed, 2))
				seconds := make([]Partial, 12)
				for i := range seconds {
					seconds[i] = test.kind.NewPartial()
					f.fold(seconds[i], randomLines(r, r.IntN([]int{3, 200, 3000}[seed%3]), []int{10, 5000}[seed%2])...)
				}
				w, in := test.kind.NewWindow(), make([]bool, len(seconds))
				toggle := func(i int) {
					if in[i] = !in[i]; in[i] {
						w.Add(seconds[i])
					} else {
						w.Sub(seconds[i])
					}
				}
				for step := range 150 {
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
					if got, want := jsonOf(w.Value()), valueOf(test.kind, left...); got != want {
						t.Fatalf("seed %d, step %d: %s, want %s", seed, step, got, want)
					}
				}
				for i := range in {
					if in[i] {
						toggle(i)
					}
				}
				if got, want := jsonOf(w.Value()), valueOf(test.kind); got != want {
					t.Fatalf("seed %d: with everything taken out %s, want %s", seed, got, want)
				}
			}
		})
	}
}

// TestFoldAllocatesNothing folds the same second again and again.
func TestFoldAllocatesNothing(t *testing.T) {
	for _, test := range kinds {
		t.Run(test.name, func(t *testing.T) {
			f, p := newFolder(t), test.kind.NewPartial()
			lines := randomLines(rand.New(rand.NewPCG(1, 3)), 3000, 1500)
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

func TestValueOfNothing(t *testing.T) {
	want := map[string]string{
		"rate": "0", "rate per minute": "0", "sum": "0", "unique": "0",
		"lines": `{"in":0,"counted":0,"late":0,"unreadable":0,"ahead":0,"bytes":0}`,

		"rate by":            `{"top":[],"other":0,"distinct":0}`,
		"rate by two fields": `{"top":[],"other":0,"distinct":0}`,
		"sum by":             `{"top":[],"other":0,"distinct":0}`,
		"mean by":            `{"top":[],"other":null,"distinct":0}`,
		"min by":             `{"top":[],"other":null,"distinct":0}`,
		"max by":             `{"top":[],"other":null,"distinct":0}`,
		"quantiles by":       `{"top":[],"other":null,"distinct":0}`,
		"histogram":          `{"le":[-10,0.5,100,2000],"counts":[0,0,0,0,0]}`,
		"last-count":         "0",
	}
	f := newFolder(t)
	for _, test := range kinds {
		w, ok := want[test.name]
		if !ok {
			w = "null"
		}
		if got := valueOf(test.kind); got != w {
			t.Errorf("%s of nothing: %s, want %s", test.name, got, w)
		}
		if _, ok := test.kind.NewPartial().(Counter); ok || test.name == "lines" || test.name == "ratio" {
			continue
		}
		p := test.kind.NewPartial()
		f.fold(p, "level=info y=1") // the field is missing
		if got := valueOf(test.kind, p); got != w || !p.Empty() {
			t.Errorf("%s of a line without the field: %s, want %s", test.name, got, w)
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
		{"rate per second", Rate(1, 10), "0.6"},
		{"rate per minute", Rate(60, 70), "5.142857142857143"},
		{"sum", Sum(x), "47.75"},
		{"mean", Mean(x), "11.9375"},
		{"min", Min(x), "-3.25"},
		{"max", Max(x), "20.5"},
		{"unique", Unique(x), "4"},
		{"quantiles", Quantiles(x, []float64{0.5, 0.95, 0.25, 1}), `{"0.5":10,"0.95":20.5,"0.25":-3.25,"1":20.5}`},
	} {
		p := test.kind.NewPartial()
		newFolder(t).fold(p, numbers...)
		if got := valueOf(test.kind, p); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	if c, ok := Rate(1, 10).NewPartial().(Counter); !ok {
		t.Error("rate's partial is no Counter")
	} else if c.Count(25); valueOf(Rate(1, 10), c) != "2.5" {
		t.Errorf("25 lines counted at once: %s, want 2.5", valueOf(Rate(1, 10), c))
	}
	p := Lines().NewPartial().(*LinesPartial)
	p.Add(LineCounts{Lines: 6, Counted: 3, Late: 2, Unreadable: 1, Ahead: 4, Bytes: 700})
	if got, want := valueOf(Lines(), p), `{"in":6,"counted":3,"late":2,"unreadable":1,"ahead":4,"bytes":700}`; got != want {
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
		{"rate: a count with a zero at its end", Rate(1, 1), []byte{0x81, 0x00}},
		{"rate: no lines", Rate(1, 1), []byte{0}},
		{"rate: two counts", Rate(1, 1), []byte{1, 1}},
		{"rate: a cut count", Rate(1, 1), []byte{0x81}},
		{"rate: too many lines", Rate(1, 1), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
		{"sum: no sum", Sum(x), []byte{1}},
		{"sum: of no numbers", Sum(x), []byte{0, 0}},
		{"mean: a rest", Mean(x), append(fixed.Int(3).AppendBinary([]byte{1}), 0)},
		{"min: a rest", Min(x), append(fixed.Int(3).AppendBinary(nil), 0)},
		{"max: no number", Max(x), []byte{0xff}},
		{"unique: of another form", Unique(x), []byte{2}},
		{"unique: no hashes", Unique(x), hashes(0)},
		{"unique: half a hash", Unique(x), hashes(2)[:13]},
		{"unique: a hash twice", Unique(x), append(hashes(1), hashes(1)[1:]...)},
		{"unique: too many hashes", Unique(x), hashes(maxExact + 1)},
		{"unique: no registers", Unique(x), []byte{setSketch}},
		{"unique: empty registers", Unique(x), append([]byte{setSketch}, registers...)},
		{"unique: registers beyond full", Unique(x), append([]byte{setSketch}, full...)},
		{"quantiles: a value no times", Quantiles(x, nil), []byte{5, 0}},
		{"quantiles: a value without a count", Quantiles(x, nil), []byte{5}},
		{"quantiles: a value twice", Quantiles(x, nil), []byte{5, 1, 0, 1}},
		{"quantiles: a value beyond the last", Quantiles(x, nil), append(binary.AppendUvarint(nil, codes), 1)},
		{"quantiles: values that add up beyond it", Quantiles(x, nil), append(binary.AppendUvarint(nil, codes-1), 1, 1, 1)},
		{"lines: five counts", Lines(), []byte{1, 1, 1, 1, 1}},
		{"lines: seven counts", Lines(), []byte{1, 1, 1, 1, 1, 1, 1}},
		{"lines: nothing", Lines(), make([]byte, 6)},
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
	fold := newFolder(f)
	for i, test := range kinds {
		p := test.kind.NewPartial()
		f.Add(byte(i), p.AppendTo(nil))
		for _, n := range []int{1, 10, 1500} {
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
		k := kinds[int(which)%len(kinds)].kind
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
		w.Value()
		w.Sub(p)
		if got, want := jsonOf(w.Value()), valueOf(k); got != want {
			t.Fatalf("taken out again: %s, want %s", got, want)
		}
	})
}

// BenchmarkFold folds a parsed line; every 1,000 the partial is written and
// begins anew, as at the end of a second.
func BenchmarkFold(b *testing.B) {
	for _, bench := range kinds {
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
