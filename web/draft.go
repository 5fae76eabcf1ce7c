package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"pulse/stats"
	"pulse/stats/oracle"
	"pulse/stats/program"
	"pulse/topics"
	"pulse/topics/retry"
)

// A draft is a definitions file that is tried on the end of the log: what a page would draw if
// it had been the definitions for long. Its conditions run in this process, and may cost what
// they will, so that it is for those who may edit alone.

// Bounds of a draft.
const (
	maxDraft       = 256 << 10 // bytes of text
	maxDraftWindow = 3600      // seconds that its windows may have
	maxDraftRead   = 512 << 20 // bytes of lines that are read for its first answer
	maxDraftStats  = 30        // that are drawn, of those that changed
	maxDrafts      = 4         // that go on at a time
	draftWithin    = 30 * time.Second
	draftTurn      = 3 * time.Second // that one waits for another to end
	draftFor       = 15 * time.Minute
	draftTick      = time.Second // between two looks at what has come
	shownLines     = 3           // that the stat counts, and that it does not
	triedLines     = 2000        // of the newest that it does not count, of which these are chosen
)

// draftMinutes are those that can be asked for.
var draftMinutes = []int64{1, 5, 15, 60}

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
	Errors  []draftError `json:"errors"`
	Changed []string     `json:"changed"` // stats that are new, or mean something else than those at work
	Drawn   []string     `json:"drawn"`   // the first of them, of which Messages have values
	Gone    []string     `json:"gone"`    // stats at work that it does not have
	Stat    string       `json:"stat"`    // that the lines are of; "": none
	draftFound
}

// draftFound is what the log has of a draft.
type draftFound struct {
	Lines    int64             `json:"lines"`    // that were read
	Counted  int64             `json:"counted"`  // of those of the seconds shown, by the stat
	Counts   []draftLine       `json:"counts"`   // some of them
	Not      []draftLine       `json:"not"`      // some that it does not count
	Messages []json.RawMessage `json:"messages"` // as a page's socket has them
}

// A draftQuestion asks what a draft would draw.
type draftQuestion struct {
	Text    string `json:"text"`
	Stat    string `json:"stat"`
	Minutes int64  `json:"minutes"`
}

// A draft is definitions that may be tried.
type draft struct {
	definitions *stats.Definitions
	program     *program.Program
}

// checkDraft reads a text. Mistakes in it are part of the answer; without any there is a draft.
func (s *Server) checkDraft(q draftQuestion) (*draftAnswer, *draft) {
	answer := &draftAnswer{Errors: []draftError{}, Changed: []string{}, Drawn: []string{}, Gone: []string{}}
	answer.draftFound = draftFound{Counts: []draftLine{}, Not: []draftLine{}, Messages: []json.RawMessage{}}
	refuse := func(format string, args ...any) (*draftAnswer, *draft) {
		answer.Errors = append(answer.Errors, draftError{Message: fmt.Sprintf(format, args...)})
		return answer, nil
	}
	source := s.config.Definitions.Source
	source.File = "draft"
	d, err := source.Revise(q.Text)
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
	answer.Drawn = answer.Changed[:min(len(answer.Changed), maxDraftStats)]
	stat := q.Stat
	if _, ok := d.StatHashes()[stat]; !ok && len(answer.Changed) > 0 {
		stat = answer.Changed[0]
	}
	if _, err := compiled.NewMatcher(stat); err == nil {
		answer.Stat = stat
	}
	return answer, &draft{d, compiled}
}

// A trial is definitions that are evaluated over the end of the log, and then on as it grows.
// Only final values are taken, so that whoever tries them later, or starts Pulse with them, is
// told the same.
type trial struct {
	admin  *topics.Admin
	raw    string // the topic
	reader *topics.RawReader
	feed   *topics.RawFeed
	lines  *draftLines
	store  *Store
	hub    *Hub
	last   int64 // the last second that is drawn
	told   uint64
}

// try evaluates a draft over so many seconds up to the last final one, and completes its
// answer.
func (s *Server) try(ctx context.Context, admin *topics.Admin, tried *draft, answer *draftAnswer, seconds int64) (*trial, error) {
	d := tried.definitions
	raw := s.config.Names.Raw()
	all, err := admin.RawSection(ctx, s.config.Names)
	if err != nil {
		return nil, err
	}
	to := s.store.LastFinal()
	from := max(to-seconds+1, 1)
	start, err := admin.StartBefore(ctx, s.config.Names, int64(topics.Window(d)/time.Second), all, from)
	if err != nil {
		return nil, err
	}
	if start == nil || to < 0 || start.First > to {
		return nil, errNoDraft
	}
	from = max(from, start.First)
	fetcher, err := admin.Fetcher(ctx, raw)
	if err != nil {
		return nil, err
	}
	t := &trial{admin: admin, raw: raw, store: newStore(d, seconds), last: to}
	t.hub = NewHub(t.store, d, "", func() time.Time { return time.Unix(t.last+1, 0) })
	evaluator, err := oracle.New(d, func(p stats.Snapshot) {
		if p, ok := p.Cut(from, math.MaxInt64); ok && slices.Contains(answer.Drawn, p.Stat) {
			t.store.Upsert(p, time.Unix(t.last+1, 0))
		}
	})
	if err != nil {
		return nil, err
	}
	evaluator.Start(from)
	t.feed = start.Feed(evaluator, len(all))
	if t.lines, err = newDraftLines(tried.program, answer.Stat, from); err != nil {
		return nil, err
	}
	t.reader = topics.NewRawReader(fetcher, start, all)
	if err := t.read(ctx, maxDraftRead); err != nil {
		return nil, err
	}
	t.show()
	answer.draftFound = t.found()
	answer.Messages = rawTexts(t.hub.welcome(Subscription{}))
	return t, nil
}

// read reads on to the end of what may be read, but not more than some bytes of lines.
func (t *trial) read(ctx context.Context, most int64) error {
	for {
		p, r, err := t.reader.Next(ctx)
		if err != nil || r == nil {
			return err
		}
		if most -= int64(len(r.Value)); most < 0 {
			return errTooLarge
		}
		t.feed.Feed(p, r)
		if h, err := topics.ParseRawHeader(topics.Lookup(r.Headers)); err == nil && h.Tick == nil {
			t.lines.take(packOf(topics.RawPack{RawHeader: h, Record: r}))
		}
	}
}

// show ends a version of the store with the last second that is final.
func (t *trial) show() {
	t.last = max(t.last, t.feed.Least()-1-t.store.definitions.Lateness)
	t.store.Clocks(topics.Clocks{Version: t.store.gen, Seconds: []int64{t.last + 1}}, time.Unix(t.last+1, 0))
	t.hub.publish()
}

// found is what the log has had so far, without messages.
func (t *trial) found() draftFound {
	t.told = t.hub.current.Load().version
	return t.lines.found(t.last)
}

// follow tells what has come, again and again, until ctx is done.
func (t *trial) follow(ctx context.Context, tell func(draftFound) error) error {
	for {
		if err := retry.Wait(ctx, draftTick); err != nil {
			return err
		}
		all, err := t.admin.Readable(ctx, t.raw)
		if err != nil {
			return err
		}
		t.reader.Extend(all)
		if err := t.read(ctx, math.MaxInt64); err != nil {
			return err
		}
		before, told := t.last, t.told
		t.show()
		if t.last == before {
			continue
		}
		found := t.found()
		found.Messages = rawTexts(t.hub.frame(Subscription{}, told, t.told))
		if err := tell(found); err != nil {
			return err
		}
	}
}

// errNoDraft says that there is nothing to try a draft on.
var errNoDraft = errors.New("there are no final seconds yet on which it could be tried; try again in a moment")

// draftLines finds the lines that a stat counts, and those that it does not.
type draftLines struct {
	stat    string // "": none
	from    int64
	matcher *program.Matcher
	why     *program.Explainer

	read    int64
	counted int64                    // of seconds that were found so far
	counts  []draftLine              // the newest of them
	open    map[int64]*countedSecond // seconds that are not final yet
	recent  [][]byte                 // the newest lines that were not counted
}

// A countedSecond is what a stat counts in a second.
type countedSecond struct {
	lines int64
	some  []draftLine
}

func newDraftLines(p *program.Program, stat string, from int64) (l *draftLines, err error) {
	l = &draftLines{stat: stat, from: from, open: map[int64]*countedSecond{}, counts: []draftLine{}}
	if stat != "" {
		l.matcher, err = p.NewMatcher(stat)
		l.why = p.NewExplainer(from)
	}
	return l, err
}

// newest leaves the last of some lines.
func newest(lines []draftLine) []draftLine { return lines[max(0, len(lines)-shownLines):] }

// take takes a pack.
func (l *draftLines) take(p program.Pack) {
	l.read += int64(bytes.Count(p.Lines, []byte{'\n'}))
	if l.matcher == nil || p.Second < l.from {
		return
	}
	counted := map[string]bool{}
	l.matcher.Match(p, l.from, math.MaxInt64, func(second int64, line []byte) bool {
		counted[string(line)] = true
		of := l.open[second]
		if of == nil {
			of = &countedSecond{}
			l.open[second] = of
		}
		of.lines++
		of.some = newest(append(of.some, draftLine{Text: textOf(line)}))
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

// found is what the seconds up to one have, which is final. Of the lines that are not counted
// it chooses those that just are not: which have the fields that are asked for, with other
// values.
func (l *draftLines) found(last int64) draftFound {
	var final []int64
	for second := range l.open {
		if second <= last {
			final = append(final, second)
		}
	}
	slices.Sort(final)
	for _, second := range final {
		l.counted += l.open[second].lines
		l.counts = newest(append(l.counts, l.open[second].some...))
		delete(l.open, second)
	}
	found := draftFound{Lines: l.read, Counted: l.counted, Counts: l.counts, Not: []draftLine{}}
	if l.matcher == nil {
		return found
	}
	var others []draftLine
	for i := len(l.recent) - 1; i >= max(0, len(l.recent)-triedLines) && len(found.Not) < shownLines; i-- {
		l.why.Parse("", l.recent[i])
		why, err := l.why.Why(l.stat)
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
		found.Not = append(found.Not, line)
	}
	found.Not = append(found.Not, others[:min(len(others), shownLines-len(found.Not))]...)
	return found
}

// tryDraft answers with what a draft makes of the end of the log and, if the client accepts JSON
// lines, goes on as the log does.
func (s *Server) tryDraft(w http.ResponseWriter, r *http.Request) {
	if s.refuseEdit(w) {
		return
	}
	asked := draftQuestion{Minutes: Window / 60}
	if !readBody(w, r, 2*maxDraft, &asked) {
		return
	}
	switch {
	case len(asked.Text) > maxDraft:
		http.Error(w, fmt.Sprintf("the draft has %d bytes, at most %d are tried", len(asked.Text), maxDraft), http.StatusBadRequest)
		return
	case !slices.Contains(draftMinutes, asked.Minutes):
		http.Error(w, fmt.Sprintf("minutes is %d; there are %v", asked.Minutes, draftMinutes), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), draftFor)
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	turn, over := context.WithTimeout(ctx, draftTurn)
	defer over()
	select {
	case s.drafts <- struct{}{}:
		defer func() { <-s.drafts }()
	case <-turn.Done():
		w.Header().Set("Retry-After", "10")
		http.Error(w, fmt.Sprintf("%d drafts are being tried on this server; close one", maxDrafts), http.StatusServiceUnavailable)
		return
	}
	stream := s.newStream(w, r)
	answer, tried := s.checkDraft(asked)
	if tried == nil {
		p, err := parcelOf(answer)
		if !stream.fail("the lines", "of a draft", err) {
			stream.end(p)
		}
		return
	}
	admin, err := s.config.Cluster.Admin()
	if stream.fail("the lines", "of a draft", err) {
		return
	}
	defer admin.Close()
	type first struct {
		trial  *trial
		answer *parcel
	}
	// Reading takes its turn; no two drafts share it, since they go on.
	begun, err := s.readers.read(ctx, fmt.Sprintf("draft %p", r), func(ctx context.Context) (any, error) {
		ctx, cancel := context.WithTimeout(ctx, draftWithin)
		defer cancel()
		t, err := s.try(ctx, admin, tried, answer, asked.Minutes*60)
		if err != nil {
			return nil, err
		}
		p, err := parcelOf(answer)
		return first{t, p}, err
	})
	switch {
	case errors.Is(err, errNoDraft):
		http.Error(w, err.Error(), http.StatusConflict)
		return
	case errors.Is(err, errTooLarge):
		http.Error(w, fmt.Sprintf("more than %d MiB of lines came in %d minutes and the windows before: try fewer", maxDraftRead>>20, asked.Minutes), http.StatusBadRequest)
		return
	case stream.fail("the lines", "of a draft", err):
		return
	}
	stream.end(begun.(first).answer)
	if !stream.lines {
		return
	}
	err = begun.(first).trial.follow(ctx, func(found draftFound) error {
		p, err := parcelOf(found)
		if err == nil {
			stream.write(p)
		}
		return err
	})
	if ctx.Err() == nil {
		stream.fail("the lines", "of a draft", err)
	}
}
