package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/program"
	"pulse/stats/survey"
	"pulse/topics"
	"pulse/topics/incident"
)

// Bounds of requests about incidents.
const (
	maxIncidentBody = 16 << 10
	maxFrames       = 120 // seconds that are played by one answer
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
	Raw(ctx context.Context, id string, do func(partition int32, r *kgo.Record) bool) error
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

func (t *incidentTopics) Raw(ctx context.Context, id string, do func(int32, *kgo.Record) bool) error {
	return t.by(func(a *topics.Admin) error { return incident.Raw(ctx, a, t.names, id, do) })
}

// editAnswers is what the server answers about incidents, and to those who may edit.
func (s *Server) editAnswers() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /api/definitions":           takes(s.definitions),
		"PUT /api/definitions":           takes(s.saveDefinitions),
		"POST /api/draft":                takes(s.draft),
		"GET /api/incidents":             takes(s.listIncidents),
		"POST /api/incidents":            takes(s.saveIncident),
		"GET /api/incidents/{id}":        takes(s.oneIncident),
		"PUT /api/incidents/{id}/note":   takes(s.noteIncident),
		"DELETE /api/incidents/{id}":     takes(s.deleteIncident),
		"GET /api/incidents/{id}/points": takes(s.incidentPoints, "stat", "from", "to"),
		"GET /api/incidents/{id}/frames": takes(s.incidentFrames, "at", "seconds"),
		"GET /api/incidents/{id}/lines":  takes(s.incidentLines, "stat", "from", "to", "where", "key", "limit", "fields"),
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
	}{all, s.mayEdit(r)})
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

// mayEdit reports whether a request may change what others see: it came with the login or
// a token, from the page itself or from a program.
func (s *Server) mayEdit(r *http.Request) bool {
	return s.config.AllowEdit && s.access.knows(r) && s.mayOpen(r)
}

// refuseEdit answers a request that may not change anything, and reports whether it has.
func (s *Server) refuseEdit(w http.ResponseWriter, r *http.Request) bool {
	if s.mayEdit(r) {
		return false
	}
	http.Error(w, "editing is not allowed: it needs --allow-edit, and the login or a token", http.StatusForbidden)
	return true
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
	if s.refuseEdit(w, r) {
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
	if s.refuseEdit(w, r) {
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
	if s.refuseEdit(w, r) {
		return
	}
	if !s.refuseIncident(w, r.PathValue("id"), s.incidents.Delete(r.Context(), r.PathValue("id"))) {
		s.answerIncidents(w, r, struct {
			Deleted string `json:"deleted"`
		}{r.PathValue("id")})
	}
}

// incidentPoints answers with the snapshots of ?stat=, or of all, of the seconds from
// ?from= to ?to= as they were saved, one a line.
func (s *Server) incidentPoints(w http.ResponseWriter, r *http.Request) {
	one, ok := s.wholeIncident(w, r)
	if !ok {
		return
	}
	from, err := second(r.FormValue("from"), one.First)
	if err != nil {
		http.Error(w, "from: "+err.Error(), http.StatusBadRequest)
		return
	}
	to, err := second(r.FormValue("to"), min(one.To, from+maxFrames-1))
	if err != nil || from > to || to-from >= maxRange {
		http.Error(w, fmt.Sprintf("to must be a time less than %d s after from", maxRange), http.StatusBadRequest)
		return
	}
	begins := []byte{}
	if stat := r.FormValue("stat"); stat != "" {
		begins = stats.Snapshot{Stat: stat}.AppendJSON(nil)
		begins = begins[:bytes.Index(begins, []byte(`,"time":`))]
	}
	read, err := s.readers.read(r.Context(), fmt.Sprintf("incident %s %d %d %s", one.ID, from, to, begins), func(ctx context.Context) (any, error) {
		var b bytes.Buffer
		large := false
		err := s.incidents.Points(ctx, one.ID, from, to, func(lines []byte) bool {
			for line := range bytes.Lines(lines) {
				if bytes.HasPrefix(line, begins) {
					b.Write(line)
				}
			}
			large = b.Len() > maxAnswer
			return !large
		})
		if large {
			return nil, errTooLarge
		}
		return &parcel{data: b.Bytes(), size: int64(b.Cap())}, err
	})
	if s.refuseIncident(w, one.ID, err) {
		return
	}
	w.Header().Set("Content-Type", jsonLines)
	s.send(w, r, read.(*parcel))
}

// incidentFrames answers with what a page's socket would have said at a second, and in
// each of the seconds after it: the messages with which it begins, and those of each second.
func (s *Server) incidentFrames(w http.ResponseWriter, r *http.Request) {
	one, ok := s.wholeIncident(w, r)
	if !ok {
		return
	}
	at, err := second(r.FormValue("at"), one.From)
	if err != nil || at < one.First || at > one.To {
		http.Error(w, fmt.Sprintf("at must be a time from %s to %s", formatSecond(one.First), formatSecond(one.To)), http.StatusBadRequest)
		return
	}
	seconds, err := second(r.FormValue("seconds"), 0)
	if err != nil || seconds > maxFrames {
		http.Error(w, fmt.Sprintf("seconds must be a number from 0 to %d", maxFrames), http.StatusBadRequest)
		return
	}
	to := min(at+seconds, one.To)
	read, err := s.readers.read(r.Context(), fmt.Sprintf("frames %s %d %d", one.ID, at, to), func(ctx context.Context) (any, error) {
		frames, err := s.framesOf(ctx, one, at, to)
		if err != nil {
			return nil, err
		}
		return parcelOf(frames)
	})
	if s.refuseIncident(w, one.ID, err) {
		return
	}
	jsonHeader(w)
	s.send(w, r, read.(*parcel))
}

// frames are what a page is told of an incident.
type frames struct {
	Incident incidentAnswer      `json:"incident"`
	At       int64               `json:"at"`
	Messages []json.RawMessage   `json:"messages"`
	Frames   [][]json.RawMessage `json:"frames"` // of the seconds after At
}

// framesOf plays the seconds [at, to] of an incident into a store and a hub of its own,
// whose clock is that of the incident.
func (s *Server) framesOf(ctx context.Context, one incident.Incident, at, to int64) (*frames, error) {
	d, err := one.Source.Parse()
	if err != nil {
		return nil, fmt.Errorf("the incident's definitions: %w", err)
	}
	now := time.Unix(at+1, 0)
	store := NewStore(d)
	hub := NewHub(store, d, build(files()), func() time.Time { return now })
	version := d.Version() // another release of Pulse may hash the same definitions otherwise
	answer := &frames{Incident: incidentAnswerOf(one), At: at, Messages: []json.RawMessage{}, Frames: [][]json.RawMessage{}}
	told := at - 1
	// tell says what is known by a second.
	tell := func(upTo int64) {
		for told < min(upTo, to) {
			told++
			now = time.Unix(told+1, 0)
			store.Clocks(topics.Clocks{Version: version, Seconds: []int64{told + 1}}, now)
			hub.publish()
			if told == at {
				answer.Messages = rawTexts(hub.welcome(Subscription{}))
				continue
			}
			upTo := hub.current.Load().version
			answer.Frames = append(answer.Frames, rawTexts(hub.frame(Subscription{}, upTo-1, upTo)))
		}
	}
	var bad error
	err = s.incidents.Points(ctx, one.ID, max(one.First, at-Window+1), to, func(lines []byte) bool {
		for line := range bytes.Lines(lines) {
			p, err := stats.ParseSnapshot(line)
			if bad = err; bad != nil {
				return false
			}
			p.Version = version
			tell(min(p.Time, to+1) - 1)
			if p, ok := p.Cut(one.First, to); ok {
				store.Upsert(p, now)
			}
		}
		return true
	})
	tell(to)
	return answer, errors.Join(err, bad)
}

func rawTexts(texts [][]byte) []json.RawMessage {
	all := make([]json.RawMessage, len(texts))
	for i, text := range texts {
		all[i] = text
	}
	return all
}

// incidentLines answers as lines does, from what an incident keeps of the log.
func (s *Server) incidentLines(w http.ResponseWriter, r *http.Request) {
	if _, shared := shareEnd(r.Context()); shared {
		http.Error(w, "a share link shows only numbers: log in to see lines", http.StatusForbidden)
		return
	}
	one, ok := s.wholeIncident(w, r)
	if !ok {
		return
	}
	q := lineQuery{stat: r.FormValue("stat"), where: r.FormValue("where"), key: r.FormValue("key"), limit: usualLines}
	var err error
	if q.to, err = second(r.FormValue("to"), one.To); err == nil {
		q.from, err = second(r.FormValue("from"), q.to)
	}
	if err != nil || q.from > q.to || q.to-q.from >= maxRange {
		http.Error(w, fmt.Sprintf("from must be a time at most %d s before to", maxRange), http.StatusBadRequest)
		return
	}
	if err := q.options(r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	read, err := s.readers.read(r.Context(), fmt.Sprintf("lines of %s %#v", one.ID, q), func(ctx context.Context) (any, error) {
		ctx, cancel := context.WithTimeout(ctx, linesWithin)
		defer cancel()
		return s.linesOf(ctx, one, q)
	})
	var bad badQuestion
	if errors.As(err, &bad) {
		http.Error(w, bad.Error(), http.StatusBadRequest)
		return
	}
	if s.refuseIncident(w, one.ID, err) {
		return
	}
	jsonHeader(w)
	s.send(w, r, read.(*parcel))
}

// linesOf finds lines of an incident, the last second's first.
func (s *Server) linesOf(ctx context.Context, one incident.Incident, q lineQuery) (*parcel, error) {
	d, err := one.Source.Parse()
	if err != nil {
		return nil, err
	}
	stat, err := d.Named(q.stat)
	if err != nil {
		return nil, badQuestion{err}
	}
	compiled, err := program.Compile(d)
	if err != nil {
		return nil, err
	}
	compiled, by, err := q.check(compiled, d)
	if err != nil {
		return nil, badQuestion{err}
	}
	matcher, is, err := q.matcher(compiled, by)
	if err != nil {
		return nil, badQuestion{err}
	}
	matcher.Until(ctx.Done())
	var fields *survey.Reader
	if q.fields {
		fields = survey.NewReader(d.Formats, q.to)
	}
	var found foundLines
	var failed error
	err = s.incidents.Raw(ctx, one.ID, func(partition int32, r *kgo.Record) bool {
		h, bad := topics.ParseRawHeader(topics.Lookup(r.Headers))
		if bad != nil || h.Tick != nil {
			return true
		}
		found.read.Lines += int64(bytes.Count(r.Value, []byte{'\n'}))
		found.read.Bytes += int64(len(r.Value))
		matcher.Match(packOf(topics.RawPack{RawHeader: h, Record: r}), q.from, q.to, func(second int64, line []byte) bool {
			if !is() {
				return true
			}
			start, from := matcher.Place()
			l := foundLine{second: second, text: textOf(line), at: place{partition, r.Offset, start}, ingester: h.Ingester, from: from}
			if fields != nil {
				l.fields, failed = fieldsOf(fields, from, line)
			}
			found.lines = append(found.lines, l)
			return failed == nil
		})
		if len(found.lines) > 2*q.limit {
			found.keepNewest(q.limit)
		}
		return failed == nil && ctx.Err() == nil
	})
	if err := errors.Join(err, failed, ctx.Err()); err != nil {
		return nil, err
	}
	found.keepNewest(q.limit)
	return linesAnswer(q, stat.Window, one.To, found, true)
}

// keepNewest leaves so many lines, the last second's first.
func (f *foundLines) keepNewest(limit int) {
	slices.SortStableFunc(f.lines, func(a, b foundLine) int { return cmp.Compare(b.second, a.second) })
	if len(f.lines) > limit {
		f.lines, f.more = f.lines[:limit], true
	}
}
