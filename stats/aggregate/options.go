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
)

// day is the longest window, in seconds.
const day = 24 * 60 * 60

// over is the trailing window.
func over(seconds float64) Option {
	return Option{
		Name: "over", Doc: "The trailing window, whole seconds.",
		Type: Seconds, Least: 1, Most: day, Default: []float64{seconds},
	}
}

// expire is how long a part's number counts. Where there is no over it is the
// window.
func expire() Option {
	return Option{
		Name: "expire", Doc: "How long a part's newest number counts, whole seconds.",
		Type: Seconds, Least: 1, Most: day, Default: []float64{300},
	}
}

// byKey are options of kinds whose value can be that of each key. Such a kind is a
// keyable, and its windows are rankable: see by.go for these methods, and stddev.go
// for a kind that has them.
func byKey() []Option {
	return []Option{byFields(""), {
		Name: "top", Doc: "How many keys the value has; it goes with `by`.",
		Type: Whole, Least: 1, Most: 100, Default: []float64{10},
	}}
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
