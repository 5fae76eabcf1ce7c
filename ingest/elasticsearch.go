package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

var elasticsearchKind = drainOf(elasticsearch)

// elasticsearch is the dialect of those who index documents by the bulk API. A document
// becomes a line, with the name of its index as _index.
var elasticsearch = &dialect{
	name: "elasticsearch",
	help: "accept what is sent to Elasticsearch's bulk API on this `address`, or over HTTPS with --tls-cert",
	doc: KindDoc{"`elasticsearch`", "`input`, `drain` (the source), `remote`, and the source's",
		"503: the sender sends again", "nothing: 200 comes after Kafka's acknowledgement"},
	paths: []string{"/_bulk", "/{index}/_bulk", "/{index}/{type}/_bulk"},
	media: []string{"application/x-ndjson", jsonMedia, "application/vnd.elasticsearch+x-ndjson", "application/vnd.elasticsearch+json"},
	// Beats send to no version older than their own.
	greetings: map[string]string{
		"/{$}":             `{"name":"pulse","cluster_name":"pulse","cluster_uuid":"pulse","version":{"number":"9.99.0","build_flavor":"default","minimum_wire_compatibility_version":"8.19.0","minimum_index_compatibility_version":"8.0.0"},"tagline":"You Know, for Search"}`,
		"/_license":        `{"license":{"status":"active","uid":"pulse","type":"basic"}}`,
		"/_cluster/health": `{"cluster_name":"pulse","status":"green","timed_out":false}`,
	},
	body: shippersBody, unpacked: shippersBody, memory: shippersMemory,
	token: bearer, raw: true,
	read:   readBulk,
	accept: acceptElasticsearch,
	refuse: refuseElasticsearch,
}

var errBulk = errors.New("the body is not that of a bulk request")

func readBulk(r request, memory *budget) (lineSet, error) {
	s := &bulk{shipment: shipment{memory: memory}}
	if index, _, ok := strings.Cut(strings.TrimPrefix(r.path, "/"), "/"); ok {
		s.index = index
	}
	return s.ended(s.read(r.body), errBulk)
}

// A bulk is the actions of a request.
type bulk struct {
	shipment
	index string // of actions that name none
	items []byte // of the reply
	text  []byte
}

// What can be asked to be done with a document.
type bulkAction struct{ Index, Create, Update, Delete *bulkTarget }

type bulkTarget struct {
	Index string `json:"_index"`
	ID    string `json:"_id"`
}

func (s *bulk) read(body []byte) error {
	number := 0
	next := func() (l []byte) {
		l, body, _ = bytes.Cut(body, []byte{'\n'})
		number++
		return bytes.TrimSpace(l)
	}
	for len(body) > 0 {
		l := next()
		if len(l) == 0 {
			continue
		}
		var action bulkAction
		if err := json.Unmarshal(l, &action); err != nil {
			return fmt.Errorf("line %d is not an action: %w", number, err)
		}
		var err error
		switch {
		case action.Index != nil:
			err = s.document("index", action.Index, next())
		case action.Create != nil:
			err = s.document("create", action.Create, next())
		case action.Update != nil:
			next()
			err = s.item("update", action.Update, "only index and create are taken")
		case action.Delete != nil:
			err = s.item("delete", action.Delete, "only index and create are taken")
		default:
			return fmt.Errorf("line %d is not an action: write {\"create\":{}}", number)
		}
		if err != nil {
			return err
		}
	}
	s.reply = fmt.Appendf(nil, `{"took":0,"errors":%t,"items":[%s]}`, s.rejected > 0, s.items)
	return nil
}

// document takes what is to be indexed.
func (s *bulk) document(action string, target *bulkTarget, text []byte) error {
	if len(text) == 0 || text[0] != '{' || !json.Valid(text) {
		return s.item(action, target, "the document is not a JSON object")
	}
	if target.Index == "" {
		target.Index = s.index
	}
	s.text = append(s.text[:0], text...)
	if rest := bytes.TrimLeft(text[1:], " \t"); target.Index != "" {
		s.text = appendMember(s.text[:0], "_index", target.Index)
		if s.text[0] = '{'; rest[0] != '}' {
			s.text = append(s.text, ',')
		}
		s.text = append(s.text, rest...)
	}
	reason, err := s.add(s.text)
	if err != nil {
		return err
	}
	return s.answered(action, target, reason)
}

// item rejects an action.
func (s *bulk) item(action string, target *bulkTarget, reason string) error {
	return s.answered(action, target, s.reject(reason))
}

// answered says in the reply what became of an action, within the bound of all lines.
func (s *bulk) answered(action string, target *bulkTarget, reason string) error {
	if before := cap(s.items); len(s.items)+len(target.Index)+len(target.ID)+256 > before {
		size := max(4<<10, 2*(before+len(target.Index)+len(target.ID)))
		if size > maxShipped {
			return fmt.Errorf("%w: its actions are too many", errTooLarge)
		}
		if !s.memory.take(size) {
			return errBusy
		}
		s.held += size - before
		s.memory.give(before)
		s.items = append(make([]byte, 0, size), s.items...)
	}
	b := s.items
	if len(b) > 0 {
		b = append(b, ',')
	}
	b = fmt.Appendf(b, `{"%s":{"status":%d`, action, map[bool]int{true: http.StatusCreated, false: http.StatusBadRequest}[reason == ""])
	b = appendMember(b, "_index", target.Index)
	b = appendMember(b, "_id", target.ID)
	if reason != "" {
		b = append(appendText(append(b, `,"error":{"type":"mapper_parsing_exception","reason":`...), reason), '}')
	}
	s.items = append(b, "}}"...)
	return nil
}

func acceptElasticsearch(w http.ResponseWriter, _ string, reply []byte) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch") // without it clients refuse to go on
	w.Header().Set("Content-Type", jsonMedia)
	_, _ = w.Write(reply)
}

func refuseElasticsearch(w http.ResponseWriter, _ string, status int, reason string) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", jsonMedia)
	w.WriteHeader(status)
	// Clients show the root cause, or the type.
	cause := append(appendText([]byte(`"type":"illegal_argument_exception","reason":`), reason), '}')
	_, _ = fmt.Fprintf(w, `{"error":{"root_cause":[{%s],%s,"status":%d}`, cause, cause, status)
}
