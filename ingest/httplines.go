package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

var httpLinesKind = drainOf(httpLines)

// httpLines is the dialect of shippers that post lines, or JSON objects one after the
// other or in an array: Fluent Bit's and Vector's HTTP output, and curl.
var httpLines = &dialect{
	name: "http-lines",
	help: "accept lines, or JSON objects, in POST requests on this `address`, or over HTTPS with --tls-cert",
	doc: KindDoc{"`http-lines`", "`input`, `drain` (the source), `remote`, and the source's",
		"503: the sender sends again", "nothing: 204 comes after Kafka's acknowledgement"},
	paths: []string{"/{$}", "/lines"},
	media: []string{jsonMedia, "application/x-ndjson", "application/jsonl", "application/x-jsonlines", "application/stream+json", "text/plain"},
	body:  shippersBody, unpacked: shippersBody, memory: shippersMemory,
	token: bearer, raw: true, joins: true,
	greetings: map[string]string{"/{$}": "", "/lines": ""},
	read:      readHTTPLines,
	accept:    acceptEmpty,
	refuse:    refuseText,
}

var errJSONLines = errors.New("the body is not JSON objects, one after the other or in an array")

func readHTTPLines(r request, memory *budget) (lineSet, error) {
	if r.media != jsonMedia {
		set := lineSet{lines: r.body}
		_ = eachLine(r.body, func(l []byte) error {
			if !isEmpty(l) {
				set.count++
			}
			return nil
		})
		return set, nil
	}
	s := &shipment{memory: memory}
	return s.ended(s.readJSON(r.body, s.readObjects), errJSONLines)
}

// readObjects makes a line of each object.
func (s *shipment) readObjects(body []byte) error {
	body = bytes.TrimPrefix(body, []byte("\ufeff")) // as .NET begins a text with
	d := json.NewDecoder(bytes.NewReader(body))
	inArray := bytes.HasPrefix(bytes.TrimSpace(body), []byte{'['})
	if inArray {
		_, _ = d.Token()
	}
	var text bytes.Buffer
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		if raw[0] != '{' {
			return fmt.Errorf("%.40s is not an object", raw)
		}
		text.Reset()
		if err := json.Compact(&text, raw); err != nil {
			return err
		}
		if _, err := s.add(text.Bytes()); err != nil {
			return err
		}
	}
	if inArray {
		if _, err := d.Token(); err != nil {
			return errors.New("the array has no end")
		}
	}
	if d.More() {
		return errors.New("something follows the array")
	}
	return nil
}
