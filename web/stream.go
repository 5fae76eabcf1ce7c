package web

import (
	"encoding/json"
	"net/http"
	"strings"
)

// jsonLines is the type of answers that grow: each line is the answer as it is so far.
const jsonLines = "application/x-ndjson"

// A stream answers a request that takes its time: with one JSON document, or, if the
// client accepts it, with one a line, of which each replaces the one before.
type stream struct {
	w     http.ResponseWriter
	lines bool // the client accepts them
	begun bool
}

func newStream(w http.ResponseWriter, r *http.Request) *stream {
	return &stream{w: w, lines: strings.Contains(r.Header.Get("Accept"), jsonLines)}
}

// write sends what is known so far, if that is wanted.
func (s *stream) write(v any) {
	if !s.lines {
		return
	}
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", jsonLines)
		s.w.Header().Set("Cache-Control", "no-store")
	}
	json.NewEncoder(s.w).Encode(v)          //nolint:errcheck // the client is gone
	http.NewResponseController(s.w).Flush() //nolint:errcheck // likewise
}

// end sends the whole answer.
func (s *stream) end(v any) {
	if s.lines {
		s.write(v)
		return
	}
	writeJSON(s.w, v)
}

// fail answers a request that could not be answered, and reports whether that was so.
func (s *stream) fail(server *Server, what, stat string, err error) bool {
	if !s.begun || err == nil {
		return server.refuseRead(s.w, what, stat, err)
	}
	_, text := server.refusal(what, stat, err)
	s.write(struct {
		Error string `json:"error"`
	}{text})
	return true
}
