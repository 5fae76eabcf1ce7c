package aggregate

import "testing"

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
	if b := AppendRatio(nil, nil, nil); len(b) > 0 {
		t.Errorf("of two empty partials: %x", b)
	}
}
