// Package explain says what is different about some seconds of a log: of the lines that
// a stat counts, which values of which fields explain that there are more of them, or
// fewer, than in as many seconds before.
//
// Of a stat of numbers (a mean, quantiles) the lines that are compared are the great
// ones, those above the 90th percentile of the baseline, or with reversed thresholds the
// small ones, below the 10th: a mean rises where there are more of them.
//
// A value of a field that a lines had, of n in the interval, and b of m in the baseline
// accounts for a - n b/m lines more than if all values had kept their share. That, as a
// part of the rise n - m, is what values are ranked by. What chance does is told from
// causes by G, the log-likelihood ratio of the two by two table (B. Woolf, "The log
// likelihood ratio test", Annals of Human Genetics 21, 1957; for texts: T. Dunning,
// "Accurate Methods for the Statistics of Surprise and Coincidence", Computational
// Linguistics 19, 1993), whose distribution is that of chi squared, and by Bonferroni's
// correction: a value is named if its p, times how many values were tried, is at most
// 0.01. Lines are taken to be independent of each other.
package explain

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"pulse/stats"
	"pulse/stats/condition"
	"pulse/stats/program"
)

const (
	// MostSeconds bounds an interval.
	MostSeconds = 3600
	// partsAtOnce bounds what is held, and the processors that are taken.
	partsAtOnce = 4
)

// A Question asks what is different in the seconds [From, To], against as many from
// Against on.
type Question struct {
	Stat              string
	From, To, Against int64
	Where             string // a condition that the lines meet too; "": any
}

// whereStat counts the lines that meet a question's condition.
const whereStat = "pulse.where"

// with gives definitions that have the question's condition as a stat. An error says what
// is wrong with the condition.
func (q Question) with(d *stats.Definitions) (*stats.Definitions, error) {
	if q.Where == "" {
		return d, nil
	}
	if err := condition.CheckQuestion(q.Where); err != nil {
		return nil, fmt.Errorf("where: %w", err)
	}
	with, err := d.Where(whereStat, q.Where)
	if err != nil {
		return nil, fmt.Errorf("where: %w", err)
	}
	if _, err := program.Compile(with); err != nil {
		return nil, fmt.Errorf("where: %w", err)
	}
	return with, nil
}

// matcher makes what finds the question's lines until ctx is done.
func (q Question) matcher(ctx context.Context, p *program.Program) (*program.Matcher, error) {
	m, err := p.NewMatcher(q.Stat)
	if err == nil && q.Where != "" {
		err = m.And(whereStat)
	}
	if err != nil {
		return nil, err
	}
	m.Until(ctx.Done())
	return m, nil
}

// CheckWhere says what is wrong with the condition of a question.
func (q Question) CheckWhere(d *stats.Definitions) error {
	_, err := q.with(d)
	return err
}

// Check says what is wrong with the seconds of a question.
func (q Question) Check() error {
	switch {
	case q.From > q.To:
		return errors.New("from must not be after to")
	case q.To-q.From >= MostSeconds:
		return fmt.Errorf("from must be less than %d s before to", MostSeconds)
	case q.Against < 0:
		return errors.New("the baseline begins before 1970")
	case q.Against <= q.To && q.Against+q.seconds() > q.From:
		return errors.New("the baseline must not overlap the interval")
	}
	return nil
}

func (q Question) seconds() int64 { return q.To - q.From + 1 }

// Before is the question against the time just before.
func (q Question) Before() Question {
	q.Against = q.From - q.seconds()
	return q
}

// A Part is a part of a log, such as a partition: it calls f with its packs in their
// order, each with a number of the segment that it is in, the same whoever reads it.
type Part func(ctx context.Context, f func(segment uint64, p program.Pack) error) error

// A Log gives the parts that may have lines which count at the seconds [from, to], and
// whether retention has taken some. Parts may be read more than once, and at a time.
type Log func(ctx context.Context, from, to int64) (parts []Part, expired bool, err error)

// side is an interval of a question.
type side struct {
	from, to int64
	parts    []Part
	expired  bool
}

// Explain answers a question. The answer follows from the log alone. tell is called, in any
// goroutine, with how many lines and bytes have been read.
func Explain(ctx context.Context, d *stats.Definitions, log Log, q Question, tell func(lines, bytes int64)) (Answer, error) {
	if err := q.Check(); err != nil {
		return Answer{}, err
	}
	d, err := q.with(d)
	if err != nil {
		return Answer{}, err
	}
	at := slices.IndexFunc(d.Stats, func(s *stats.Stat) bool { return s.Name == q.Stat })
	if at < 0 {
		return Answer{}, fmt.Errorf("there is no stat %.80q in the definitions", q.Stat)
	}
	sides := [2]side{{from: q.Against, to: q.Against + q.seconds() - 1}, {from: q.From, to: q.To}}
	for i := range sides {
		if sides[i].parts, sides[i].expired, err = log(ctx, sides[i].from, sides[i].to); err != nil {
			return Answer{}, err
		}
	}
	found, err := survey(ctx, d, q, d.Stats[at], sides, tell)
	if err != nil {
		return Answer{}, err
	}
	compiled, err := program.Compile(withFields(d, found.names))
	if err != nil {
		return Answer{}, err
	}
	counted := counting{program: compiled, question: q, names: found.names, bound: found.bound, tell: tell}
	var counts [2]*counts
	for i := range sides {
		if counts[i], err = counted.count(ctx, sides[i]); err != nil {
			return Answer{}, err
		}
	}
	answer := compare(found.names, counts[0], counts[1], condition.Fields(d.Stats[at].Cond))
	answer.Question = q
	answer.Expired = sides[0].expired || sides[1].expired
	answer.Bound = found.bound
	return answer, nil
}

// withFields are definitions by which all fields of these names are wanted.
func withFields(d *stats.Definitions, names []string) *stats.Definitions {
	all := *d
	all.Stats = slices.Clip(d.Stats)
	for i, name := range names {
		has := &condition.Compare{Field: name, Op: condition.Has}
		all.Stats = append(all.Stats, &stats.Stat{Name: fmt.Sprint("pulse.explain.", i), Kind: "count", Window: 1, Cond: has})
	}
	return &all
}

// each calls do for every part of a side, some at a time.
func (s side) each(ctx context.Context, do func(ctx context.Context, i int, p Part) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(partsAtOnce)
	for i, p := range s.parts {
		group.Go(func() error { return do(ctx, i, p) })
	}
	return group.Wait()
}

// A Bound is what numbers of a stat's field must be beyond to be compared.
type Bound struct {
	Field string  `json:"field"`
	Than  float64 `json:"than"`
	Less  bool    `json:"less,omitempty"` // the numbers are less than that, and not greater
}

func (b *Bound) meets(n float64) bool {
	if b.Less {
		return n < b.Than
	}
	return n > b.Than
}

// boundOf is the bound of a stat by a tenth of a baseline's numbers; nil: the stat is of all
// lines that it counts.
func boundOf(s *stats.Stat, numbers []float64) *Bound {
	if s.Field == "" || s.Kind == "unique" || s.Kind == "count" || s.Kind == "rate" || len(numbers) == 0 {
		return nil
	}
	reversed := s.Reversed
	slices.Sort(numbers)
	q := 0.9
	if reversed {
		q = 0.1
	}
	return &Bound{Field: s.Field, Than: numbers[max(0, int(math.Ceil(q*float64(len(numbers))))-1)], Less: reversed}
}
