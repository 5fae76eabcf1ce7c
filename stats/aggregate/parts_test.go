package aggregate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats/line"
)

// report is a line of a part at a tenth of a second.
func reportLine(tenth int, part string, number any) string {
	return fmt.Sprintf("level=info ts=17000000%02d.%d key=%s x=%v", tenth/10, tenth%10, part, number)
}

// seconds folds lines of tenths of seconds into a partial for each second.
func seconds(t *testing.T, k Kind, lines map[int][]string) []Partial {
	t.Helper()
	f := newFolder(t)
	by := make(map[int]Partial)
	var all []Partial
	for tenth, texts := range lines { // in any order
		p := by[tenth/10]
		if p == nil {
			p = k.NewPartial()
			by[tenth/10] = p
			all = append(all, p)
		}
		f.fold(p, texts...)
	}
	return all
}

func TestLastKinds(t *testing.T) {
	lines := map[int][]string{
		1:  {reportLine(1, "a", 10), reportLine(1, "b", 7)},
		5:  {reportLine(5, "a", 12), reportLine(5, "a", 11.5)}, // of equal times the greater
		12: {reportLine(12, "b", 3), reportLine(12, "c", "none")},
		30: {reportLine(30, "c", -2.25), "level=info x=99 ts=1700000003.5"}, // of no part
		31: {reportLine(31, "c", -4)},
	}
	for _, test := range []struct {
		name string
		kind Kind
		want string
	}{
		{"last", newLast(x), "99"},
		{"last-sum", newLastSum(x, byOne, 300), "11"},
		{"last-mean", newLastMean(x, byOne, 300), "3.6666666666666665"},
		{"last-count", newLastCount(x, byOne, 300), "3"},
		{"last-max", newLastMax(x, byOne, 300), "12"},
		{"last-sum of one part", newLastSum(x, nil, 300), "99"},
		{"last-count by number", newLastCount(x, []line.Slot{key, x}, 300), "7"},
	} {
		if got := valueOf(test.kind, seconds(t, test.kind, lines)...); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestDelta(t *testing.T) {
	for _, test := range []struct {
		name  string
		lines map[int][]string
		want  string
	}{
		{"of one number nothing is known to have grown", map[int][]string{5: {reportLine(5, "a", 100)}}, "0"},
		{"grows", map[int][]string{5: {reportLine(5, "a", 100)}, 15: {reportLine(15, "a", 130)}, 40: {reportLine(40, "a", 130.5)}}, "30.5"},
		{"begins anew", map[int][]string{5: {reportLine(5, "a", 100)}, 15: {reportLine(15, "a", 20)}, 25: {reportLine(25, "a", 25)}}, "25"},
		{"of several parts", map[int][]string{
			5:  {reportLine(5, "a", 100), reportLine(5, "b", 1)},
			15: {reportLine(15, "a", 101), reportLine(15, "b", 9)},
		}, "9"},
		{"of a second the newest counts", map[int][]string{
			5: {reportLine(5, "a", 100)}, 7: {reportLine(7, "a", 103)},
			15: {reportLine(15, "a", 110)}, 11: {reportLine(11, "a", 90)},
		}, "7"},
	} {
		k := newDelta(x, byOne, 60, 300)
		if got := valueOf(k, seconds(t, k, test.lines)...); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// TestPartsBeyondTheirRoom has more parts than there is room for: what is kept
// is free of order and grouping all the same, and of parts with one line each
// the totals are exact.
func TestPartsBeyondTheirRoom(t *testing.T) {
	const n = 5000
	kinds := map[string]Kind{
		`12497500`: newLastSum(x, byOne, 3000), "2499.5": newLastMean(x, byOne, 3000),
		"5000": newLastCount(x, byOne, 3000), "4999": newLastMax(x, byOne, 3000),
	}
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("level=info key=part%d x=%d", i, i)
	}
	f := newFolder(t)
	for want, k := range kinds {
		var first []byte
		for seed := range uint64(testkit.Size(2, 4)) {
			r := rand.New(rand.NewPCG(seed, 7))
			r.Shuffle(n, func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
			p := joinSplit(t, r, f, k, lines)
			if kept := len(p.(*reports).keys.entries); kept != capacity(3000) {
				t.Fatalf("%d parts are kept", kept)
			}
			w := k.NewWindow().(Bounded)
			w.Add(p)
			if got, room := w.BeyondRoom(), capacity(3000); got != (Beyond{uint64(n - room), share(uint64(n-room), uint64(room))}) {
				t.Errorf("beyond its room is %+v", got)
			}
			b := p.AppendTo(nil)
			if first == nil {
				first = b
			}
			if !bytes.Equal(b, first) {
				t.Errorf("seed %d: the order shows", seed)
			}
			if got := valueOf(k, p); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	}
}

// TestDeltaReachesBack has a counter that reports seldom: each step counts in
// the windows that have its end.
func TestDeltaReachesBack(t *testing.T) {
	k := newDelta(x, byOne, 10, 300)
	reports := map[int]int{0: 100, 20: 160, 40: 20}
	for second, want := range map[int]string{
		0: "0", 9: "0", 10: "null", 19: "null", 20: "60", 29: "60", 30: "null",
		40: "20", // began anew
		49: "20", 50: "null",
	} {
		w := k.NewWindow()
		for at, number := range reports {
			if at <= second {
				w.Add(seconds(t, k, map[int][]string{10 * at: {reportLine(10*at, "a", number)}})[0])
			}
		}
		if got := jsonOf(w.Value(Span{Since: 1_700_000_000 + int64(second) - 9, Covered: 10})); got != want {
			t.Errorf("at %d: %s, want %s", second, got, want)
		}
	}
}

// TestPartsThatStay has more parts than there is room for, all of which report
// each second: how many there are does not grow with their lines.
func TestPartsThatStay(t *testing.T) {
	const n = 300 // room for 100
	sum, mean, count, most := newLastSum(x, byOne, 3000), newLastMean(x, byOne, 3000), newLastCount(x, byOne, 3000), newLastMax(x, byOne, 3000)
	for k, want := range map[Kind]string{sum: "600", mean: "2", count: "300", most: "2"} {
		lines := map[int][]string{}
		for second := range testkit.Size(20, 60) {
			for i := range n {
				lines[10*second] = append(lines[10*second], reportLine(10*second, fmt.Sprint("part", i), 2))
			}
		}
		all := seconds(t, k, lines)
		if got := valueOf(k, all...); got != want {
			t.Errorf("%T: %s, want %s", k, got, want)
		}
		w := k.NewWindow()
		for _, p := range all {
			w.Add(p)
		}
		for _, p := range all[1:] {
			w.Sub(p)
		}
		if got := jsonOf(w.Value(whole)); got != want {
			t.Errorf("%T of one second: %s, want %s", k, got, want)
		}
	}
}

func TestPartsRefuse(t *testing.T) {
	k := newLastSum(x, byOne, 3000)
	f := newFolder(t)
	p := k.NewPartial()
	f.fold(p, "level=info key=a x=1")
	good := p.AppendTo(nil)
	for name, b := range map[string][]byte{
		"another form":        {2},
		"no parts":            {keysExact},
		"a part twice":        append(bytes.Clone(good), good[1:]...),
		"a cut part":          good[:len(good)-1],
		"more than its parts": append(bytes.Clone(good), 0),
		"nobody left out":     append([]byte{keysDropped, 0}, good[1:]...),
	} {
		p := k.NewPartial()
		if p.Join(b) == nil || k.Check(b) == nil || !p.Empty() {
			t.Errorf("%s is taken", name)
		}
	}
}
