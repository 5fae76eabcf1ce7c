package web

import (
	"fmt"
	"net/http"

	"pulse/stats"
	"pulse/stats/program"
	"pulse/topics/incident"
)

// A subject is what questions about lines are asked of: the live log, or an incident, which
// answers from what it keeps, by its own definitions.
type subject struct {
	id  string // the incident's; "": it is the live log
	raw rawHistory

	definitions *stats.Definitions
	program     *program.Program
	first, last int64        // the seconds whose lines it has, as far as retention leaves them
	begins      int64        // the first second that has points
	final       func() int64 // the last second at which no more lines can come
}

// live is the live log.
func (s *Server) live() *subject {
	return &subject{raw: s.raw, definitions: s.config.Definitions, program: s.program, last: s.store.Newest(), final: s.store.LastFinal}
}

// kept is what an incident keeps.
func (s *Server) kept(one incident.Incident) (*subject, error) {
	d, err := one.Source.Parse()
	if err != nil {
		return nil, fmt.Errorf("the incident's definitions: %w", err)
	}
	compiled, err := program.Compile(d)
	if err != nil {
		return nil, fmt.Errorf("the incident's definitions: %w", err)
	}
	return &subject{
		id: one.ID, raw: s.incidents.Lines(one.ID, d, compiled), definitions: d, program: compiled,
		first: one.WholeFrom(d), last: one.To, begins: one.First, final: func() int64 { return one.To },
	}, nil
}

// ofLive answers a question with what the live log says. Who came by a share link sees numbers
// alone.
func (s *Server) ofLive(answer func(http.ResponseWriter, *http.Request, *subject)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, s.live())
	}
}

// ofIncident answers a question with what the incident of the path says.
func (s *Server) ofIncident(answer func(http.ResponseWriter, *http.Request, *subject)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		one, ok := s.wholeIncident(w, r)
		if !ok {
			return
		}
		of, err := s.kept(one)
		if !s.refuseIncident(w, one.ID, err) {
			answer(w, r, of)
		}
	}
}

// lined is the stat that a request names, if lines count for it; else it has answered.
func (of *subject) lined(w http.ResponseWriter, r *http.Request) (*stats.Stat, bool) {
	name := r.URL.Query().Get("stat")
	stat, err := of.definitions.Named(name)
	if err != nil {
		http.Error(w, fmt.Sprintf("%v; /api/stats lists them", err), http.StatusNotFound)
		return nil, false
	}
	if _, err := of.program.NewMatcher(name); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return nil, false
	}
	return stat, true
}

// missing says that a subject does not have the lines of some seconds; nil: it has, or had.
func (of *subject) missing(from, to int64) error {
	if from < of.first || of.id != "" && to > of.last {
		return fmt.Errorf("the incident has lines from %s to %s: ask for other or fewer seconds", formatSecond(of.first), formatSecond(of.last))
	}
	return nil
}

// asked names a question among those of all subjects.
func (of *subject) asked(question string) string { return of.id + " " + question }
