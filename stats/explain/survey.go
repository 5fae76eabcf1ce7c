package explain

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"pulse/stats"
	"pulse/stats/line"
	"pulse/stats/program"
)

const (
	// surveyed is of how many lines one is looked at for the names of its fields, which
	// costs some ten times as much as to read the line by names that are known.
	surveyed = 16
	// surveyNames and surveyNumbers bound what is looked at.
	surveyNames   = 2_000  // lines of a part
	surveyNumbers = 20_000 // numbers of a part
	surveyFields  = 2_000  // names of a part
	mostNames     = 200    // fields that are compared
)

// surveyOf is what a log's lines have, by a part of them.
type surveyOf struct {
	names []string
	bound *Bound
}

// survey looks at a part of the lines of both sides: which fields they have, and for a stat
// of numbers what its numbers are.
func survey(ctx context.Context, d *stats.Definitions, q Question, s *stats.Stat, sides [2]side, tell func(lines, bytes int64)) (surveyOf, error) {
	compiled, err := program.Compile(d)
	if err != nil {
		return surveyOf{}, err
	}
	var mu sync.Mutex
	names := map[string]int{}
	for _, given := range line.Givens {
		names[given.Name] = 1
	}
	for _, f := range d.Derived {
		names[f.Name] = surveyNames * surveyed // always
	}
	var numbers []float64
	for i, side := range sides {
		err := side.each(ctx, func(ctx context.Context, _ int, p Part) error {
			matcher, err := q.matcher(ctx, compiled)
			if err != nil {
				return err
			}
			slot := compiled.Slot(s.Field)
			own, of := map[string]int{}, []float64{}
			n, looked := 0, 0
			err = p(ctx, func(_ uint64, p program.Pack) error {
				if looked >= surveyNames {
					return errEnough
				}
				tell(int64(bytes.Count(p.Lines, newline)), int64(len(p.Lines)))
				matcher.Match(p, side.from, side.to, func(_ int64, text []byte) bool {
					if event, ok := matcher.Field(slot); i == 0 && slot != line.None && ok && len(of) < surveyNumbers {
						if v, ok := event.Number(slot); ok {
							of = append(of, v.Float64())
						}
					}
					if n++; n%surveyed == 1 {
						looked++
						for _, name := range line.Names(text) {
							if own[name] > 0 || len(own) < surveyFields {
								own[name]++
							}
						}
					}
					return true
				})
				for _, run := range p.Runs {
					for name := range run.From.Fields() {
						own[name]++
					}
				}
				return ctx.Err()
			})
			mu.Lock()
			defer mu.Unlock()
			for name, n := range own {
				names[name] += n
			}
			numbers = append(numbers, of...)
			if err == errEnough {
				return nil
			}
			return err
		})
		if err != nil {
			return surveyOf{}, err
		}
	}
	for _, field := range left {
		delete(names, field)
	}
	for _, field := range append(fieldsOf(s), s.GroupBy...) {
		names[field] = surveyNames * surveyed
	}
	most := slices.SortedFunc(maps.Keys(names), func(a, b string) int {
		return cmp.Or(cmp.Compare(names[b], names[a]), cmp.Compare(a, b))
	})
	most = most[:min(len(most), mostNames)]
	slices.Sort(most)
	return surveyOf{most, boundOf(s, numbers)}, nil
}

// left are fields that say nothing of what a line is about: all of it, and when it was.
var left = []string{"line", "time", "ts", "timestamp", "@timestamp", "", line.FormatField, line.ZoneField, line.ColumnsField, line.UnwrapField}

// fieldsOf is a stat's field, if it has one.
func fieldsOf(s *stats.Stat) []string {
	if s.Field == "" {
		return nil
	}
	return []string{s.Field}
}
