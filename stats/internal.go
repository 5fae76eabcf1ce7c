package stats

import (
	"pulse/stats/condition"
)

// A Subject is what is folded into a stat.
type Subject uint8

// The subjects. All but the first are those of internal stats, and of in-log metrics.
const (
	SubjectLines    Subject = iota // the lines that meet its condition
	SubjectLate                    // late lines
	SubjectBytes                   // bytes of lines that came in
	SubjectSkew                    // how far lines' times are ahead of their records' clocks
	SubjectErrors                  // lines that a condition could not compare, by stat
	SubjectTexts                   // values that are not numbers where a stat needs one, by stat
	SubjectFields                  // lines by the fields that definitions name and lines have
	SubjectFormats                 // lines by their format
	SubjectClocks                  // by how much lines are late or ahead, by whose they are: OffClockStat
	SubjectAccount                 // all lines, and what became of them: LinesStat
	SubjectCounts                  // in-log metrics count#
	SubjectMeasures                // in-log metrics measure#
	SubjectSamples                 // in-log metrics sample#
	Subjects                       // how many there are
)

// noticed is over how many seconds it is said what lines lack. A window longer than those
// of the other stats would make new definitions read back further.
const noticed = 60

// maxFieldKeys is how many fields and types pulse.fields has at most.
const maxFieldKeys = 500

// internalStats are the internal stats, in the order of Definitions.All. Counts of lines
// that fold into nothing are at the second of their record, as LinesStat's are.
var internalStats = []*Stat{
	{
		Name: "pulse.events-per-second", Title: "events", Unit: "/s", Kind: "rate", Per: 1, Window: 10,
		Help: "Lines that count, whatever their format.",
	},
	{
		Name: "pulse.unparsed-per-second", Title: "unparsed", Unit: "/s", Kind: "rate", Per: 1, Window: 10,
		Help:  "Lines of a format that was not recognized.",
		Where: "unparsed",
		Cond:  &condition.Compare{Field: "unparsed", Op: condition.Eq, Const: condition.Constant{Type: condition.Bool, Bool: true}},
	},
	{
		Name: "pulse.late-per-second", Title: "late", Unit: "/s", Kind: "rate", Per: 1, Window: 10, Subject: SubjectLate,
		Help: "Lines that came after their second was final, by the second in which they came.",
	},
	{
		Name: "pulse.bytes-per-second", Title: "bytes", Unit: "B/s", Kind: "rate", Per: 1, Window: 10, Subject: SubjectBytes,
		Help: "Bytes of all lines that came in, without the ends of lines.",
	},
	{
		Name: "pulse.clock-skew", Title: "clock skew", Unit: "s", Kind: "max", Window: 60, Subject: SubjectSkew,
		Help: "The most whole seconds by which a line's time was ahead of its ingester's clock. Negative: all were behind it.",
	},
	{
		Name: "pulse.expression-errors", Title: "expression errors", Unit: "/min", Kind: "rate", Per: 60, Window: 70,
		GroupBy: []string{"stat"}, Top: 10, Subject: SubjectErrors,
		Help: "By stat, lines that do not count because a field has a value of another type than what it is compared with.",
	},
	{
		Name: "pulse.text-values", Title: "values that are not numbers", Kind: "count", Window: noticed,
		GroupBy: []string{"stat"}, Top: 50, Subject: SubjectTexts,
		Help: "By stat, lines that it leaves out because the value of its field is not a number.",
	},
	{
		Name: FieldsStat, Title: "fields", Kind: "count", Window: noticed,
		GroupBy: []string{"field", "type"}, Top: maxFieldKeys, Subject: SubjectFields,
		Help: "Lines that have a field which the definitions name, by its type: any is that of fields that no condition compares. Every line has the field line.",
	},
	{
		Name: "pulse.formats", Title: "formats", Unit: "/min", Kind: "rate", Per: 60, Window: 70,
		GroupBy: []string{"format"}, Top: 50, Subject: SubjectFormats,
		Help: "Lines that came in, by their format; half are those whose message gave no field.",
	},
	{
		Name: OffClockStat, Title: "clocks that are off", Unit: "s", Kind: "max", Window: noticed,
		GroupBy: []string{"clock", "ingester", "input", "host"}, Top: 50, Subject: SubjectClocks,
		Help: "Of lines that are late or ahead the most whole seconds, by which of the two, and by the input and host that they are of, or the ingester whose clock it is.",
	},
	{
		Name: LinesStat, Title: "lines", Kind: LinesKind, Window: 1, Subject: SubjectAccount,
		Help: "Lines that came in each second, and of them those counted, late, unreadable, ahead of their time, without one, unparsed and half understood.",
	},
}
