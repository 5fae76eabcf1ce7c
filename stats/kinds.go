package stats

import (
	"fmt"
	"slices"

	"pulse/stats/aggregate"
	"pulse/stats/line"
	"pulse/stats/value"
)

// Kinds are the kinds of stats that a definitions file can have, in the order
// in which messages give them.
var Kinds = func() (names []string) {
	for _, d := range aggregate.Kinds {
		if d.Takes != aggregate.Internal {
			names = append(names, d.Name)
		}
	}
	return names
}()

// describe gives what is known of the stat's kind; an unknown kind has nothing.
func (s *Stat) describe() *aggregate.Description {
	if d := aggregate.Describe(s.Kind); d != nil {
		return d
	}
	return &aggregate.Description{}
}

// NewKind makes how a stat aggregates. Field is the slot of its Field, by are those
// of By; of are the kinds of the stats of Of.
func NewKind(s *Stat, field line.Slot, by []line.Slot, of []aggregate.Kind) (aggregate.Kind, error) {
	d := aggregate.Describe(s.Kind)
	if d == nil {
		return nil, fmt.Errorf("stat %s: unknown kind %q", s.Name, s.Kind)
	}
	return d.Make(aggregate.Parameters{
		Field: field, Per: s.Per, By: by, Top: s.Top, Over: s.Window, Expire: s.Expire, At: s.Quantiles, Buckets: s.Buckets, Rank: s.Rank, RankLines: s.RankLines, Of: of, Formula: s.Formula,
	}), nil
}

// OfStats reports whether the stat's value is made of those of others.
func (s *Stat) OfStats() bool { return s.describe().OfStats() }

// windowed reports whether the stat is made of the values of others and has a window of
// its own nevertheless: an slo, which counts their lines.
func (s *Stat) windowed() bool { return s.describe().Takes == aggregate.TakesObjective }

// Fits reports whether another stat's window and keys allow that this one is made of it.
func (s *Stat) Fits(of *Stat) bool {
	if s.windowed() {
		return of.Top == 0
	}
	return of.Window == s.Window && of.Expire == s.Expire && (s.Top > 0 && slices.Equal(of.GroupBy, s.GroupBy) || s.Top == 0 && of.Top == 0)
}

// Scale is that of the stat's numbers and thresholds where they are shown in its unit: a
// hundred of a ratio, or of a budget, in percent.
func (s *Stat) Scale() float64 {
	if takes := s.describe().Takes; (takes == aggregate.TakesStats || takes == aggregate.TakesObjective) && s.Unit == "%" {
		return 100
	}
	return 1
}

// Shape is the shape of the stat's values.
func (s *Stat) Shape() value.Shape {
	if s.Top > 0 {
		return value.ShapeKeyed
	}
	return s.describe().Shape
}

// KeyShape is the shape of the value of each key, "" if the stat is not by key.
func (s *Stat) KeyShape() value.Shape {
	if s.Top > 0 {
		return s.describe().Shape
	}
	return ""
}

// kindsWith are the kinds for which f holds.
func kindsWith(f func(d *aggregate.Description) bool) []string {
	return slices.DeleteFunc(slices.Clone(Kinds), func(name string) bool { return !f(aggregate.Describe(name)) })
}
