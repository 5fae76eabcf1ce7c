package emit

import (
	"pulse/stats"
	"pulse/stats/value"
)

const (
	// sampleEvery is how many seconds are between the samples of a run of seconds with one
	// value, and mostSamples how many there are at most: those of its last day.
	sampleEvery = 60
	mostSamples = 24 * 60
)

// appendSamples appends the numbers of a snapshot as samples. Where a series had a number
// and has none now, as of a key that is no longer among the greatest, of nothing, or of
// stale seconds, a point says that it is gone.
func (e *Emitter) appendSamples(samples []Point, s stats.Snapshot) []Point {
	first := s.Time
	if s.Since != 0 {
		first = max(s.Since, s.Time-sampleEvery*mostSamples)
	}
	var now []Point
	if v, err := value.Parse(s.Value); err == nil {
		for labels, sample := range value.Samples(v) {
			if len(now) == maxPoints {
				break
			}
			p := Point{Stat: s.Stat, Sample: sample}
			copy(p.Labels[:], labels)
			now = append(now, p)
		}
	}
	there := make(map[[2]value.Label]bool, len(now))
	for _, p := range now {
		there[p.Labels] = true
	}
	for _, p := range e.series[s.Stat] {
		if !there[p.Labels] {
			p.Time, p.Sample, p.Gone = first, 0, true
			if s.StaleSince != 0 {
				p.Time = s.StaleSince
			}
			samples = append(samples, p)
		}
	}
	e.series[s.Stat] = now
	for at := first; ; at = min(at+sampleEvery, s.Time) {
		for _, p := range now {
			p.Time = at
			samples = append(samples, p)
		}
		if at == s.Time {
			return samples
		}
	}
}
