package alert

import (
	"strconv"

	"pulse/stats/value"
)

// A Point is what a stat was at one second, or at all of [First, Last].
type Point struct {
	First, Last int64       // Unix seconds; the same but where Final
	Value       value.Value // nil: that of nothing
	Known       bool        // whether its window is covered as a whole, or a day of it
	Final       bool        // whether no line can change it any more
	Revision    int
}

// A judged is a second as a rule sees it.
type judged struct {
	Verdict Verdict      `json:"verdict"`
	Number  value.Number `json:"number,omitempty"` // "" where there is none
}

// judge says what a point's value says to a rule: of the whole or of each key, and of
// the keys that it does not list.
func (r *Rule) judge(p Point) (keys map[string]judged, rest judged) {
	if !p.Known {
		return nil, judged{Verdict: NotKnown}
	}
	keyed, ok := p.Value.(*value.Keyed)
	if !r.When.AnyKey || !ok {
		return map[string]judged{whole: r.number(p.Value)}, judged{Verdict: Good}
	}
	keys = map[string]judged{whole: {Verdict: Good}} // as a whole it is only known or not
	all := true
	for _, k := range keyed.Top {
		j := r.number(k.Value)
		if k.Dropped {
			j.Verdict = NotKnown
		}
		keys["="+k.Key] = j
		all = all && j.Verdict == Bad
	}
	return keys, judged{Verdict: r.unlisted(keyed, all)}
}

// Number is what a value is to a rule, of a subject: what is compared; "" where there is none.
func (r *Rule) Number(v value.Value, s Subject) value.Number {
	keys, _ := r.judge(Point{Value: v, Known: true})
	return keys[keyOf(s)].Number
}

// unlisted is the verdict on keys that a value does not list. A key without a line
// is as good as nothing. But where there are more keys than are listed, those with
// the greatest values are, so that the others may be bad only if all that are
// listed are, or if low values are the bad ones.
func (r *Rule) unlisted(k *value.Keyed, allBad bool) Verdict {
	if k.Distinct > uint64(len(k.Top)) && (allBad || !r.When.upward()) {
		return NotKnown
	}
	return Good
}

// number judges a value without keys.
func (r *Rule) number(v value.Value) judged {
	for labels, n := range value.Numbers(v) {
		if r.When.Part == "" || len(labels) > 0 && samePart(labels[len(labels)-1].Text, r.When.Part) {
			switch {
			case r.When.Holds(n):
				return judged{Bad, n}
			case r.Clear.Holds(n):
				return judged{Good, n}
			}
			return judged{Neither, n}
		}
	}
	return judged{Verdict: Good} // nothing is wrong with nothing
}

// samePart compares names of a value's parts; quantiles are decimals.
func samePart(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return errX == nil && errY == nil && x == y
}
