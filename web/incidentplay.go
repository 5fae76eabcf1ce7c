package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"pulse/stats"
	"pulse/topics"
	"pulse/topics/incident"
)

// maxFrames are the seconds that are played by one answer.
const maxFrames = 120

// incidentPoints answers with the snapshots of ?stat=, or of all, of the seconds from
// ?from= to ?to= as they were saved, one a line.
func (s *Server) incidentPoints(w http.ResponseWriter, r *http.Request) {
	one, ok := s.wholeIncident(w, r)
	if !ok {
		return
	}
	from, err := second(r.URL.Query().Get("from"), one.First)
	if err != nil {
		http.Error(w, "from: "+err.Error(), http.StatusBadRequest)
		return
	}
	to, err := second(r.URL.Query().Get("to"), min(one.To, from+maxFrames-1))
	if err != nil || from > to || to-from >= maxRange {
		http.Error(w, fmt.Sprintf("to must be a time less than %d s after from", maxRange), http.StatusBadRequest)
		return
	}
	begins := []byte{}
	if stat := r.URL.Query().Get("stat"); stat != "" {
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
	at, err := second(r.URL.Query().Get("at"), one.From)
	if err != nil || at < one.First || at > one.To {
		http.Error(w, fmt.Sprintf("at must be a time from %s to %s", formatSecond(one.First), formatSecond(one.To)), http.StatusBadRequest)
		return
	}
	seconds, err := second(r.URL.Query().Get("seconds"), 0)
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
