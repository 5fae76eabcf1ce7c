package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"pulse/stats/line"
)

var lokiKind = drainOf(loki)

// loki is the dialect of those who push to Grafana Loki: JSON, or protobuf in a snappy
// block. An entry becomes a line of JSON with the labels of its stream, its structured
// metadata, and its text:
//
//	{"time":"…","job":"nginx","message":"GET / 200"}
var loki = &dialect{
	name: "loki",
	help: "accept what is pushed to Grafana Loki on this `address`, or over HTTPS with --tls-cert",
	doc: KindDoc{"`loki`", "`input`, `drain` (the source), `remote`, and the source's",
		"503: the sender sends again", "nothing: 204 comes after Kafka's acknowledgement"},
	paths:     []string{"/loki/api/v1/push", "/api/prom/push"},
	media:     []string{protobufMedia, jsonMedia},
	greetings: map[string]string{"/ready": ""},
	snappy:    true,
	body:      shippersBody, unpacked: shippersBody, memory: shippersMemory,
	token: bearer, unwrap: "json:message",
	read:   readLoki,
	accept: acceptEmpty,
	refuse: refuseText,
}

var (
	errLoki      = errors.New("the body is not a push request of Loki")
	errTimestamp = errors.New("a timestamp cannot be read")
)

// lokiEntries makes lines of the entries of a stream.
type lokiEntries struct {
	shipment
	labels []byte          // the members of a line that the stream's labels are
	names  map[string]bool // of the labels
	text   []byte
}

func readLoki(r request, memory *budget) (lineSet, error) {
	l := &lokiEntries{shipment: shipment{memory: memory}, names: map[string]bool{}}
	if r.media == jsonMedia {
		return l.ended(l.shipment.readJSON(r.body, l.readJSON), errLoki)
	}
	return l.ended(l.readProtobuf(r.body), errLoki)
}

// appendLabel appends a label of the stream. What a line has of its own it cannot be named.
func (l *lokiEntries) appendLabel(name, text string) {
	l.names[name] = true
	if name == "time" || name == "message" {
		name = "label." + name
	}
	l.labels = appendMember(l.labels, name, text)
}

// appendMetadata appends structured metadata of an entry. What a line has already it cannot be
// named.
func (l *lokiEntries) appendMetadata(b []byte, name, text string) []byte {
	if l.names[name] || name == "time" || name == "message" {
		name = "metadata." + name
	}
	return appendMember(b, name, text)
}

// noLabels begins a stream.
func (l *lokiEntries) noLabels() {
	l.labels = l.labels[:0]
	clear(l.names)
}

func (l *lokiEntries) entry(unixNanos int64, metadata []byte, text string) error {
	l.text = append(append(appendBegin(l.text[:0], unixNanos), l.labels...), metadata...)
	if len(text) > line.MaxLen {
		l.reject(fmt.Sprintf("an entry is longer than %d bytes", line.MaxLen))
		return nil
	}
	l.text = append(appendMember(l.text, "message", text), '}')
	_, err := l.add(l.text)
	return err
}

func (l *lokiEntries) readJSON(body []byte) error {
	var push struct{ Streams json.RawMessage }
	if err := json.Unmarshal(body, &push); err != nil {
		return err
	}
	return eachElement(push.Streams, func(raw json.RawMessage) error {
		var stream struct {
			Stream map[string]string
			Labels string // of the form before
			Values json.RawMessage
		}
		if err := json.Unmarshal(raw, &stream); err != nil {
			return err
		}
		l.noLabels()
		for _, name := range slices.Sorted(maps.Keys(stream.Stream)) {
			l.appendLabel(name, stream.Stream[name])
		}
		if stream.Labels != "" {
			if err := l.setLabels(stream.Labels); err != nil {
				return err
			}
		}
		return eachElement(stream.Values, func(raw json.RawMessage) error {
			var at, text string
			var metadata map[string]string
			value := []any{&at, &text, &metadata}
			if err := json.Unmarshal(raw, &value); err != nil {
				return err
			}
			nanos, err := strconv.ParseInt(at, 10, 64)
			if err != nil || len(value) < 2 {
				return fmt.Errorf("%.40s is not a value: write [\"<unix nanoseconds>\", \"<line>\"]", raw)
			}
			var more []byte
			for _, name := range slices.Sorted(maps.Keys(metadata)) {
				more = l.appendMetadata(more, name, metadata[name])
			}
			return l.entry(nanos, more, text)
		})
	})
}

// lokiLast is the last second of a time in nanoseconds.
const lokiLast = math.MaxInt64/1_000_000_000 - 1

// Field numbers of Loki's messages.
const (
	lokiStreams   = 1 // of PushRequest
	lokiLabels    = 1 // of Stream
	lokiEntry     = 2
	lokiTimestamp = 1 // of Entry
	lokiLine      = 2
	lokiMetadata  = 3
)

func (l *lokiEntries) readProtobuf(body []byte) error {
	return eachMessage(body, lokiStreams, func(stream []byte) error {
		if err := last(stream, lokiLabels, func(b []byte) error { return l.setLabels(string(b)) }); err != nil {
			return err
		}
		return eachMessage(stream, lokiEntry, l.protobufEntry)
	})
}

func (l *lokiEntries) protobufEntry(b []byte) error {
	if len(b) > 2*line.MaxLen {
		l.reject(fmt.Sprintf("an entry is longer than %d bytes", line.MaxLen))
		return nil
	}
	var at time.Time
	if err := last(b, lokiTimestamp, func(b []byte) (err error) { at, err = protobufTime(b); return err }); err != nil {
		return err
	}
	if at.Unix() < 0 || at.Unix() > lokiLast {
		l.reject(fmt.Sprintf("an entry's time is out of range: it is %d s after 1970", at.Unix()))
		return nil
	}
	var metadata []byte
	err := eachMessage(b, lokiMetadata, func(pair []byte) error {
		var text [2]string
		for i := range text {
			if err := last(pair, protowire.Number(i+1), func(b []byte) error { text[i] = string(b); return nil }); err != nil {
				return err
			}
		}
		metadata = l.appendMetadata(metadata, text[0], text[1])
		return nil
	})
	if err != nil {
		return err
	}
	return last(b, lokiLine, func(text []byte) error { return l.entry(at.UnixNano(), metadata, string(text)) })
}

// protobufTime reads a google.protobuf.Timestamp.
func protobufTime(b []byte) (time.Time, error) {
	var parts [3]uint64 // seconds and nanoseconds are 1 and 2
	for len(b) > 0 {
		n, typ, size := protowire.ConsumeTag(b)
		if size < 0 || typ != protowire.VarintType {
			return time.Time{}, errTimestamp
		}
		v, length := protowire.ConsumeVarint(b[size:])
		if length < 0 {
			return time.Time{}, errTimestamp
		}
		if int(n) < len(parts) {
			parts[n] = v
		}
		b = b[size+length:]
	}
	return time.Unix(int64(parts[1]), int64(parts[2])), nil
}

// setLabels reads the labels of a stream, as PromQL writes them.
func (l *lokiEntries) setLabels(text string) error {
	l.noLabels()
	wrong := fmt.Errorf(`the labels %.80q cannot be read: write {name="value", …}`, text)
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), "{")
	if !ok || len(text) > line.MaxLen {
		return wrong
	}
	for {
		rest = strings.TrimLeft(rest, " ,")
		if rest == "}" {
			return nil
		}
		name, value, ok := strings.Cut(rest, "=")
		if !ok {
			return wrong
		}
		quoted, err := strconv.QuotedPrefix(strings.TrimLeft(value, " "))
		if err != nil {
			return wrong
		}
		label, err := strconv.Unquote(quoted)
		if err != nil {
			return wrong
		}
		rest = strings.TrimLeft(value, " ")[len(quoted):]
		l.appendLabel(strings.TrimSpace(name), label)
	}
}
