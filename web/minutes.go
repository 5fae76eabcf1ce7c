package web

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/topics"
)

// minuteSeconds is the length of a minute.
const minuteSeconds = 60

// rolledWithin is how long after its end a minute has been rolled up, at most
// times, in seconds. Where one is missing all that was written later is read.
const rolledWithin = 2 * 3600

// minutes reads the topic of minutes.
type minutes struct {
	topic topicReader
	store *Store
}

// Minutes reads what is known of a stat's minutes that begin in [from, to],
// ascending.
func (m *minutes) Minutes(ctx context.Context, stat string, from, to int64) ([]topics.Minute, error) {
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	found := topics.Minutes{}
	read := func(r *kgo.Record) bool {
		found.Take(r.Value, stat, func(minute topics.Minute) bool {
			return minute.Version == m.store.VersionAt(stat, minute.Time) && minute.Time >= from && minute.Time <= to
		})
		return true
	}
	admin, err := m.topic.admin()
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	where, err := admin.Written(ctx, m.topic.topic, time.Unix(from, 0), time.Time{})
	if err != nil {
		return nil, err
	}
	p := topics.Partition(stat, int32(len(where)))
	part := where[p]
	end := part.To
	if soon := to + rolledWithin; soon < time.Now().Unix() {
		until, err := admin.Written(ctx, m.topic.topic, time.Unix(from, 0), time.Unix(soon, 0))
		if err != nil {
			return nil, err
		}
		part.To = min(until[p].To, end)
	}
	if err := admin.Read(ctx, m.topic.topic, topics.Section{p: part}, read); err != nil {
		return nil, err
	}
	if int64(len(found)) < (to-from)/minuteSeconds && part.To < end {
		part.From, part.To = max(part.From, part.To), end
		if err := admin.Read(ctx, m.topic.topic, topics.Section{p: part}, read); err != nil {
			return nil, err
		}
	}
	all := make([]topics.Minute, 0, len(found))
	for _, t := range slices.Sorted(maps.Keys(found)) {
		all = append(all, found[t])
	}
	return all, nil
}
