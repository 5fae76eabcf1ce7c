package program

import (
	"pulse/stats"
	"pulse/stats/line"
)

// inlog is what a program needs for in-log metrics.
type inlog struct {
	name, number line.Slot
	stats        [3]int32 // by the kind of metric
}

// compileInlog gives nil if the definitions have none.
func (p *Program) compileInlog() *inlog {
	at := &inlog{name: p.schema.Slot(stats.InlogName), number: p.schema.Slot(stats.InlogNumber)}
	if at.name == line.None {
		return nil
	}
	at.stats = [...]int32{
		line.CountMetric:   p.internal[stats.SubjectCounts],
		line.MeasureMetric: p.internal[stats.SubjectMeasures],
		line.SampleMetric:  p.internal[stats.SubjectSamples],
	}
	return at
}

// foldMetrics folds the metrics that a line names itself.
func (f *Folder) foldMetrics(ev *line.Event, second int64, text []byte) {
	in := f.program.inlog
	for {
		m, rest, ok := line.NextMetric(text)
		if !ok {
			return
		}
		text = rest
		stat, o := in.stats[m.Kind], f.at(second)
		if !m.Valid {
			o.texts[stat]++
			continue
		}
		ev.PutText(in.name, m.Name)
		ev.PutNumber(in.number, m.Number)
		f.partialOf(o, stat).Fold(ev)
		f.noteName(m.Kind, m.Name)
	}
}

// hasMetric reports whether a line names a number for a stat of in-log metrics.
func (p *Program) hasMetric(stat int, text []byte) bool {
	for {
		m, rest, ok := line.NextMetric(text)
		if !ok {
			return false
		}
		if m.Valid && p.inlog.stats[m.Kind] == int32(stat) {
			return true
		}
		text = rest
	}
}

// names are those of in-log metrics of one kind.
type names struct {
	known  map[string]bool // the first ones
	beyond []string        // those that came when there were stats.MaxInlogNames
}

// Unlisted gives, by the name of a stat of in-log metrics, the first names that came when
// there were stats.MaxInlogNames already, at most maxBeyond; nil if no lines are looked
// through for them.
func (f *Folder) Unlisted() map[string][]string {
	in := f.program.inlog
	if in == nil {
		return nil
	}
	unlisted := map[string][]string{}
	for kind, names := range f.names {
		unlisted[f.program.stats[in.stats[kind]].Name] = names.beyond
	}
	return unlisted
}

// maxBeyond is how many names beyond the first are named.
const maxBeyond = 20

func (f *Folder) noteName(kind line.MetricKind, name []byte) {
	n := &f.names[kind]
	if n.known[string(name)] || len(n.beyond) == maxBeyond {
		return
	}
	if n.known == nil {
		n.known = make(map[string]bool)
	}
	n.known[string(name)] = true
	if len(n.known) > stats.MaxInlogNames {
		n.beyond = append(n.beyond, string(name))
	}
}
