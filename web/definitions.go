package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"pulse/stats"
)

// A DefinitionsFile is the file that the definitions at work came from.
type DefinitionsFile interface {
	// Read gives its text as it is now, and a tag of that.
	Read() (text, tag string, err error)
	// Save replaces the text that has a tag, and has Pulse go on with the new one. It fails
	// with ErrDefinitionsChanged if the file has another text by now, and with an
	// UnusableError if Pulse could not start with the new one; the file is as it was then.
	Save(ctx context.Context, text, tag string) (SavedDefinitions, error)
}

// ErrDefinitionsChanged says that somebody else has changed the definitions file.
var ErrDefinitionsChanged = errors.New("the definitions file has been changed by somebody else since you opened it, so yours is not saved")

// An UnusableError says why definitions are not saved.
type UnusableError struct{ Err error }

func (e UnusableError) Error() string { return e.Err.Error() }
func (e UnusableError) Unwrap() error { return e.Err }

// SavedDefinitions are definitions that were saved.
type SavedDefinitions struct {
	Definitions *stats.Definitions
	Tag         string // of the file's text
	Waits       string // why this process does not go on with them yet; "": it does
}

// definitions answers with the text of the definitions file as it is now, or of what is at
// work if there is none.
func (s *Server) definitions(w http.ResponseWriter, r *http.Request) {
	if s.refuseEdit(w) {
		return
	}
	answer := struct {
		Version string `json:"version"`
		Text    string `json:"text"`
		Tag     string `json:"tag,omitempty"`
	}{s.store.gen, s.config.Definitions.Source.Text, ""}
	if file := s.config.DefinitionsFile; file != nil {
		var err error
		if answer.Text, answer.Tag, err = file.Read(); err != nil {
			s.config.Logger.Warn("cannot read the definitions file for the page", "error", err)
			http.Error(w, "cannot read the definitions file: "+err.Error(), http.StatusInternalServerError)
			return
		}
	}
	s.sendAll(w, r, "application/json", func() (*parcel, error) { return parcelOf(answer) })
}

// refuseSave answers a request that may not save definitions, and reports whether it has.
// Pages of sites that may open the socket may not.
func (s *Server) refuseSave(w http.ResponseWriter, r *http.Request) bool {
	if !fromHere(r) {
		http.Error(w, "definitions are saved from this page alone, not from one of another site", http.StatusForbidden)
		return true
	}
	if s.refuseEdit(w) {
		return true
	}
	if s.config.DefinitionsFile == nil {
		http.Error(w, "there is no file to save to: Pulse was started without --stats", http.StatusNotFound)
		return true
	}
	return false
}

// saveDefinitions replaces the definitions file.
func (s *Server) saveDefinitions(w http.ResponseWriter, r *http.Request) {
	if s.refuseSave(w, r) {
		return
	}
	var asked struct {
		Text string `json:"text"`
		Tag  string `json:"tag"`
	}
	if !readBody(w, r, 2*maxDraft, &asked) {
		return
	}
	if len(asked.Text) > maxDraft {
		http.Error(w, fmt.Sprintf("the definitions have %d bytes, at most %d are saved", len(asked.Text), maxDraft), http.StatusBadRequest)
		return
	}
	log := s.config.Logger.With("by", whoIs(r.Context()).name, "from", visitor(r))
	saved, err := s.config.DefinitionsFile.Save(r.Context(), asked.Text, asked.Tag)
	var unusable UnusableError
	switch {
	case errors.Is(err, ErrDefinitionsChanged):
		log.Warn("definitions from the page were not saved: the file had been changed")
		http.Error(w, err.Error(), http.StatusConflict)
		return
	case errors.As(err, &unusable):
		http.Error(w, "not saved: "+err.Error(), http.StatusBadRequest)
		return
	case err != nil:
		log.Error("cannot save the definitions from the page", "error", err)
		http.Error(w, "not saved: "+err.Error(), http.StatusInternalServerError)
		return
	}
	d := saved.Definitions
	names, gone := changed(s.config.Definitions, d)
	log.Warn("the definitions were saved from the page", "file", d.Source.File, "version", d.Version(), "at work", s.store.gen, "changed", names, "gone", gone)
	s.sendAll(w, r, "application/json", func() (*parcel, error) {
		return parcelOf(struct {
			Version string `json:"version"`
			Tag     string `json:"tag"`
			Waits   string `json:"waits,omitempty"`
		}{d.Version(), saved.Tag, saved.Waits})
	})
}

// changed names the stats of new definitions that are new or mean something else than in old
// ones, and those of the old that are gone.
func changed(old, new *stats.Definitions) (names, gone []string) {
	names, gone = []string{}, []string{}
	was, is := old.StatHashes(), new.StatHashes()
	for _, one := range new.Stats {
		if is[one.Name] != was[one.Name] {
			names = append(names, one.Name)
		}
	}
	for _, one := range old.Stats {
		if _, kept := is[one.Name]; !kept {
			gone = append(gone, one.Name)
		}
	}
	return names, gone
}
