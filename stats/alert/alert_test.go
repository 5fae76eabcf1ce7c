package alert

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats/value"
)

func threshold(t testing.TB, text string) Threshold {
	t.Helper()
	parsed, err := ParseThreshold(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func rule(t testing.TB, when, clear string) *Rule {
	t.Helper()
	r := &Rule{Name: "a", When: threshold(t, when), Unknown: HoldUnknown}
	r.Clear = r.When.Opposite()
	if clear != "" {
		r.Clear = threshold(t, clear)
	}
	return r
}

func TestParseThreshold(t *testing.T) {
	for text, want := range map[string]Threshold{
		"errors > 5":                          {Stat: "errors", Op: Above, Limit: 5},
		"  errors>5 ":                         {Stat: "errors", Op: Above, Limit: 5},
		"a/b.c-d_e <= -0.5":                   {Stat: "a/b.c-d_e", Op: AtMost, Limit: -0.5},
		"ratio >= 2%":                         {Stat: "ratio", Op: AtLeast, Limit: 0.02},
		"ratio < 0.1%":                        {Stat: "ratio", Op: Below, Limit: 0.001},
		"p99 of ms > 500":                     {Part: "0.99", Stat: "ms", Op: Above, Limit: 500},
		"p99.9 of ms > 1e3":                   {Part: "0.999", Stat: "ms", Op: Above, Limit: 1000},
		"p100 of ms != 0":                     {Part: "1", Stat: "ms", Op: Unequal},
		"late of pulse.lines > 3":             {Part: "late", Stat: "pulse.lines", Op: Above, Limit: 3},
		"any key of requests == 0":            {AnyKey: true, Stat: "requests", Op: Equal},
		"any  key of p50 of ms > 1":           {},
		"any key of p50 of ms > 1":            {AnyKey: true, Part: "0.5", Stat: "ms", Op: Above, Limit: 1},
		"errors":                              {},
		"errors > ":                           {},
		"errors > 5ms":                        {},
		"errors > inf":                        {},
		"errors > 0x1p4000":                   {},
		"errors => 5":                         {},
		"5 < errors":                          {},
		"errors > 5 and warnings > 5":         {},
		"errors > " + strings.Repeat("9", 99): {Stat: "errors", Op: Above, Limit: 1e99},
	} {
		got, err := ParseThreshold(text)
		if got != want || (err == nil) == (want == Threshold{}) {
			t.Errorf("%q is %+v, %v, want %+v", text, got, err, want)
		}
		if err != nil {
			continue
		}
		if again := threshold(t, got.String()); again != got {
			t.Errorf("%q is written %q, which is %+v", text, got, again)
		}
	}
}

func FuzzParseThreshold(f *testing.F) {
	f.Add("any key of p99.9 of a.b/c >= 1e-3%")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseThreshold(text)
		if err != nil {
			return
		}
		if again, err := ParseThreshold(got.String()); err != nil || again != got {
			t.Errorf("%q is %+v, written %q, which is %+v, %v", text, got, got, again, err)
		}
		if _, overlap := got.Overlap(got.Opposite()); overlap {
			t.Errorf("%s and %s overlap", got, got.Opposite())
		}
	})
}

func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		when, clear string
		overlap     bool
	}{
		{"a > 5", "a < 3", false}, {"a > 5", "a <= 5", false}, {"a > 5", "a < 6", true}, {"a > 5", "a <= 5.0000001", true},
		{"a >= 5", "a < 5", false}, {"a >= 5", "a <= 5", true}, {"a < 5", "a > 5", false}, {"a < 5", "a > 4", true},
		{"a == 0", "a > 0", false}, {"a == 0", "a >= 0", true}, {"a != 0", "a == 0", false}, {"a > 5", "a > 6", true},
		{"a > 5", "a != 7", true}, {"a == 5", "a == 6", false},
	} {
		if _, overlap := threshold(t, c.when).Overlap(threshold(t, c.clear)); overlap != c.overlap {
			t.Errorf("%s and %s overlap: %v", c.when, c.clear, overlap)
		}
	}
}

// script feeds one point a second: a number, "?" for a second that is not known, "-"
// for the value of nothing.
func script(tracker *Tracker, text string) []Transition {
	var all []Transition
	for i, word := range strings.Fields(text) {
		p := Point{First: int64(i + 1), Last: int64(i + 1), Known: word != "?", Final: true}
		if word != "?" && word != "-" {
			p.Value = value.Number(word)
		}
		all = append(all, tracker.Point(p)...)
	}
	return all
}

func brief(all []Transition) string {
	var texts []string
	for _, t := range all {
		text := fmt.Sprintf("%d:%s", t.Second, t.State)
		if t.Keyed {
			text = t.Key + "@" + text
		}
		if t.Revision > 0 {
			text += fmt.Sprintf(" r%d", t.Revision)
		}
		if t.Withdrawn {
			text += " withdrawn"
		}
		if !t.Final {
			text += " open"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

func TestStates(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Rule)
		clear  string
		points string
		want   string
	}{
		"at once": {nil, "", "5 6 6 5", "2:firing, 4:ok"},
		"for three seconds": {func(r *Rule) { r.For = 3 }, "", "6 6 5 6 6 6 6 5",
			"1:pending, 3:ok, 4:pending, 6:firing, 8:ok"},
		"between the thresholds it stays":      {nil, "a < 3", "6 4 2 4 6 4", "1:firing, 3:ok, 5:firing"},
		"between the thresholds it is not bad": {func(r *Rule) { r.For = 3 }, "a < 3", "6 6 4 6 6 6", "1:pending, 3:ok, 4:pending, 6:firing"},
		"keep": {func(r *Rule) { r.Keep = 3 }, "", "6 1 1 6 1 1 1 1",
			"1:firing, 2:recovering, 4:firing, 5:recovering, 7:ok"},
		"a value between interrupts the recovery": {func(r *Rule) { r.Keep = 2 }, "a < 3", "6 1 4 1 1", "1:firing, 2:recovering, 3:firing, 4:recovering, 5:ok"},
		"nothing is good":                         {nil, "a < 3", "6 - -", "1:firing, 2:ok"},
		"unknown holds":                           {func(r *Rule) { r.For = 3 }, "", "6 ? ? 6 ? 6 ? ? 5", "1:pending, 6:firing, 9:ok"},
		"unknown clears":                          {func(r *Rule) { r.Unknown = ClearUnknown }, "", "6 ? 6", "1:firing, 2:ok, 3:firing"},
		"unknown for long": {func(r *Rule) { r.Unknown, r.After = FireUnknown, 2 }, "", "6 ? 6 ? ? ? 6 5 ? ? 5",
			"1:firing, 5:unknown, 7:firing, 8:ok, 10:unknown, 11:ok"},
		"unknown while pending": {func(r *Rule) { r.Unknown, r.After, r.For = FireUnknown, 2, 3 }, "", "6 6 ? ? 6",
			"1:pending, 4:unknown, 5:firing"},
	} {
		r := rule(t, "a > 5", c.clear)
		if c.change != nil {
			c.change(r)
		}
		if got := brief(script(NewTracker(r), c.points)); got != c.want {
			t.Errorf("%s: %s: got %s, want %s", name, c.points, got, c.want)
		}
	}
}

// A late line takes a transition back, or makes one.
func TestAmended(t *testing.T) {
	tracker := NewTracker(rule(t, "a > 5", ""))
	point := func(second int64, n string, revision int, final bool) string {
		return brief(tracker.Point(Point{First: second, Last: second, Value: value.Number(n), Known: true, Final: final, Revision: revision}))
	}
	for i, c := range []struct{ got, want string }{
		{point(1, "5", 0, false), ""},
		{point(2, "6", 0, false), "2:firing open"},
		{point(3, "6", 0, false), ""},
		{point(2, "5", 1, false), "2:firing r1 withdrawn open, 3:firing open"},
		{point(2, "5", 1, false), ""}, // again
		{point(2, "6", 0, false), ""}, // an older one
		{point(2, "7", 2, false), "2:firing r2 open, 3:firing r1 withdrawn open"},
		{point(4, "1", 0, false), "4:ok open"},
		{point(1, "5", 1, true), ""},
		{point(2, "7", 3, true), "2:firing r3"},
		{point(3, "6", 1, true), "3:firing r2 withdrawn"},
		{point(3, "9", 9, true), ""}, // it was final
		{point(4, "1", 1, true), "4:ok r1"},
	} {
		if c.got != c.want {
			t.Errorf("step %d: got %s, want %s", i, c.got, c.want)
		}
	}
}

func TestFinalOnly(t *testing.T) {
	r := rule(t, "a > 5", "")
	r.Final = true
	tracker := NewTracker(r)
	if got := tracker.Point(Point{First: 1, Last: 1, Value: value.Number("6"), Known: true}); got != nil {
		t.Errorf("a second that just closed made %v", got)
	}
	if got := brief(tracker.Point(Point{First: 1, Last: 1, Value: value.Number("6"), Known: true, Final: true, Revision: 1})); got != "1:firing" {
		t.Errorf("got %s", got)
	}
}

func keyed(distinct uint64, pairs ...string) *value.Keyed {
	k := &value.Keyed{Other: value.Number("0"), Distinct: distinct}
	for i := 0; i < len(pairs); i += 2 {
		k.Top = append(k.Top, value.Key{Key: pairs[i], Value: value.Number(pairs[i+1])})
	}
	return k
}

func TestKeys(t *testing.T) {
	tracker := NewTracker(rule(t, "any key of a > 5", ""))
	for i, c := range []struct {
		value value.Value
		want  string
	}{
		{keyed(2, "x", "6", "", "5"), "x@1:firing"},
		{keyed(2, "", "9", "y", "6"), "@2:firing, x@2:ok, y@2:firing"},
		{keyed(9, "z", "9", "", "8"), "z@3:firing"}, // y may be bad: it is not listed, and all that are listed are bad
		{keyed(9, "z", "9", "", "5"), "@4:ok, y@4:ok"},
		{nil, "z@5:ok"},
	} {
		second := int64(i + 1)
		if got := brief(tracker.Point(Point{First: second, Last: second, Value: c.value, Known: true, Final: true})); got != c.want {
			t.Errorf("second %d: got %s, want %s", second, got, c.want)
		}
	}
	if len(tracker.Machines) != 1 {
		t.Errorf("%d machines are kept, all keys are ok", len(tracker.Machines))
	}

	low := NewTracker(rule(t, "any key of a < 2", ""))
	low.Point(Point{First: 1, Last: 1, Value: keyed(2, "x", "5", "y", "1"), Known: true, Final: true})
	if got := brief(low.Point(Point{First: 2, Last: 2, Value: keyed(7, "x", "5"), Known: true, Final: true})); got != "" {
		t.Errorf("y is not listed, and may be low: got %s", got)
	}
}

func TestKeysAreBounded(t *testing.T) {
	tracker := NewTracker(rule(t, "any key of a > 5", ""))
	var pairs []string
	for i := range MaxKeys + 10 {
		pairs = append(pairs, fmt.Sprint("k", i), "6")
	}
	got := tracker.Point(Point{First: 1, Last: 1, Value: keyed(uint64(len(pairs)/2), pairs...), Known: true, Final: true})
	if len(got) != MaxKeys || tracker.Beyond != 10 {
		t.Errorf("%d keys fire, %d had no room", len(got), tracker.Beyond)
	}
}

func TestOpenIsBounded(t *testing.T) {
	testkit.Long(t)
	tracker := NewTracker(rule(t, "a > 5", ""))
	for second := range int64(maxOpen + 100) {
		tracker.Point(Point{First: second + 1, Last: second + 1, Value: value.Number("6"), Known: true})
	}
	if len(tracker.Open) > maxOpen {
		t.Errorf("%d seconds are open", len(tracker.Open))
	}
}

// A run is as its seconds are, and a pause of a year takes no longer than its rule.
func TestRuns(t *testing.T) {
	const year = 365 * 24 * 60 * 60
	r := rule(t, "a > 5", "")
	r.For, r.Keep, r.Unknown, r.After = 10, 20, FireUnknown, 30
	tracker := NewTracker(r)
	var all []Transition
	for _, p := range []Point{
		{First: 1, Last: 100, Value: value.Number("6"), Known: true, Final: true},
		{First: 101, Last: 100 + year, Final: true},
		{First: 101 + year, Last: 200 + year, Value: value.Number("1"), Known: true, Final: true},
		{First: 301 + year, Last: 400 + year, Value: value.Number("6"), Known: true, Final: true}, // after a hundred seconds without a point
	} {
		all = append(all, tracker.Point(p)...)
	}
	const after = 101 + year
	want := fmt.Sprintf("1:pending, 10:firing, 130:unknown, %d:recovering, %d:ok, %d:unknown, %d:pending, %d:firing",
		after, after+19, after+200-100+29, after+200, after+209)
	if got := brief(all); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// naive is the state of an alert without keys at each second, worked out from all the
// seconds up to it, by what the documentation says of a state and not as a machine.
func naive(r *Rule, verdicts []Verdict) []State {
	states := make([]State, len(verdicts))
	firing, was := false, false
	for i := range verdicts {
		// How long each has held, seconds that are not known left out.
		var bad, good, dark int64
		for j := i; j >= 0 && verdicts[j] == NotKnown; j-- {
			dark++
		}
		count := func(v Verdict) (n int64) {
			for j := i; j >= 0; j-- {
				if verdicts[j] == NotKnown {
					if r.Unknown == ClearUnknown {
						return n
					}
					continue
				}
				if verdicts[j] != v {
					return n
				}
				n++
			}
			return n
		}
		bad, good = count(Bad), count(Good)
		was = firing
		switch {
		case verdicts[i] == NotKnown && r.Unknown == ClearUnknown:
			firing = false
		case !was && bad > 0 && bad >= max(r.For, 1) && verdicts[i] == Bad:
			firing = true
		case was && good > 0 && good >= max(r.Keep, 1) && verdicts[i] == Good:
			firing = false
		}
		switch {
		case r.Unknown == FireUnknown && dark >= r.After && dark > 0 && dark <= int64(i):
			states[i] = StateUnknown
		case firing && good > 0:
			states[i] = Recovering
		case firing:
			states[i] = Firing
		case bad > 0 && (verdicts[i] != NotKnown || r.Unknown != ClearUnknown):
			states[i] = Pending
		default:
			states[i] = OK
		}
	}
	return states
}

var numbers = map[Verdict]value.Number{Bad: "9", Good: "1", Neither: "4"}

// TestLikeNaive: whatever the points and however they are amended and repeated, and
// when a tracker is written down and read again, what holds in the end is what follows
// from the final points, and equals the naive states.
func TestLikeNaive(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	for round := range testkit.Size(300, 3000) {
		r := rule(t, "a > 5", "a < 3")
		r.For, r.Keep, r.After = chance.Int64N(4), chance.Int64N(4), 1+chance.Int64N(4)
		r.Unknown = []Unknown{HoldUnknown, FireUnknown, ClearUnknown}[chance.IntN(3)]
		r.Final = chance.IntN(4) == 0
		verdicts := make([]Verdict, 1+chance.IntN(30))
		for i := range verdicts {
			if verdicts[i] = Verdict(chance.IntN(4)); i > 0 && chance.IntN(3) > 0 {
				verdicts[i] = verdicts[i-1]
			}
		}
		held := publish(t, r, verdicts, chance)
		want := naive(r, verdicts)
		state := OK
		for i := range verdicts {
			if h, ok := held[int64(i+1)]; ok {
				if h.Was != state || !h.Final {
					t.Fatalf("round %d: at %d it came from %s, and was %s (final: %v)", round, i+1, h.Was, state, h.Final)
				}
				state = h.State
			}
			if state != want[i] {
				t.Fatalf("round %d: for %d, keep %d, unknown %s %d, verdicts %v: at %d it is %s, want %s of %v",
					round, r.For, r.Keep, r.Unknown, r.After, verdicts, i+1, state, want[i], want)
			}
		}
	}
}

// publish gives a tracker points of the verdicts as a merger publishes them: closed,
// amended, final, some twice; and returns the transitions that hold in the end.
func publish(t *testing.T, r *Rule, verdicts []Verdict, chance *rand.Rand) map[int64]Transition {
	tracker := NewTracker(r)
	held := map[int64]Transition{}
	revision := map[int64]int{}
	feed := func(second int64, v Verdict, final bool) {
		p := Point{First: second, Last: second, Known: v != NotKnown, Final: final, Revision: revision[second]}
		if p.Known {
			p.Value = numbers[v]
		}
		revision[second]++
		for range 1 + chance.IntN(2) {
			for _, change := range tracker.Point(p) {
				if old, ok := held[change.Second]; ok && change.Revision <= old.Revision {
					t.Fatalf("revision %d of second %d comes after %d", change.Revision, change.Second, old.Revision)
				}
				held[change.Second] = change
			}
		}
		if chance.IntN(8) == 0 {
			written, err := json.Marshal(tracker)
			if err != nil {
				t.Fatal(err)
			}
			tracker = NewTracker(r)
			if err := json.Unmarshal(written, tracker); err != nil {
				t.Fatal(err)
			}
		}
	}
	lateness := chance.IntN(4)
	for i := range verdicts {
		first := verdicts[i]
		if chance.IntN(3) == 0 {
			first = Verdict(chance.IntN(4))
		}
		feed(int64(i+1), first, false)
		if j := i - chance.IntN(lateness+1); j >= 0 && revision[int64(j+1)] > 0 {
			feed(int64(j+1), Verdict(chance.IntN(4)), false)
		}
		if j := i - lateness; j >= 0 {
			feed(int64(j+1), verdicts[j], true)
		}
	}
	for j := max(len(verdicts)-lateness, 0); j < len(verdicts); j++ {
		feed(int64(j+1), verdicts[j], true)
	}
	maps.DeleteFunc(held, func(_ int64, t Transition) bool { return t.Withdrawn })
	return held
}

func FuzzTransition(f *testing.F) {
	f.Add([]byte(`{"alert":"errors","key":"/cart","time":"2026-11-22T10:31:05Z","state":"firing","was":"pending","value":7,"revision":0,"final":false}`))
	f.Add([]byte(`{"alert":"a","time":"2026-11-22T10:31:05Z","state":"ok","was":"unknown","revision":3,"final":true,"withdrawn":true}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var one, again Transition
		if json.Unmarshal(data, &one) != nil {
			return
		}
		written, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(written, &again); err != nil || again != one {
			t.Errorf("%+v is written %s, which is %+v, %v", one, written, again, err)
		}
	})
}
