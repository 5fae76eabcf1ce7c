package aggregate

import (
	"slices"

	"pulse/stats/formula"
	"pulse/stats/line"
	"pulse/stats/value"
)

// Kinds are all kinds of statistic, in the order in which messages and
// documentation give them. A new kind is a file with its Description, and a line
// here; `make generate` then brings its documentation up to date.
var Kinds = []*Description{
	&rateKind,
	&countKind,
	&sumKind,
	&meanKind,
	&stddevKind,
	&minKind,
	&maxKind,
	&quantilesKind,
	&uniqueKind,
	&histogramKind,
	&apdexKind,
	&lastKind,
	&lastSumKind,
	&lastMeanKind,
	&lastMaxKind,
	&lastCountKind,
	&deltaKind,
	&ratioKind,
	&valueKind,
	&sloKind,
	&linesKind,
}

// A Description says what a kind is. The parser of definitions, their JSON schema,
// the documentation and the page's choice of a panel go by it.
type Description struct {
	Name    string   // the key of a stat in a definitions file
	Aliases []string // what others call it, or what they write instead
	Doc     string   // what its value is; of several sentences the first is the summary
	Example []string // for the documentation: what is written after "name: x, "

	Takes   Argument // what is written behind the name
	Any     bool     // the field that it takes may have any values, not numbers alone
	Words   []Word   // those that it takes, if it takes a word
	Options []Option // besides where; those of byKey need methods (see byKey)
	Shape   value.Shape
	Null    bool // its value of nothing is null; otherwise its numbers are 0
	Ratio   bool // a ratio can be of it, where it has no top keys

	New func(p Parameters) Kind
}

// An Argument is what is written behind a kind's name.
type Argument int

// The arguments.
const (
	TakesField     Argument = iota // the name of a field
	TakesWord                      // one of Words
	TakesStats                     // the names of two stats
	TakesFormula                   // arithmetic over stats
	TakesObjective                 // two stats, a target and a window
	Internal                       // nothing: it is of internal stats alone
)

// A Word is what a kind can take instead of a field's name.
type Word struct {
	Text string
	Per  int64  // Parameters.Per
	Over int64  // seconds of the window, if not given
	Unit string // of the stat, if not given
}

// Parameters are what New makes a kind of: what is written of a stat, with the
// defaults of what is not.
type Parameters struct {
	Field   line.Slot
	Per     int64       // of the word
	By      []line.Slot // the fields of the key, or of the name of a part
	Top     int         // how many keys the value has; 0: it is not by key
	Over    int64       // seconds of the window
	Expire  int64       // of kinds that take both over and expire
	At      []float64
	Buckets []float64
	Rank    float64          // the quantile by which keys are the greatest; 0: none
	Of      []Kind           // the kinds of the stats that the value is made of
	Formula *formula.Formula // how; of a ratio nil

	RankLines bool // the keys with most lines are the greatest, and not those with the greatest values
}

// Describe finds a kind by its name; nil if there is none.
func Describe(name string) *Description {
	for _, d := range Kinds {
		if d.Name == name {
			return d
		}
	}
	return nil
}

// OfStats reports whether a value is made of those of other stats.
func (d *Description) OfStats() bool {
	return d.Takes == TakesStats || d.Takes == TakesFormula || d.Takes == TakesObjective
}

// Option finds an option that the kind takes; nil if it does not take it.
func (d *Description) Option(name string) *Option {
	i := slices.IndexFunc(d.Options, func(o Option) bool { return o.Name == name })
	if i < 0 {
		return nil
	}
	return &d.Options[i]
}

// Make makes the kind of a stat.
func (d *Description) Make(p Parameters) Kind {
	k := d.New(p)
	if p.Top > 0 && !d.OfStats() {
		return newBy(k.(keyable), p)
	}
	return k
}
