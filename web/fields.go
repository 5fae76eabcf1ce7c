package web

import (
	"context"
	"fmt"
	"net/http"

	"pulse/stats/line"
	"pulse/stats/survey"
)

const (
	fieldsSeconds = 300     // that are looked at unless others are asked for
	fieldsSamples = 10      // parts of these seconds, of each of which the beginning is read
	fieldsBytes   = 8 << 20 // of lines that are looked at
	fieldsShown   = 200     // of each format
)

// A surveyed is what the lines of some seconds have.
type surveyed struct {
	*survey.Survey
	whole bool // all lines were looked at
	read  readSoFar
}

// Survey looks at the lines whose records are of the seconds [from, to]: at all of them, or at
// the beginning of each tenth of these seconds. The answer follows from the log alone.
func (l *rawLines) Survey(ctx context.Context, from, to int64, tell func(readSoFar)) (surveyed, error) {
	ctx, cancel := context.WithTimeout(ctx, linesWithin)
	defer cancel()
	log, err := l.open(ctx)
	if err != nil {
		return surveyed{}, err
	}
	defer log.Close()
	found := surveyed{Survey: survey.New(survey.NewReader(l.definitions.Formats, to)), whole: true}
	n := min(fieldsSamples, to-from+1)
	for i := range n {
		first, last := from+i*(to-from+1)/n, from+(i+1)*(to-from+1)/n-1
		for _, p := range log.Partitions {
			if err := found.sample(ctx, log, p, first, last, fieldsBytes/int(n)/len(log.Partitions)); err != nil {
				return surveyed{}, err
			}
		}
		tell(found.read)
	}
	return found, nil
}

// sample adds lines of a partition's records of the seconds [first, last], up to so many
// bytes.
func (s *surveyed) sample(ctx context.Context, log *openLog, partition int32, first, last int64, left int) error {
	section, err := log.Section(ctx, partition, first, last)
	if err != nil {
		return err
	}
	for {
		packs, err := section.Next(ctx)
		if err != nil || packs == nil {
			return err
		}
		for _, p := range packs {
			if p.Second() < first || p.Second() > last {
				continue
			}
			p.Each(func(_ int, from line.Origin, text []byte) bool {
				if left -= len(text) + 1; left < 0 {
					s.whole = false
					return false
				}
				s.read.Lines++
				s.read.Bytes += int64(len(text)) + 1
				err = s.Add(from, text)
				return err == nil
			})
			if left < 0 || err != nil {
				return err
			}
		}
	}
}

// fields answers what the lines of the seconds from ?from= to ?to= have.
func (s *Server) fields(w http.ResponseWriter, r *http.Request, of *subject) {
	to, err := second(r.URL.Query().Get("to"), of.last)
	if err != nil {
		http.Error(w, "to: "+err.Error(), http.StatusBadRequest)
		return
	}
	from, err := second(r.URL.Query().Get("from"), max(of.first, to-fieldsSeconds+1))
	if err != nil || from > to || to-from >= maxRange {
		http.Error(w, fmt.Sprintf("from must be a time at most %d s before to", maxRange), http.StatusBadRequest)
		return
	}
	if err := of.missing(from, to); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	stream := s.newStream(w, r)
	read, err := s.readers.follow(r.Context(), of.asked(fmt.Sprint("fields ", from, to)), func(ctx context.Context, tell func(any)) (any, error) {
		found, err := of.raw.Survey(ctx, from, to, progressTo(tell))
		if err != nil {
			return nil, err
		}
		shapes, rough := found.Shapes()
		return parcelOf(struct {
			From       string          `json:"from"`
			To         string          `json:"to"`
			Whole      bool            `json:"whole"`
			Read       readSoFar       `json:"read"`
			Unreadable int64           `json:"unreadable"`
			Formats    []survey.Format `json:"formats"`
			Shapes     []survey.Shape  `json:"shapes"`
			Rough      bool            `json:"rough"`
			Done       bool            `json:"done"`
		}{formatSecond(from), formatSecond(to), found.whole, found.read, found.Unreadable, found.Formats(fieldsShown), shapes, rough, true})
	}, stream.write)
	if stream.fail("lines", "", err) {
		return
	}
	stream.end(read)
}
