package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/value"
	"pulse/topics"
)

const (
	usualDays    = 7
	usualBefore  = Window + minuteSeconds // seconds before the one that is asked about that an answer has
	usualAfter   = 600                    // and after it
	usualEvery   = 300                    // seconds of questions that have one answer
	usualSettled = 300                    // how long after its end a minute has been rolled up, in seconds; one that took longer is not known
	leastSeconds = 30                     // that a minute must know to say what is usual
	maxUsual     = 8                      // answers that are kept
)

// A band is what a stat was in a minute of the day on the days before: the least and the
// greatest of all its values, and the median of the days.
type band struct{ low, mid, high float64 }

// MarshalJSON writes a band as [low, usual, high], in four digits.
func (b *band) MarshalJSON() ([]byte, error) {
	text := []byte{'['}
	for i, f := range []float64{b.low, b.mid, b.high} {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendFloat(text, f, 'g', 4, 64)
	}
	return append(text, ']'), nil
}

// usualAnswer is what is usual in some minutes.
type usualAnswer struct {
	From  time.Time   `json:"from"` // the first minute
	Days  int         `json:"days"` // that are looked at
	Stats []usualStat `json:"stats"`
}

type usualStat struct {
	Stat    string  `json:"stat"`
	Days    int     `json:"days"`    // that know something of it
	Minutes []*band `json:"minutes"` // from the first on; null: nothing is known
}

// allMinutes reads the minutes of all stats that begin in [from, to].
type allMinutes interface {
	Each(ctx context.Context, from, to int64, take func(topics.Minute)) error
}

// Each gives what is known of the minutes of all stats that begin in [from, to]; of one it
// may give several records, which are to be joined. What was rolled up late is left out.
func (m *minutes) Each(ctx context.Context, from, to int64, take func(topics.Minute)) error {
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	admin, err := m.topic.admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	until := time.Time{}
	if end := to + minuteSeconds + usualSettled; end < time.Now().Unix() {
		until = time.Unix(end, 0)
	}
	where, err := admin.Written(ctx, m.topic.topic, time.Unix(from, 0), until)
	if err != nil {
		return err
	}
	return admin.Read(ctx, m.topic.topic, where, func(r *kgo.Record) bool {
		for line := range bytes.Lines(r.Value) {
			if minute, err := topics.DecodeMinute(line); err == nil && from <= minute.Time && minute.Time <= to && minute.Version == m.store.VersionAt(minute.Stat, minute.Time) {
				take(minute)
			}
		}
		return true
	})
}

// usual says what is usual, and keeps what it said.
type usual struct {
	minutes allMinutes

	mu    sync.Mutex
	known map[int64]usualAnswer // by the seconds that they are of
	order []int64
}

// of is what is usual around a second.
func (u *usual) of(ctx context.Context, all []*stats.Stat, at int64) (usualAnswer, error) {
	at -= at % usualEvery
	u.mu.Lock()
	answer, ok := u.known[at]
	u.mu.Unlock()
	if ok {
		return answer, nil
	}
	from := at - usualBefore
	from -= from % minuteSeconds
	days := [usualDays]map[string]topics.Minutes{}
	for day := range days {
		back := int64(day+1) * 24 * 3600
		found := map[string]topics.Minutes{}
		if from > back {
			if err := u.minutes.Each(ctx, from-back, at+usualAfter-back, func(m topics.Minute) {
				of := found[m.Stat]
				if of == nil {
					of = topics.Minutes{}
					found[m.Stat] = of
				}
				joined := of[m.Time+back]
				joined.Join(m)
				of[m.Time+back] = joined
			}); err != nil {
				return usualAnswer{}, err
			}
		}
		days[day] = found
	}
	answer = usualAnswer{From: time.Unix(from, 0).UTC(), Days: usualDays, Stats: []usualStat{}}
	for _, st := range all {
		if one := usualOf(st, days[:], from, at+usualAfter); one.Days > 0 {
			answer.Stats = append(answer.Stats, one)
		}
	}
	u.keep(at, answer)
	return answer, nil
}

func (u *usual) keep(at int64, answer usualAnswer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := u.known[at]; ok {
		return
	}
	if u.known == nil {
		u.known = map[int64]usualAnswer{}
	}
	if u.order = append(u.order, at); len(u.order) > maxUsual {
		delete(u.known, u.order[0])
		u.order = u.order[1:]
	}
	u.known[at] = answer
}

// usualOf is what is usual of a stat in the minutes from one to another, as days before
// knew them. Of keys, which come and go, of histograms and of counts nothing is.
func usualOf(st *stats.Stat, days []map[string]topics.Minutes, from, to int64) usualStat {
	answer := usualStat{Stat: st.Name}
	if shape := st.Shape(); shape != value.ShapeNumber && shape != value.ShapeQuantiles {
		return answer
	}
	knew := make([]bool, len(days))
	for minute := from; minute <= to; minute += minuteSeconds {
		b := band{math.Inf(1), 0, math.Inf(-1)}
		var middles []float64
		for day, found := range days {
			m := found[st.Name][minute]
			low, some := greatest(m.Min)
			high, ok := greatest(m.Max)
			if !some || !ok || m.Seconds < leastSeconds {
				continue
			}
			knew[day] = true
			b.low, b.high = min(b.low, low), max(b.high, high)
			middles = append(middles, (low+high)/2)
		}
		if len(middles) == 0 {
			answer.Minutes = append(answer.Minutes, nil)
			continue
		}
		slices.Sort(middles)
		b.mid = (middles[(len(middles)-1)/2] + middles[len(middles)/2]) / 2
		answer.Minutes = append(answer.Minutes, &b)
	}
	for _, ok := range knew {
		if ok {
			answer.Days++
		}
	}
	return answer
}

// greatest is the number of a value: of quantiles that of the greatest one.
func greatest(text json.RawMessage) (number float64, ok bool) {
	v, err := value.Parse(text)
	if err != nil {
		return 0, false
	}
	for _, n := range value.Numbers(v) {
		if f := n.Float64(); !ok || f > number {
			number, ok = f, true
		}
	}
	return number, ok && !math.IsInf(number, 0)
}

// whatIsUsual answers with what is usual around the second ?at=.
func (s *Server) whatIsUsual(w http.ResponseWriter, r *http.Request) {
	at, err := second(r.URL.Query().Get("at"), s.store.Newest())
	if err != nil {
		http.Error(w, "at: "+err.Error(), http.StatusBadRequest)
		return
	}
	read, err := s.readers.read(r.Context(), fmt.Sprint("usual ", at-at%usualEvery), func(ctx context.Context) (any, error) {
		answer, err := s.usual.of(ctx, s.store.stats, at)
		if err != nil {
			return nil, err
		}
		return parcelOf(answer)
	})
	if s.refuseRead(w, "what is usual", "", err) {
		return
	}
	jsonHeader(w)
	s.send(w, r, read.(*parcel))
}
