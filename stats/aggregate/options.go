package aggregate

// An Option is a key that a stat takes beside its kind's. Its bounds are the same
// for all kinds, its default is not.
type Option struct {
	Name string
	Doc  string // what it says
	Type OptionType

	// Bounds: of a number that is written, of how many there are in a list, and of
	// how many decimals it has (0: any).
	Least, Most float64
	Elements    int
	Decimals    int
	Ascending   bool   // each number is above the one before; otherwise they are different
	Element     string // what one of a list is

	Words []string // of a Ranking: those that it takes; without Most it takes no number

	Default  []float64 // if it is not given
	Required string    // if it must be given: how, for the message to who did not
}

// An OptionType is what is written behind an option's name.
type OptionType int

// The types.
const (
	Seconds OptionType = iota // a duration of whole seconds
	Whole                     // a whole number
	Amount                    // a number
	Numbers                   // a list of numbers
	Fields                    // the name of a field, or a list of names
	Ranking                   // one of Words, or a quantile
)

// Bounds of windows, in seconds. One of more than a Day is of whole minutes, and of a kind
// whose windows keep nothing of a partial, and take the join of some in their place.
const (
	Day   = 24 * 60 * 60
	month = 30 * Day
)

// over is the trailing window.
func over(seconds float64) Option {
	return Option{
		Name: "over", Doc: "The trailing window, whole seconds.",
		Type: Seconds, Least: 1, Most: Day, Default: []float64{seconds},
	}
}

// overMonth is over of kinds that have windows of more than a Day.
func overMonth(seconds float64) Option {
	o := over(seconds)
	o.Most = month
	return o
}

// expire is how long a part's number counts. Where there is no over it is the
// window.
func expire() Option {
	return Option{
		Name: "expire", Doc: "How long a part's newest number counts, whole seconds.",
		Type: Seconds, Least: 1, Most: Day, Default: []float64{300},
	}
}

// byKey are options of kinds whose value can be that of each key. Such a kind is a
// keyable, and its windows are rankable: see by.go for these methods, and stddev.go
// for a kind that has them.
func byKey() []Option { return append(keys(), rankBy(0, RankValue, RankCount)) }

// keys are byKey without rank.
func keys() []Option {
	return []Option{byFields(""), {
		Name: "top", Doc: "How many keys the value has; it goes with `by`.",
		Type: Whole, Least: 1, Most: 100, Default: []float64{10},
	}}
}

// Words of rank.
const (
	RankValue = "value"
	RankCount = "count"
)

// rankBy is by what keys are the greatest: one of some words, or a quantile up to most.
func rankBy(most float64, words ...string) Option {
	return Option{
		Name: "rank",
		Doc: "By what keys are the greatest: by their `value` if not given, or by the `count` of their lines (with numbers, where a field is measured; of a ratio, those of its second stat). " +
			"Of `quantiles` by a quantile, or by the `count` if not given. It goes with `by`.",
		Type: Ranking, Words: words, Least: 0.000001, Most: most, Decimals: 6,
	}
}

// byFields names keys, or parts.
func byFields(required string) Option {
	return Option{
		Name: "by", Doc: "A field, or several, whose texts are the key of the value or name a part.",
		Type: Fields, Elements: 4, Element: "field", Required: required,
	}
}

// byPart is byFields of kinds that must have it.
func byPart() Option { return byFields("name the parts that report the field, such as by: host") }
