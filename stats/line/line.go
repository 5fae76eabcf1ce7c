// Package line turns lines of logs into events: a time and typed fields. It
// recognizes each line's format by its look and keeps only the fields that a
// Schema names, as positions in the line.
//
// Each format is in a file of its own: the original Pulse line (pulse.go),
// access logs (access.go), RFC 5424 (syslog.go) and RFC 3164 (bsd.go), what `heroku logs` prints
// (heroku.go), logfmt (logfmt.go) and JSON (json.go). What a header gives, the
// message after it cannot overwrite; of a key given twice the last counts.
package line

// Bounds on what comes from outside.
const (
	// MaxLen is the greatest length of a line that is read, in bytes.
	MaxLen = 64 << 10
	// MaxFields is the greatest number of fields in a Schema.
	MaxFields = 512
	// MaxConstants is the greatest number of constants of one field.
	MaxConstants = 30000
	// Padding is the number of bytes that a buffer has after a line's end, so
	// that eight bytes can be read at once from any place in the line.
	Padding = 32
	// CodePadding is the number of codes of 0 after those of an event.
	CodePadding = 4
	// maxCodes is the greatest number of codes that an event records in order.
	maxCodes = 64
)

// A Slot is the position of a field in a Schema; None is not a field.
type Slot int

// None is the Slot of a field that is not in the Schema.
const None Slot = -1

// An ID stands for a field's value among those that conditions tell apart:
// Absent, one of the other values below, or a constant of the field.
type ID uint16

// The IDs of numbers come last and ascend with the numbers: those of one
// constant have an ID, and those between two neighboring constants have one
// together. So an ID decides every comparison with a constant.
const (
	Absent    ID = iota // the field is missing
	Present             // text that is not one of the constants; any value, if the field has no constants
	True                // the boolean true
	False               // the boolean false
	firstText           // the first of the field's constant texts
)

// A Code is a field that conditions ask for and its value's ID.
type Code uint32

func codeOf(s Slot, id ID) Code { return Code(s)<<16 | Code(id) }

// Slot gives the field.
func (c Code) Slot() Slot { return Slot(c >> 16) }

// ID gives the value's ID.
func (c Code) ID() ID { return ID(c & 0xffff) }
