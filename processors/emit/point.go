package emit

import (
	"strings"

	"pulse/stats"
	"pulse/stats/value"
)

// maxPoints bounds the points of one snapshot, above what a stat can have: 20
// quantiles of 100 keys, and of the others.
const maxPoints = 3000

// A Point is one number of a stat at a second. For a Sampler it has Stat, Labels and Sample,
// for others Metric and Value.
type Point struct {
	Metric string // the stat's name, and behind dots the texts of the number's labels
	Value  value.Number
	Time   int64 // Unix second

	Stat   string
	Labels [2]value.Label // those of the number; the rest is empty
	Sample float64
	Gone   bool // the series has no value any more

	// Covered is how many of the Of seconds of the window are covered; 0 of 0: all.
	Covered, Of int64
}

// AppendPoints appends the numbers of a snapshot. A value of several numbers, such as
// quantiles or numbers by key, is as many points; null is not a point.
func AppendPoints(points []Point, s stats.Snapshot) []Point {
	v, err := value.Parse(s.Value)
	if err != nil {
		return points
	}
	most := len(points) + maxPoints
	for labels, n := range value.Numbers(v) {
		if len(points) == most {
			break
		}
		name := s.Stat
		for _, l := range labels {
			name += "." + strings.ReplaceAll(l.Text, ".", "_") // dots are between parts
		}
		points = append(points, Point{Metric: name, Value: n, Time: s.Time, Covered: s.Covered, Of: s.Of})
	}
	return points
}
