package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"pulse/stats"
	"pulse/stats/program"
	"pulse/topics"
	"pulse/topics/incident"
)

// Bounds of requests about incidents.
const (
	maxIncidentBody = 16 << 10
	saveWithin      = 10 * time.Minute
)

// incidents keeps intervals of the log for good.
type incidents interface {
	List(ctx context.Context) ([]incident.Incident, error)
	Get(ctx context.Context, id string) (incident.Incident, error)
	Save(ctx context.Context, r incident.Request) (incident.Incident, error)
	Note(ctx context.Context, id, note string) error
	Delete(ctx context.Context, id string) error
	Points(ctx context.Context, id string, from, to int64, do func(lines []byte) bool) error
	// Lines is what an incident keeps of the log, by its definitions and what they compile to.
	Lines(id string, d *stats.Definitions, p *program.Program) rawHistory
}

// incidentTopics are those of a cluster.
type incidentTopics struct {
	cluster     topics.Cluster
	names       topics.Names
	definitions *stats.Definitions
}

// by calls do with a client of its own.
func (t *incidentTopics) by(do func(*topics.Admin) error) error {
	admin, err := t.cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	return do(admin)
}

func (t *incidentTopics) List(ctx context.Context) (all []incident.Incident, err error) {
	err = t.by(func(a *topics.Admin) error {
		all, err = incident.List(ctx, a, t.names)
		return err
	})
	return all, err
}

func (t *incidentTopics) Get(ctx context.Context, id string) (one incident.Incident, err error) {
	err = t.by(func(a *topics.Admin) error {
		one, err = incident.Get(ctx, a, t.names, id)
		return err
	})
	return one, err
}

func (t *incidentTopics) Save(ctx context.Context, r incident.Request) (incident.Incident, error) {
	return incident.Save(ctx, t.cluster, t.names, t.definitions, r, time.Now(), nil)
}

func (t *incidentTopics) Note(ctx context.Context, id, note string) error {
	return incident.Annotate(ctx, t.cluster, t.names, id, note)
}

func (t *incidentTopics) Delete(ctx context.Context, id string) error {
	return t.by(func(a *topics.Admin) error { return incident.Delete(ctx, a, t.names, id) })
}

func (t *incidentTopics) Points(ctx context.Context, id string, from, to int64, do func([]byte) bool) error {
	return t.by(func(a *topics.Admin) error { return incident.Points(ctx, a, t.names, id, from, to, do) })
}

func (t *incidentTopics) Lines(id string, d *stats.Definitions, p *program.Program) rawHistory {
	return &rawLines{keptLog(t.cluster, t.names, id, d), p, d}
}

// editAnswers is what the server answers about incidents, and to those who may edit.
func (s *Server) editAnswers() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /api/definitions":           takes(s.definitions),
		"PUT /api/definitions":           takes(s.saveDefinitions),
		"POST /api/draft":                takes(s.tryDraft),
		"GET /api/incidents":             takes(s.listIncidents),
		"POST /api/incidents":            takes(s.saveIncident),
		"GET /api/incidents/{id}":        takes(s.oneIncident),
		"PUT /api/incidents/{id}/note":   takes(s.noteIncident),
		"DELETE /api/incidents/{id}":     takes(s.deleteIncident),
		"GET /api/incidents/{id}/points": takes(s.incidentPoints, "stat", "from", "to"),
		"GET /api/incidents/{id}/frames": takes(s.incidentFrames, "at", "seconds"),

		"GET /api/incidents/{id}/lines":        takes(s.ofIncident(s.lines), lineParameters...),
		"GET /api/incidents/{id}/lines/around": takes(s.ofIncident(s.around), "at"),
		"GET /api/incidents/{id}/narrowed":     takes(s.ofIncident(s.narrowed), "stat", "where", "from", "to"),
		"GET /api/incidents/{id}/fields":       takes(s.ofIncident(s.fields), "from", "to"),
		"GET /api/incidents/{id}/explain":      takes(s.ofIncident(s.explain), explainParameters...),
	}
}

// incidentAnswer is an incident as the API has it.
type incidentAnswer struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Note        string `json:"note"`
	From        string `json:"from"`
	To          string `json:"to"`
	First       string `json:"first"`
	Saved       string `json:"saved"`
	Whole       bool   `json:"whole"`
	Definitions string `json:"definitions"`
	Bytes       int64  `json:"bytes"`
	Points      int64  `json:"points"`
}

func incidentAnswerOf(i incident.Incident) incidentAnswer {
	return incidentAnswer{i.ID, i.Name, i.Note, formatSecond(i.From), formatSecond(i.To), formatSecond(i.First), formatSecond(i.Saved), i.Whole, i.Version, i.Bytes, i.Points}
}

// listIncidents answers with all incidents, the newest first, and whether whoever asks may
// save and delete some.
func (s *Server) listIncidents(w http.ResponseWriter, r *http.Request) {
	read, err := s.readers.read(r.Context(), "incidents", func(ctx context.Context) (any, error) { return s.incidents.List(ctx) })
	if s.refuseIncident(w, "", err) {
		return
	}
	all := []incidentAnswer{}
	for _, one := range read.([]incident.Incident) {
		all = append(all, incidentAnswerOf(one))
	}
	s.answerIncidents(w, r, struct {
		Incidents []incidentAnswer `json:"incidents"`
		Edit      bool             `json:"edit"`
	}{all, s.config.AllowEdit && whoIs(r.Context()).role == Edit})
}

// oneIncident answers with one.
func (s *Server) oneIncident(w http.ResponseWriter, r *http.Request) {
	if one, ok := s.wholeIncident(w, r); ok {
		s.answerIncidents(w, r, incidentAnswerOf(one))
	}
}

func (s *Server) answerIncidents(w http.ResponseWriter, r *http.Request, v any) {
	s.sendAll(w, r, "application/json", func() (*parcel, error) { return parcelOf(v) })
}

// wholeIncident is the one that a request names; else it has answered.
func (s *Server) wholeIncident(w http.ResponseWriter, r *http.Request) (incident.Incident, bool) {
	id := r.PathValue("id")
	read, err := s.readers.read(r.Context(), "incident "+id, func(ctx context.Context) (any, error) { return s.incidents.Get(ctx, id) })
	if s.refuseIncident(w, id, err) {
		return incident.Incident{}, false
	}
	one := read.(incident.Incident)
	if !one.Whole {
		http.Error(w, "this incident is being saved, or saving it was interrupted", http.StatusConflict)
	}
	return one, one.Whole
}

// refuseIncident answers a request that could not be answered, and reports whether it has.
func (s *Server) refuseIncident(w http.ResponseWriter, id string, err error) bool {
	if errors.Is(err, incident.ErrUnknown) {
		http.Error(w, fmt.Sprintf("there is no incident %.80q; /api/incidents lists them", id), http.StatusNotFound)
		return true
	}
	return s.refuseRead(w, "the incident", id, err)
}

// refuseEdit answers a request to change incidents or definitions where nobody may, and reports
// whether it has.
func (s *Server) refuseEdit(w http.ResponseWriter) bool {
	if !s.config.AllowEdit {
		http.Error(w, "editing is off: start Pulse with --allow-edit", http.StatusForbidden)
	}
	return !s.config.AllowEdit
}

// readBody reads a request's body as JSON; else it has answered.
func readBody(w http.ResponseWriter, r *http.Request, most int64, to any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	d.DisallowUnknownFields()
	err := d.Decode(to)
	if err == nil {
		_, err = d.Token()
		if errors.Is(err, io.EOF) {
			return true
		}
		err = errors.New("there is more behind it")
	}
	http.Error(w, "the body is not the JSON that /api/openapi.yaml says: "+err.Error(), http.StatusBadRequest)
	return false
}

// saveIncident saves what the body says.
func (s *Server) saveIncident(w http.ResponseWriter, r *http.Request) {
	if s.refuseEdit(w) {
		return
	}
	var asked struct {
		Name string    `json:"name"`
		From time.Time `json:"from"`
		To   time.Time `json:"to"`
		Note string    `json:"note"`
	}
	if !readBody(w, r, maxIncidentBody, &asked) {
		return
	}
	request := incident.Request{Name: asked.Name, From: asked.From.Unix(), To: asked.To.Unix(), Note: asked.Note}
	if err := request.Check(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	read, err := s.readers.read(r.Context(), fmt.Sprintf("save %#v", request), func(ctx context.Context) (any, error) {
		ctx, cancel := context.WithTimeout(ctx, saveWithin)
		defer cancel()
		return s.incidents.Save(ctx, request)
	})
	var gone *incident.GoneError
	var soon *incident.SoonError
	if errors.As(err, &gone) || errors.As(err, &soon) || errors.Is(err, incident.ErrExists) {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	if s.refuseIncident(w, request.Name, err) {
		return
	}
	s.answerIncidents(w, r, incidentAnswerOf(read.(incident.Incident)))
}

// noteIncident replaces an incident's note.
func (s *Server) noteIncident(w http.ResponseWriter, r *http.Request) {
	if s.refuseEdit(w) {
		return
	}
	var asked struct {
		Note string `json:"note"`
	}
	if !readBody(w, r, maxIncidentBody, &asked) {
		return
	}
	if len(asked.Note) > incident.MaxNote {
		http.Error(w, fmt.Sprintf("the note has %d bytes, at most %d are kept", len(asked.Note), incident.MaxNote), http.StatusBadRequest)
		return
	}
	if !s.refuseIncident(w, r.PathValue("id"), s.incidents.Note(r.Context(), r.PathValue("id"), asked.Note)) {
		s.oneIncident(w, r)
	}
}

// deleteIncident deletes an incident.
func (s *Server) deleteIncident(w http.ResponseWriter, r *http.Request) {
	if s.refuseEdit(w) {
		return
	}
	if !s.refuseIncident(w, r.PathValue("id"), s.incidents.Delete(r.Context(), r.PathValue("id"))) {
		s.answerIncidents(w, r, struct {
			Deleted string `json:"deleted"`
		}{r.PathValue("id")})
	}
}
