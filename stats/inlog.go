package stats

import "go.yaml.in/yaml/v3"

// MaxInlogNames is how many names a stat of in-log metrics shows.
const MaxInlogNames = 500

// The fields of in-log metrics, which no line has.
const (
	InlogName   = "(in-log name)"
	InlogNumber = "(in-log number)"
)

// inlogWindow is the window of in-log metrics, in seconds.
const inlogWindow = 60

// inlogStats are those of a file with inlog: true. Their keys are the names of the metrics,
// so that outputs name their numbers logs.count.orders and so on.
func inlogStats() []*Stat {
	of := func(s Stat) *Stat {
		s.Field, s.GroupBy, s.Top, s.Window = InlogNumber, []string{InlogName}, MaxInlogNames, inlogWindow
		return &s
	}
	return []*Stat{
		of(Stat{
			Name: "logs.count", Title: "in-log counts", Kind: "sum", Subject: SubjectCounts,
			Help: "By name, the sum of what lines count: count#orders=3.",
		}),
		of(Stat{
			Name: "logs.measure", Title: "in-log measures", Kind: "quantiles", Quantiles: []float64{0.5, 0.95, 0.99}, Subject: SubjectMeasures,
			Help: "By name, quantiles of what lines measure: measure#db=1.2s, in milliseconds or bytes if it has such a unit.",
		}),
		of(Stat{
			Name: "logs.sample", Title: "in-log samples", Kind: "last", Subject: SubjectSamples,
			Help: "By name, the newest of what lines sample: sample#memory=384.3MB, in milliseconds or bytes if it has such a unit.",
		}),
	}
}

// parseInlog reads inlog, and gives the stats that it adds to the file's.
func (p *parser) parseInlog(n *yaml.Node) []*Stat {
	if n == nil || !p.boolean(n, "inlog") {
		return nil
	}
	p.inlog = true
	all := inlogStats()
	for _, s := range all {
		p.byName[s.Name] = s
	}
	return all
}

// Inlog reports whether the stat is of in-log metrics.
func (s *Stat) Inlog() bool {
	return s.Subject == SubjectCounts || s.Subject == SubjectMeasures || s.Subject == SubjectSamples
}
