package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"pulse/stats"
	"pulse/stats/condition"
	"pulse/stats/explain"
	"pulse/stats/program"
	"pulse/topics"
)

// explainWithin bounds the reading of a whole answer.
const explainWithin = time.Minute

// Explain says what is different about some seconds, from what Kafka keeps of the lines, as
// the page does.
func Explain(ctx context.Context, c topics.Cluster, n topics.Names, d *stats.Definitions, q explain.Question) (explain.Answer, error) {
	lines := rawLines{rawLog: liveLog(c, n, d), definitions: d}
	return lines.Explain(ctx, q, func(readSoFar) {})
}

// Explain answers a question, and tells meanwhile how much it has read. Whether a line was
// late is told by its own record's clock.
func (l *rawLines) Explain(ctx context.Context, q explain.Question, tell func(readSoFar)) (explain.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, explainWithin)
	defer cancel()
	log, err := l.open(ctx)
	if err != nil {
		return explain.Answer{}, err
	}
	defer log.Close()
	var lines, bytes, told atomic.Int64
	return explain.Explain(ctx, l.definitions, log.parts, q, func(l, b int64) {
		so := readSoFar{lines.Add(l), bytes.Add(b)}
		now, last := time.Now().UnixMilli(), told.Load()
		if now-last > tellEvery.Milliseconds() && told.CompareAndSwap(last, now) {
			tell(so)
		}
	})
}

// parts is the log as explain reads it: a part is a partition.
func (o *openLog) parts(ctx context.Context, from, to int64) (parts []explain.Part, expired bool, err error) {
	sections := make([]*topics.RawSection, len(o.Partitions))
	if err := o.Each(ctx, from, to, func(i int, s *topics.RawSection) error {
		sections[i] = s
		return nil
	}); err != nil {
		return nil, false, err
	}
	for _, s := range sections {
		expired = expired || s.Expired
		parts = append(parts, func(ctx context.Context, f func(segment uint64, p program.Pack) error) error {
			again := *s
			for {
				packs, err := again.Next(ctx)
				if err != nil || packs == nil {
					return err
				}
				for _, p := range packs {
					if err := f(uint64(p.Segment), packOf(p)); err != nil {
						return err
					}
				}
			}
		})
	}
	return parts, expired, nil
}

// checkWhere says what is wrong with a question's condition.
func checkWhere(q explain.Question, d *stats.Definitions) error {
	if q.Where == "" {
		return nil
	}
	if err := condition.CheckQuestion(q.Where); err != nil {
		return fmt.Errorf("where: %w", err)
	}
	return q.CheckWhere(d)
}

// explain answers what is different about ?stat= in the seconds from ?from= to ?to=,
// against as many from ?against= on, or just before, of the lines that meet ?where=.
func (s *Server) explain(w http.ResponseWriter, r *http.Request, of *subject) {
	stat, ok := of.lined(w, r)
	if !ok {
		return
	}
	q := explain.Question{Stat: stat.Name, Where: r.URL.Query().Get("where")}
	refuse := func(what string, err error) { http.Error(w, what+err.Error(), http.StatusBadRequest) }
	var err error
	if q.To, err = second(r.URL.Query().Get("to"), of.last); err != nil {
		refuse("to: ", err)
		return
	}
	if q.From, err = second(r.URL.Query().Get("from"), max(0, q.To-59)); err != nil {
		refuse("from: ", err)
		return
	}
	if q.Against, err = second(r.URL.Query().Get("against"), q.Before().Against); err != nil {
		refuse("against: ", err)
		return
	}
	if err := cmp.Or(q.Check(), of.missing(min(q.From, q.Against), max(q.To, q.Against+q.To-q.From))); err != nil {
		refuse("", err)
		return
	}
	stream := s.newStream(w, r)
	read, err := s.explanations.follow(r.Context(), of.asked(fmt.Sprintf("%#v", q)), func(ctx context.Context, tell func(any)) (any, error) {
		if err := checkWhere(q, of.definitions); err != nil {
			return nil, badQuestion{err}
		}
		progress := progressTo(tell)
		progress(readSoFar{})
		answer, err := of.raw.Explain(ctx, q, progress)
		if err != nil {
			return nil, err
		}
		return parcelOf(struct {
			Answer explain.Answer `json:"answer"`
			Done   bool           `json:"done"`
		}{answer, true})
	}, stream.write)
	if stream.fail("lines", q.Stat, err) {
		return
	}
	stream.end(read)
}
