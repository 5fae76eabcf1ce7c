package stats

import (
	"slices"

	"pulse/stats/condition"
	"pulse/stats/derive"
)

// Where gives definitions with one more stat, the last one: it counts the lines that
// meet a condition, written as in a definitions file. An error may be a *condition.Error.
func (d *Definitions) Where(name, where string) (*Definitions, error) {
	more := *d
	more.Derived = slices.Clone(d.Derived)
	cond, err := condition.Parse(where, &condition.Defines{Derive: func(text string) error {
		if slices.ContainsFunc(more.Derived, func(f *derive.Field) bool { return f.Name == text }) {
			return nil
		}
		f, err := derive.Parse(text, text, nil)
		if err == nil {
			more.Derived = append(more.Derived, f) // it has fields of the line, or those before it
		}
		return err
	}})
	if err != nil {
		return nil, err
	}
	more.Stats = append(slices.Clip(d.Stats), &Stat{Name: name, Kind: "rate", Per: 1, Window: 1, Where: where, Cond: cond})
	return &more, nil
}
