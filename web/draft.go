package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"pulse/stats"
	"pulse/stats/oracle"
	"pulse/stats/program"
	"pulse/topics"
)

// A draft is a definitions file that is tried on the end of the log: what a page would draw if
// it had been the definitions for long. Its conditions run in this process, and may cost what
// they will, so that it is for those who may edit alone.

// Bounds of a draft.
const (
	maxDraft       = 256 << 10 // bytes of text
	maxDraftWindow = 3600      // seconds that its windows may have
	maxDraftRead   = 512 << 20 // bytes of lines that are read
	draftWithin    = 30 * time.Second
	shownLines     = 3    // that the stat counts, and that it does not
	triedLines     = 2000 // of the newest that it does not count, of which these are chosen
)

// A draftError is one mistake of a draft.
type draftError struct {
	Line    int    `json:"line"` // from 1; 0 if the file as a whole is meant
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// A draftLine is a line, and why it is not counted if it is not.
type draftLine struct {
	Text string `json:"text"`
	Why  string `json:"why,omitempty"`
}

// A draftAnswer is what became of a draft.
type draftAnswer struct {
	Errors   []draftError      `json:"errors"`
	Changed  []string          `json:"changed"`  // stats that are new, or mean something else than those at work
	Gone     []string          `json:"gone"`     // stats at work that it does not have
	Stat     string            `json:"stat"`     // that the lines are of; "": none
	Lines    int64             `json:"lines"`    // that were read
	Counted  int64             `json:"counted"`  // of those of the seconds shown, by the stat
	Counts   []draftLine       `json:"counts"`   // some of them
	Not      []draftLine       `json:"not"`      // some that it does not count
	Messages []json.RawMessage `json:"messages"` // as a page's socket has them
}

// draftOf evaluates a text. Mistakes in it are part of the answer.
func (s *Server) draftOf(ctx context.Context, text, stat string) (*draftAnswer, error) {
	answer := &draftAnswer{Errors: []draftError{}, Changed: []string{}, Gone: []string{}, Counts: []draftLine{}, Not: []draftLine{}, Messages: []json.RawMessage{}}
	refuse := func(format string, args ...any) (*draftAnswer, error) {
		answer.Errors = append(answer.Errors, draftError{Message: fmt.Sprintf(format, args...)})
		return answer, nil
	}
	source := s.config.Definitions.Source
	source.File = "draft"
	d, err := source.Revise(text)
	if err == nil {
		err = d.CheckSamples(source.File)
	}
	var all stats.Errors
	if errors.As(err, &all) {
		for _, e := range all {
			answer.Errors = append(answer.Errors, draftError{e.Line, e.Column, e.Message})
		}
		return answer, nil
	}
	if err != nil {
		return refuse("%v", err)
	}
	compiled, err := program.Compile(d)
	if err != nil {
		return refuse("%v", err)
	}
	if topics.Window(d) > maxDraftWindow*time.Second {
		return refuse("windows of more than an hour are not tried here: pulse eval --raw has them")
	}
	answer.Changed, answer.Gone = changed(s.config.Definitions, d)
	if _, ok := d.StatHashes()[stat]; !ok && len(answer.Changed) > 0 {
		stat = answer.Changed[0]
	}
	if _, err := compiled.NewMatcher(stat); err == nil {
		answer.Stat = stat
	}
	return answer, s.tryDraft(ctx, d, compiled, answer)
}

// tryDraft evaluates definitions over a page's window at the end of the log. Only final
// values are taken, so that whoever tries it later is told the same.
func (s *Server) tryDraft(ctx context.Context, d *stats.Definitions, compiled *program.Program, answer *draftAnswer) error {
	admin, err := s.config.Cluster.Admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	raw := s.config.Names.Raw()
	all, err := admin.Readable(ctx, raw)
	if err != nil {
		return err
	}
	to := s.store.LastFinal()
	from := max(to-Window+1, 1)
	start, err := admin.StartBefore(ctx, s.config.Names, int64(topics.Window(d)/time.Second), all, from)
	if err != nil {
		return err
	}
	if start == nil || to < 0 || start.First > to {
		return errNoDraft
	}
	from = max(from, start.First)
	fetcher, err := admin.Fetcher(ctx, raw)
	if err != nil {
		return err
	}
	end := time.Unix(to+1, 0)
	store := NewStore(d)
	hub := NewHub(store, d, "", func() time.Time { return end })
	evaluator, err := oracle.New(d, func(p stats.Snapshot) {
		if p, ok := p.Cut(from, to); ok {
			store.Upsert(p, end)
		}
	})
	if err != nil {
		return err
	}
	evaluator.Start(from)
	feed := topics.NewRawFeed(evaluator, len(all))
	if start.Beginnings != nil {
		feed.Resume(start.Beginnings)
	}
	lines, err := newDraftLines(compiled, answer, from, to)
	if err != nil {
		return err
	}
	reader := topics.NewRawReader(fetcher, start, all)
	for read := int64(0); ; {
		p, r, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		if r == nil {
			break
		}
		if read += int64(len(r.Value)); read > maxDraftRead {
			return errTooLarge
		}
		feed.Feed(p, r)
		if h, err := topics.ParseRawHeader(topics.Lookup(r.Headers)); err == nil && h.Tick == nil {
			lines.take(packOf(topics.RawPack{RawHeader: h, Record: r}))
		}
		if feed.Watermark(p) > to+d.Lateness {
			reader.Leave(p)
		}
	}
	lines.end()
	store.Clocks(topics.Clocks{Version: d.Version(), Seconds: []int64{to + 1}}, end)
	hub.publish()
	answer.Messages = rawTexts(hub.welcome(Subscription{}))
	return nil
}

// errNoDraft says that there is nothing to try a draft on.
var errNoDraft = errors.New("there are no final seconds yet on which it could be tried; try again in a moment")

// draftLines finds the lines that a stat counts, and those that it does not.
type draftLines struct {
	answer   *draftAnswer
	from, to int64
	matcher  *program.Matcher // nil: of no stat
	why      *program.Explainer
	recent   [][]byte // the newest lines that were not counted
}

func newDraftLines(p *program.Program, answer *draftAnswer, from, to int64) (*draftLines, error) {
	l := &draftLines{answer: answer, from: from, to: to}
	if answer.Stat == "" {
		return l, nil
	}
	var err error
	l.matcher, err = p.NewMatcher(answer.Stat)
	l.why = p.NewExplainer(to)
	return l, err
}

// take takes a pack.
func (l *draftLines) take(p program.Pack) {
	l.answer.Lines += int64(bytes.Count(p.Lines, []byte{'\n'}))
	if l.matcher == nil || p.Second < l.from || p.Second > l.to {
		return
	}
	counted := map[string]bool{}
	l.matcher.Match(p, l.from, l.to, func(_ int64, line []byte) bool {
		l.answer.Counted++
		counted[string(line)] = true
		l.answer.Counts = append(l.answer.Counts, draftLine{Text: textOf(line)})
		l.answer.Counts = l.answer.Counts[max(0, len(l.answer.Counts)-shownLines):]
		return true
	})
	for line := range bytes.SplitSeq(bytes.TrimSuffix(p.Lines, []byte{'\n'}), []byte{'\n'}) {
		if !counted[string(line)] && len(line) <= maxLineText {
			l.recent = append(l.recent, bytes.Clone(line)) // a pack is large
		}
	}
	if len(l.recent) > 2*triedLines {
		l.recent = append([][]byte{}, l.recent[len(l.recent)-triedLines:]...)
	}
}

// end chooses of the lines that are not counted those that just are not: which have the
// fields that are asked for, with other values.
func (l *draftLines) end() {
	if l.matcher == nil {
		return
	}
	var others []draftLine
	for i := len(l.recent) - 1; i >= max(0, len(l.recent)-triedLines) && len(l.answer.Not) < shownLines; i-- {
		l.why.Parse("", l.recent[i])
		why, err := l.why.Why(l.answer.Stat)
		if err != nil || why == "" {
			continue
		}
		line := draftLine{textOf(l.recent[i]), why}
		if strings.Contains(why, " is missing") {
			if len(others) < shownLines {
				others = append(others, line)
			}
			continue
		}
		l.answer.Not = append(l.answer.Not, line)
	}
	l.answer.Not = append(l.answer.Not, others[:min(len(others), shownLines-len(l.answer.Not))]...)
}

// draft answers with what a draft makes of the end of the log.
func (s *Server) draft(w http.ResponseWriter, r *http.Request) {
	if s.refuseEdit(w, r) {
		return
	}
	var asked struct {
		Text string `json:"text"`
		Stat string `json:"stat"`
	}
	if !readBody(w, r, 2*maxDraft, &asked) {
		return
	}
	if len(asked.Text) > maxDraft {
		http.Error(w, fmt.Sprintf("the draft has %d bytes, at most %d are tried", len(asked.Text), maxDraft), http.StatusBadRequest)
		return
	}
	// Who asks in the next second is told of another one.
	read, err := s.readers.read(r.Context(), fmt.Sprintf("draft %d %#v", s.store.LastFinal(), asked), func(ctx context.Context) (any, error) {
		ctx, cancel := context.WithTimeout(ctx, draftWithin)
		defer cancel()
		answer, err := s.draftOf(ctx, asked.Text, asked.Stat)
		if err != nil {
			return nil, err
		}
		return parcelOf(answer)
	})
	if errors.Is(err, errNoDraft) {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	if s.refuseRead(w, "the lines", "of a draft", err) {
		return
	}
	jsonHeader(w)
	s.send(w, r, read.(*parcel))
}
