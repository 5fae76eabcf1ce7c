package web

import (
	"net/http"
	"strings"
)

// jsonLines is the type of answers that grow: each line is the answer as it is so far.
const jsonLines = "application/x-ndjson"

// A stream answers a request that takes its time: with one JSON document, or, if the
// client accepts it, with one a line, of which each replaces the one before.
type stream struct {
	server *Server
	w      http.ResponseWriter
	r      *http.Request
	lines  bool // the client accepts them
	begun  bool
}

func (s *Server) newStream(w http.ResponseWriter, r *http.Request) *stream {
	return &stream{server: s, w: w, r: r, lines: strings.Contains(r.Header.Get("Accept"), jsonLines)}
}

// write sends what is known so far, a *parcel, if that is wanted; nil: nothing is.
func (s *stream) write(partial any) {
	p, known := partial.(*parcel)
	if !s.lines || !known {
		return
	}
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", jsonLines)
		s.w.Header().Set("Cache-Control", "no-store")
	}
	s.server.send(s.w, s.r, p)
	http.NewResponseController(s.w).Flush() //nolint:errcheck // the client is gone
}

// end sends the whole answer, a *parcel.
func (s *stream) end(answer any) {
	if s.lines {
		s.write(answer)
		return
	}
	jsonHeader(s.w)
	s.server.send(s.w, s.r, answer.(*parcel))
}

// fail answers a request that could not be answered, and reports whether that was so.
func (s *stream) fail(what, stat string, err error) bool {
	if !s.begun || err == nil {
		return s.server.refuseRead(s.w, what, stat, err)
	}
	_, text := s.server.refusal(what, stat, err)
	if told, err := parcelOf(struct {
		Error string `json:"error"`
	}{text}); err == nil {
		s.write(told)
	}
	return true
}
