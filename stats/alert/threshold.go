package alert

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"pulse/stats/value"
)

// MaxThreshold bounds the text of a threshold, in bytes.
const MaxThreshold = 500

// A Threshold is a comparison of a stat's value with a number, such as
//
//	checkout-error-ratio > 0.02
//	any key of requests-by-endpoint >= 50
//	p99 of service-ms > 500
type Threshold struct {
	AnyKey bool
	Part   string // which number of several: a quantile as definitions have it, "0.99", or what is counted; "" of a single one
	Stat   string
	Op     Op
	Limit  float64
}

// An Op compares.
type Op string

// The comparisons.
const (
	Above   Op = ">"
	AtLeast Op = ">="
	Below   Op = "<"
	AtMost  Op = "<="
	Equal   Op = "=="
	Unequal Op = "!="
)

// opposites are what holds where a comparison does not.
var opposites = map[Op]Op{Above: AtMost, AtLeast: Below, Below: AtLeast, AtMost: Above, Equal: Unequal, Unequal: Equal}

var thresholdSyntax = regexp.MustCompile(`^(any key of\s+)?(?:(\S+)\s+of\s+)?([A-Za-z0-9._/-]+)\s*(>=|<=|==|!=|>|<)\s*(\S+)$`)

// ParseThreshold reads a threshold. Whether its stat is there is not asked.
func ParseThreshold(text string) (Threshold, error) {
	m := thresholdSyntax.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return Threshold{}, errors.New("write a comparison of a stat with a number, such as errors > 5, p99 of service-ms >= 500 or any key of requests > 100")
	}
	t := Threshold{AnyKey: m[1] != "", Part: m[2], Stat: m[3], Op: Op(m[4])}
	if percentile, ok := strings.CutPrefix(t.Part, "p"); ok {
		if f, err := strconv.ParseFloat(percentile, 64); err == nil && f > 0 && f <= 100 {
			// By way of the text, so that p99.9 is 0.999 and not nearly so.
			t.Part, _ = shift(percentile, "e-2")
		}
	}
	number, percent := strings.CutSuffix(m[5], "%")
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return Threshold{}, fmt.Errorf("%s is not a number: write it in the unit of the stat's values, without a unit, or as a percentage", m[5])
	}
	if percent {
		f, _ = strconv.ParseFloat(number+"e-2", 64)
	}
	t.Limit = f
	return t, nil
}

// shift multiplies a decimal by a power of ten, such as "e-2".
func shift(decimal, power string) (string, error) {
	f, err := strconv.ParseFloat(decimal+power, 64)
	return strconv.FormatFloat(f, 'f', -1, 64), err
}

// String is how a file would write the threshold.
func (t Threshold) String() string {
	text := t.Stat + " " + string(t.Op) + " " + strconv.FormatFloat(t.Limit, 'f', -1, 64)
	if t.Part != "" {
		text = t.Which() + " of " + text
	}
	if t.AnyKey {
		text = "any key of " + text
	}
	return text
}

// Which is Part as a file would write it: a quantile as p99.
func (t Threshold) Which() string {
	if percentile, err := shift(t.Part, "e2"); err == nil {
		return "p" + percentile
	}
	return t.Part
}

// Opposite is what holds where t does not.
func (t Threshold) Opposite() Threshold {
	t.Op = opposites[t.Op]
	return t
}

// Holds reports whether a number is on the threshold's side.
func (t Threshold) Holds(n value.Number) bool {
	f := n.Float64()
	switch t.Op {
	case Above:
		return f > t.Limit
	case AtLeast:
		return f >= t.Limit
	case Below:
		return f < t.Limit
	case AtMost:
		return f <= t.Limit
	case Equal:
		return f == t.Limit
	default:
		return f != t.Limit
	}
}

// upward reports whether great numbers are those that hold.
func (t Threshold) upward() bool { return t.Op == Above || t.Op == AtLeast }

// Overlap gives a number for which both of two thresholds hold, if there is one.
func (t Threshold) Overlap(o Threshold) (n float64, overlap bool) {
	// Between neighboring limits nothing changes, so it is enough to try these
	// numbers and those just beside them.
	for _, limit := range []float64{t.Limit, o.Limit} {
		for _, f := range []float64{limit, math.Nextafter(limit, math.Inf(1)), math.Nextafter(limit, math.Inf(-1))} {
			if n := value.Float(f); t.Holds(n) && o.Holds(n) {
				return f, true
			}
		}
	}
	return 0, false
}
