package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"pulse/stats/line"

	"google.golang.org/protobuf/encoding/protowire"
)

// A dialect is how senders of one kind talk to a Drain over HTTP, or gRPC.
type dialect struct {
	name string // of the input and of its flag
	help string
	doc  KindDoc

	paths     []string          // of requests with lines, as patterns of http.ServeMux
	media     []string          // the Content-Types that are read
	greetings map[string]string // what is answered to GET of a path, before anything is sent
	snappy    bool              // a body of protobuf is a snappy block, and no header says so
	grpc      bool              // it is OTLP over gRPC: it has none of paths, media, accept and refuse

	body, unpacked int   // the most bytes of a body, as it comes and unpacked
	memory         int64 // the most bytes of all bodies and their lines
	connections    int   // at a time; MaxConnections if 0

	token  func(http.Header) string // what a source's token must be equal to
	unwrap string                   // the envelope that its lines are in
	raw    bool                     // its lines are as the sender has them: the user may say what they are in
	joins  bool                     // its lines may be parts of events

	// read takes a body apart. What it returns is taken from the memory but for the body.
	read func(r request, memory *budget) (lineSet, error)
	// accept answers a request that was taken. The media is the request's Content-Type.
	accept func(w http.ResponseWriter, media string, reply []byte)
	// refuse answers one that was not.
	refuse func(w http.ResponseWriter, media string, status int, reason string)
}

// A request is what a dialect reads lines from.
type request struct {
	path  string
	media string
	body  []byte
}

// A lineSet is what a body holds.
type lineSet struct {
	lines    []byte // each with a line feed
	count    int    // of lines
	frames   int    // of frames, those without text too
	lost     int64  // messages that Logplex says it has dropped
	rejected int    // lines that are not taken
	because  string // why the first of these is not
	reply    []byte // what the sender is told when all else is taken
	held     int    // memory that was taken
}

// What shippers may send at a time: the usual batches of Vector have 10 MB.
const (
	shippersBody   = 10 << 20
	shippersMemory = 128 << 20

	// maxShipped bounds the lines of a body, each of which repeats what the body says
	// once of all of them.
	maxShipped = 32 << 20
)

const (
	jsonMedia     = "application/json"
	protobufMedia = "application/x-protobuf"
)

// bearer is the token of those who say it as most do.
func bearer(h http.Header) string {
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "bearer", "apikey":
		return strings.TrimSpace(token)
	}
	return ""
}

// acceptEmpty answers with 204.
func acceptEmpty(w http.ResponseWriter, _ string, _ []byte) { w.WriteHeader(http.StatusNoContent) }

// refuseText answers with a reason in plain text.
func refuseText(w http.ResponseWriter, _ string, status int, reason string) {
	http.Error(w, reason, status)
}

// A shipment is the lines of a body while it is read. Each is JSON of a kind's own making.
type shipment struct {
	lineSet
	memory *budget
}

// add takes a line. It fails if there is no room for all lines; a line that is too long is
// rejected, and the reason returned.
func (s *shipment) add(l []byte) (reason string, err error) {
	if len(l) > line.MaxLen {
		return s.reject(fmt.Sprintf("a record is longer than %d bytes as a line", line.MaxLen)), nil
	}
	if need := len(s.lines) + len(l) + 1; need > cap(s.lines) {
		if need > maxShipped {
			return "", fmt.Errorf("%w: its lines have more than %d bytes", errTooLarge, maxShipped)
		}
		size := min(max(2*cap(s.lines), 4<<10, need), maxShipped)
		if !s.memory.take(size) {
			return "", errBusy
		}
		s.held += size - cap(s.lines)
		s.memory.give(cap(s.lines))
		s.lines = append(make([]byte, 0, size), s.lines...)
	}
	s.lines = append(append(s.lines, l...), '\n')
	s.count++
	return "", nil
}

func (s *shipment) reject(reason string) string {
	if s.rejected == 0 {
		s.because = reason
	}
	s.rejected++
	return reason
}

// copies bounds how many times as long as a body of JSON that is what it takes to read it.
const copies = 5

// readJSON calls read with a body of JSON if there is memory for it.
func (s *shipment) readJSON(body []byte, read func([]byte) error) error {
	if !s.memory.take(copies * len(body)) {
		return errBusy
	}
	defer s.memory.give(copies * len(body))
	return read(body)
}

// ended is what was read, or what of it has to be given back. An error of what the body is
// wraps wrong.
func (s *shipment) ended(err, wrong error) (lineSet, error) {
	switch {
	case err == nil:
		return s.lineSet, nil
	case errors.Is(err, errTooLarge), errors.Is(err, errBusy):
		return lineSet{held: s.held}, err
	}
	return lineSet{held: s.held}, fmt.Errorf("%w: %w", wrong, err)
}

// eachMessage calls f with the fields of a message of protobuf that have a number and a
// length.
func eachMessage(b []byte, number protowire.Number, f func([]byte) error) error {
	for len(b) > 0 {
		n, typ, size := protowire.ConsumeTag(b)
		if size < 0 {
			return protowire.ParseError(size)
		}
		b = b[size:]
		if n != number || typ != protowire.BytesType {
			if size = protowire.ConsumeFieldValue(n, typ, b); size < 0 {
				return protowire.ParseError(size)
			}
			b = b[size:]
			continue
		}
		value, size := protowire.ConsumeBytes(b)
		if size < 0 {
			return protowire.ParseError(size)
		}
		if err := f(value); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}

// last calls f with the last field of a number, which is the one that counts, or nothing.
func last(b []byte, number protowire.Number, f func([]byte) error) error {
	var found []byte
	err := eachMessage(b, number, func(value []byte) error { found = value; return nil })
	if err != nil {
		return err
	}
	return f(found)
}

// eachElement calls f with each element of an array of JSON, one after the other; of null
// there is none.
func eachElement(array json.RawMessage, f func(json.RawMessage) error) error {
	if len(array) == 0 || string(array) == "null" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(array))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return fmt.Errorf("%.20q is not an array", array)
	}
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		if err := f(raw); err != nil {
			return err
		}
	}
	return nil
}

// appendText appends a text as JSON has it.
func appendText(b []byte, text string) []byte {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\ufffd")
	}
	b = append(b, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"', c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c < ' ':
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// appendMember appends a member of an object that has no end yet, behind any others.
func appendMember(b []byte, key, text string) []byte {
	return appendText(append(appendText(append(b, ','), key), ':'), text)
}

// begin begins an object with its time.
func appendBegin(b []byte, unixNanos int64) []byte {
	b = append(b, `{"time":"`...)
	b = time.Unix(0, unixNanos).UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}
