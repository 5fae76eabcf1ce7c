package line

import (
	"fmt"
	"slices"
	"strings"

	"pulse/stats/format"
)

// A Format is a kind of line that Pulse recognizes. Each is in a file of its
// own, with all that is known of it; to add one, write such a file and put it
// into the list Formats.
type Format struct {
	// Name is what FormatField calls it.
	Name string
	// Doc is its rows in the table of docs/formats.md.
	Doc []FormatDoc
	// Fields are those that it gives beside line and msg.
	Fields []given
	// Names are those of other fields that it gives and no line writes like a key.
	Names []string
	// Samples are lines with what they must give: the format's test.
	Samples []Sample

	id int8 // its position in Formats

	// first says whether a line or a message may begin with a byte; nil: with any.
	first func(c byte) bool
	// line parses a line, or reports that it is not of this format, before it has
	// put anything into the event.
	line parser
	// dated is the same for lines that begin with a time and a blank, which have
	// been read; the clock's strict tells whether the time is as RFC 3339 has it.
	dated func(sc *Scanner, ev *Event, b []byte, o opening) bool
	// message is the same for what follows the header of another format: it puts
	// no field that the header gave, and the header's time counts.
	message parser
	// named says that lines are in it only where their origin says so.
	named bool
	// asIs says that blanks before a line are part of it.
	asIs bool
}

// An opening is what is known of a line that begins with a time and a blank.
type opening struct {
	start, end int // of the line
	rest       int // what comes after the blank
	word       int // where the word at rest ends, or has its first [
}

func openingOf(b []byte, start, i, end int) opening {
	return opening{start: start, end: end, rest: i + 1, word: wordOr(b, i+1, '[', '[')}
}

type parser func(sc *Scanner, ev *Event, b []byte, start, end int) bool

// A FormatDoc is a row of a table: what the format is called, what its lines
// look like, and their fields, in Markdown.
type FormatDoc struct{ Title, Looks, Gives string }

// A Sample is a line with its time, in RFC 3339 (empty: none), and its fields: text
// has ' before it, numbers and booleans are as they count. line is left out, and
// so is msg where it is the whole line.
type Sample struct {
	Line   string
	Time   string
	Fields map[string]string
}

// Formats are all formats, in the order in which they are tried.
var Formats = []*Format{
	pulseFormat,
	herokuFormat,
	jsonFormat,
	composeFormat,
	kubectlFormat,
	accessFormat,
	albFormat,
	ciscoFormat,
	syslogFormat,
	criFormat,
	nginxErrorFormat,
	apacheErrorFormat,
	haproxyFormat,
	envoyFormat,
	w3cFormat,
	squidFormat,
	klogFormat,
	cefFormat,
	postgresFormat,
	mysqlFormat,
	redisFormat,
	ginFormat,
	djangoFormat,
	phpFormat,
	mongoFormat,
	auditFormat,
	vsftpdFormat,
	xferlogFormat,
	s3Format,
	vpcFlowFormat,
	railsFormat,
	mysqlSlowFormat,
	kernelFormat,
	morganFormat,
	phpFPMFormat,
	lambdaFormat,
	julFormat,
	nginxProxyManagerFormat,
	nlbFormat,
	weblogicFormat,
	zabbixFormat,
	cephFormat,
	logcatFormat,
	eximFormat,
	tai64nFormat,
	uwsgiFormat,
	vmwareFormat,
	nagiosFormat,
	mssqlFormat,
	corednsFormat,
	mysqlGeneralFormat,
	logFormat,
	logfmtFormat,
	textFormat,
}

// What may be tried, by the first byte; what is of one format alone needs no other.
var (
	tries      [256][]*Format
	tryDated   []*Format
	tryMessage [256][]*Format
)

func init() {
	if 2*(len(Formats)+format.MaxFormats+1) > Shapes {
		panic("line: Shapes is too small for so many formats")
	}
	for i, f := range Formats {
		f.id = int8(i)
		if f.named {
			continue
		}
		if f.dated != nil {
			tryDated = append(tryDated, f)
		}
		for c := range 256 {
			if f.first != nil && !f.first(byte(c)) {
				continue
			}
			if f.line != nil {
				tries[c] = append(tries[c], f)
			}
			if f.message != nil {
				tryMessage[c] = append(tryMessage[c], f)
			}
		}
	}
}

// A Shape is what Event.Shape gives, less than Schema.Shapes.
type Shape uint8

// Shapes is how many a line of any Schema can have.
const Shapes = 256

// Unparsed is the Shape of lines of no known format.
const Unparsed Shape = 0

// Half reports whether the line is half understood.
func (s Shape) Half() bool { return s&1 != 0 }

// Shapes is the number of Shapes that lines can have: they are less than it.
func (s *Schema) Shapes() int {
	n := len(Formats)
	if s.formats != nil {
		n += len(s.formats.all)
	}
	return 2 * (n + 1)
}

// AppendShape appends the name of a Shape's format, and whether the line is half
// understood.
func (s *Schema) AppendShape(b []byte, shape Shape) []byte {
	switch i := int(shape>>1) - 1; {
	case i < 0:
		return append(b, "unparsed"...)
	case i < len(Formats):
		b = append(b, Formats[i].Name...)
	default:
		b = append(b, s.formats.all[i-len(Formats)].Name...)
	}
	if shape.Half() {
		b = append(b, ", half"...)
	}
	return b
}

// FormatField is the field of an Origin that names the format of its lines. A line
// that is not in it is unparsed, whatever else it looks like.
const FormatField = "format"

// formatNamed gives the format of a name, nil if there is none.
func formatNamed(name string) *Format {
	for _, f := range Formats {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// CheckFormat fails unless FormatField can have the name, and says which it can.
func CheckFormat(name string) error {
	if formatNamed(name) != nil {
		return nil
	}
	var names []string
	for _, f := range Formats {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return fmt.Errorf("there is no format %.40q: choose among %s", name, strings.Join(names, ", "))
}

// parse parses a line that is said to be of the format.
func (f *Format) parse(sc *Scanner, ev *Event, b []byte, start, end int) bool {
	if start == end {
		return false
	}
	if f.dated != nil {
		if i := sc.clock.stamp(b, start); i >= 0 && endsTime(b[i]) {
			sc.date(ev)
			return f.dated(sc, ev, b, openingOf(b, start, i, end))
		}
	}
	return f.line != nil && (f.first == nil || f.first(b[start])) && f.line(sc, ev, b, start, end)
}

// endsTime reports whether a byte may come after a time that a line begins with.
func endsTime(c byte) bool { return c == ' ' || c == '\t' || c == '|' || c == ':' }

// oneOf makes a first of these bytes.
func oneOf(bytes string) func(byte) bool {
	return func(c byte) bool { return strings.IndexByte(bytes, c) >= 0 }
}

// inClass makes a first of the bytes that are in one of the classes.
func inClass(classes uint8) func(byte) bool {
	return func(c byte) bool { return class[c]&classes != 0 }
}
