package line

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The vectors of other projects are not in this repository; make conformance
// says where they are.
var samples = flag.String("samples", "", "a folder with the syslog vectors of influxdata/go-syslog as JSON lines")

// A vector is one message with what a strict parser makes of it.
type vector struct {
	Number int     `json:"i"`
	Input  string  `json:"input"`
	Bytes  []byte  `json:"input_b64"` // instead, where it is no UTF-8
	Valid  bool    `json:"valid"`
	Value  *syslog `json:"value"`
	Error  string  `json:"error"`

	// Of framing: several messages.
	Results []struct {
		Message *syslog `json:"message"`
		Error   string  `json:"error"`
	} `json:"results"`
}

type syslog struct {
	Facility, Severity                            int
	Timestamp, Hostname, Appname, ProcID, Message *string
}

// syslogFields are those that the vectors speak of.
var syslogFields = []string{"facility", "level", "host", "source", "ps", "msg", "unparsed"}

// parseFields parses a message and gives the text of its fields, and its time.
func parseFields(t *testing.T, text string) (got map[string]string, at string) {
	t.Helper()
	var wanted []Field
	for _, name := range syslogFields {
		wanted = append(wanted, Field{Name: name})
	}
	schema, err := NewSchema(wanted...)
	if err != nil {
		t.Fatal(err)
	}
	sc, ev := schema.NewScanner(), new(Event)
	sc.Parse(ev, append([]byte(text), make([]byte, Padding)...), 0, len(text))
	got = make(map[string]string)
	for i, name := range syslogFields {
		if ev.Has(Slot(i)) {
			got[name] = string(ev.Bytes(Slot(i)))
		}
	}
	if second, nanos, ok := ev.Time(); ok {
		at = time.Unix(second, int64(nanos)).UTC().Format(time.RFC3339Nano)
	}
	return got, at
}

// differs says in what a message is not what the vector has; "" if in nothing.
func (want *syslog) differs(t *testing.T, text string, dated bool) string {
	got, at := parseFields(t, text)
	if got["unparsed"] != "" {
		return "unparsed"
	}
	if f := constantOf(facilities[:], want.Facility); got["facility"] != f {
		return "facility " + got["facility"] + ", not " + f
	}
	if l := constantOf(severities[:], want.Severity); got["level"] != l {
		return "level " + got["level"] + ", not " + l
	}
	for name, value := range map[string]*string{"host": want.Hostname, "source": want.Appname, "ps": want.ProcID, "msg": want.Message} {
		has, ok := got[name]
		has = string([]rune(has)) // the vectors have U+FFFD for bytes that are no UTF-8
		switch {
		case name == "host" && value != nil && !isHost([]byte(*value)):
		case value == nil && ok && has != "":
			return name + " is " + has + ", not missing"
		case value != nil && has != strings.TrimRight(*value, "\r\n") && *value != "-":
			return name + " is " + has + ", not " + *value
		}
	}
	if dated && want.Timestamp != nil {
		wanted, err := time.Parse(time.RFC3339Nano, *want.Timestamp)
		if err != nil {
			t.Fatal(err)
		}
		if w := wanted.UTC().Format(time.RFC3339Nano); at != w && wanted.Year() >= 1970 {
			return "at " + at + ", not " + w
		}
	}
	return ""
}

func constantOf(constants []constant, i int) string {
	c := constants[i]
	return string(constantText[c.start:c.end])
}

func readVectors(t *testing.T, name string) []vector {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(*samples, name))
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	for l := range bytes.Lines(data) {
		var v vector
		if err := json.Unmarshal(l, &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// A deviation is a way in which Pulse does not do what a strict parser does, and
// the vectors that show it.
type deviation struct {
	why     string
	vectors []int
}

var deviations = map[string][]deviation{
	"rfc5424": {
		{"a line is a message: what is after a line's end is another one, and here white space goes with it", []int{1}},
		{"names longer than the RFC allows are names all the same: a line is rather counted by a long name than not at all", []int{52, 53, 54, 55, 56, 57, 58, 59}},
		{"Heroku leaves structured data out, so what is none is the message's beginning", []int{
			64, 65, 66, 67, 68, 69, 86, 107, 108, 109, 110, 111, 112, 113, 114, 115,
		}},
		{"structured data gives no fields, so neither its names' lengths nor their being unique matter", []int{70, 71, 98, 99}},
		{"the mark of UTF-8 says how the message is written and is not part of it", []int{
			116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137,
		}},
	},
}

func explained(file string, number int) bool {
	for _, d := range deviations[file] {
		if slices.Contains(d.vectors, number) {
			return true
		}
	}
	return false
}

// TestConformance parses the vectors, and fails for one that deviates without
// being listed, or is listed and does not deviate.
func TestConformance(t *testing.T) {
	if *samples == "" {
		t.Skip("make conformance SAMPLES=FOLDER runs the vectors of other projects")
	}
	for _, file := range []string{"rfc5424", "rfc3164"} {
		t.Run(file, func(t *testing.T) {
			same := 0
			vectors := readVectors(t, file+"_go-syslog.jsonl")
			for _, v := range vectors {
				if v.Bytes != nil {
					v.Input = string(v.Bytes)
				}
				why := ""
				if v.Valid {
					why = v.Value.differs(t, v.Input, file == "rfc5424")
				} else if got, _ := parseFields(t, v.Input); got["facility"] != "" {
					why = "is taken, although " + v.Error
				}
				if why == "" {
					same++
				}
				if (why != "") != explained(file, v.Number) {
					t.Errorf("%d %.120q: deviates is %t, listed is %t: %.200s", v.Number, v.Input, why != "", why == "", why)
				}
			}
			t.Logf("%s: %d of %d as a strict parser has them (%.1f %%)", file, same, len(vectors), 100*float64(same)/float64(len(vectors)))
			for _, d := range deviations[file] {
				t.Logf("%4d deviate: %s", len(d.vectors), d.why)
			}
		})
	}
	t.Run("rfc6587", func(t *testing.T) {
		same, all := 0, 0
		for file, split := range map[string]func(string) []string{"octet": octets, "nontransparent": trailed} {
			for _, v := range readVectors(t, "rfc6587_"+file+"_go-syslog.jsonl") {
				frames := split(v.Input)
				all++
				good := true
				for i, r := range v.Results {
					if r.Message == nil || r.Error != "" {
						break // what a strict reader does not go beyond
					}
					if i >= len(frames) {
						t.Errorf("%s %d: %d frames, there are more", file, v.Number, len(frames))
						good = false
						break
					}
					if why := r.Message.differs(t, frames[i], true); why != "" {
						t.Errorf("%s %d, frame %d: %.200s", file, v.Number, i, why)
						good = false
					}
				}
				if good {
					same++
				}
			}
		}
		t.Logf("rfc6587: of %d of %d (%.1f %%) every message that a strict reader finds", same, all, 100*float64(same)/float64(all))
		t.Log("   1 deviates: a last line without its end is a line (RFC 6587 wants the end)")
	})
}

// octets cuts counted frames, with their counts, which are part of a line to
// Parse.
func octets(text string) (frames []string) {
	for {
		count, rest, ok := strings.Cut(text, " ")
		n, err := strconv.Atoi(count)
		if !ok || err != nil || n > len(rest) {
			return frames
		}
		frames = append(frames, count+" "+rest[:n])
		text = rest[n:]
	}
}

func trailed(text string) []string { return strings.Split(text, "\n") }
