package aggregate

import (
	"fmt"
	"strings"
	"testing"

	"pulse/stats/value"
)

func TestRatio(t *testing.T) {
	rate, sum := newRate(1), newSum(x)
	for _, test := range []struct {
		name  string
		kind  Kind
		lines []string
		want  string
	}{
		{"sum by rate", newRatio(sum, rate), []string{"level=info x=1", "level=info x=2"}, "1.5"},
		{"by nothing", newRatio(rate, newMean(x)), []string{"level=info y=1"}, "null"},
		{"by 0", newRatio(rate, sum), []string{"level=info x=0"}, "null"},
		{"of nothing", newRatio(newMean(x), rate), []string{"level=info y=1"}, "null"},
		{"0 by something", newRatio(sum, rate), []string{"level=info y=1"}, "0"},
	} {
		p := test.kind.NewPartial()
		newFolder(t).fold(p, test.lines...)
		if got := valueOf(test.kind, p); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	for name, b := range map[string][]byte{
		"both are empty":           {0},
		"the first is cut":         {5, 1},
		"the first is malformed":   {1, 0, 1},
		"the second is malformed":  {1, 1, 0},
		"a length of another form": {0x81, 0, 1, 1},
	} {
		k := newRatio(rate, rate)
		p := k.NewPartial()
		if p.Join(b) == nil || k.Check(b) == nil || !p.Empty() {
			t.Errorf("%s is taken", name)
		}
	}
	if b := AppendCombined(nil, make([][]byte, 2)); len(b) > 0 {
		t.Errorf("of two empty partials: %x", b)
	}
}

// A key that one side had no room for is null and marked; one that a side never had is
// not.
func TestRatioByDroppedKeys(t *testing.T) {
	const over = 3000 // with room for 100 keys
	rate := newKeyed(newRate(1), byOne, 3, over)
	positive := newKeyed(newMax(x), byOne, 3, over)
	k := ratioKind.Make(Parameters{Of: []Kind{rate, positive}, By: byOne, Top: 100, Over: over})
	second := func(lines ...string) Partial {
		p := k.NewPartial()
		newFolder(t).fold(p, lines...)
		joined := k.NewPartial() // from bytes, which have no more keys than there is room for
		join(t, k, joined, p.AppendTo(nil))
		return joined
	}
	var crowded []string // the second side has the keys a and b, the first drops one
	for i := range 110 {
		crowded = append(crowded, fmt.Sprintf("level=info key=k%03d", i))
	}
	crowded = append(crowded, "level=info x=4 key=a", "level=info x=4 key=a", "level=info x=0 key=zero", "level=info x=1 key=zero")
	w := k.NewWindow()
	quiet, full := second("level=info x=4 key=a", "level=info x=2 key=b"), second(crowded...)
	w.Add(quiet)
	if got, want := jsonOf(w.Value(whole)), `{"top":[{"key":"b","value":0.5},{"key":"a","value":0.25}],"other":null,"distinct":2}`; got != want {
		t.Errorf("without drops %s, want %s", got, want)
	}
	w.Add(full)
	v := w.Value(whole).(*value.Keyed)
	found := map[string]value.Key{}
	for _, key := range v.Top {
		found[key.Key] = key
	}
	if a := found["a"]; a.Dropped || a.Value != value.Number("0.75") {
		t.Errorf("a, which both sides have, is %+v", a)
	}
	if b, ok := found["b"]; !b.Dropped || b.Value != nil || !ok {
		t.Errorf("b, which the first side may have dropped, is %+v", b)
	}
	if !strings.Contains(jsonOf(v), `{"key":"b","value":null,"dropped":true}`) {
		t.Errorf("b is not marked in %s", jsonOf(v))
	}
	if first, last := v.Top[0], v.Top[len(v.Top)-1]; first.Value == nil || last.Value != nil {
		t.Errorf("null is not last: from %+v to %+v", first, last)
	}
	if e := w.(Estimator).StandardError(); e != registersError {
		t.Errorf("the error is %v", e)
	}
	w.Sub(full)
	if got, want := jsonOf(w.Value(whole)), `{"top":[{"key":"b","value":0.5},{"key":"a","value":0.25}],"other":null,"distinct":2}`; got != want {
		t.Errorf("with the second taken out %s, want %s", got, want)
	}
}
