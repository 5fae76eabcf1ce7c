package stats

import (
	"fmt"
	"slices"

	"pulse/stats/condition"
)

// Narrowed gives definitions of one stat of the file, and of those that it is made of, of
// which each counts only the lines that meet a condition too, written as in a definitions
// file. Their numbers are others than those of the file: what works them out must not
// publish them.
func (d *Definitions) Narrowed(name, where string) (*Definitions, error) {
	with, err := d.Where(name+" where", where)
	if err != nil {
		return nil, err
	}
	also := with.Stats[len(with.Stats)-1].Cond
	wanted := map[string]bool{name: true}
	for again := true; again; {
		again = false
		for _, s := range d.Stats {
			for _, of := range s.Of {
				if wanted[s.Name] && !wanted[of] {
					wanted[of], again = true, true
				}
			}
		}
	}
	narrowed := *with
	narrowed.Stats = nil
	for _, s := range d.Stats {
		if !wanted[s.Name] {
			continue
		}
		if s.Inlog() {
			return nil, fmt.Errorf("stat %s is of in-log metrics, of which only some lines cannot be counted", s.Name)
		}
		one := *s
		if len(s.Of) == 0 {
			one.Cond = condition.Both(s.Cond, also)
		}
		narrowed.Stats = append(narrowed.Stats, &one)
	}
	if !slices.ContainsFunc(narrowed.Stats, func(s *Stat) bool { return s.Name == name }) {
		return nil, fmt.Errorf("stat %s is not of the definitions file", name)
	}
	return &narrowed, nil
}
