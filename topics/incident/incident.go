// Package incident keeps an interval of the log for good: the raw records that the numbers of
// its seconds are made of, the clocks and definitions by which they are, and the numbers
// themselves, each incident in a topic of its own without retention.
package incident

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/timing"
	"pulse/topics"
	"pulse/topics/retry"
)

// Partitions of an incident's topic.
const (
	aboutPartition  = iota // what it is: a Manifest, notes, and an ending when it is whole
	pointsPartition        // final snapshots as JSON lines, those of a second in a record of its time
	rawPartition           // raw records, from each source partition in their order
	partitions
)

// Keys of the records of aboutPartition.
const (
	keyManifest = "incident"
	keyEnding   = "whole"
	keyNote     = "note"
)

// Bounds of an incident.
const (
	MaxSeconds = 6 * 3600 // from its first second to its last
	MaxName    = 80       // bytes
	MaxNote    = 4 << 10
	before     = 300 // seconds before the first that are kept too: what a page shows
)

// A Manifest says what an incident is, and how its numbers follow from its records.
type Manifest struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	From    int64  `json:"from"`  // the first second, Unix time
	To      int64  `json:"to"`    // the last one
	First   int64  `json:"first"` // the first second that has points: some before From
	Saved   int64  `json:"saved"` // when
	Version string `json:"definitions"`

	Source     stats.Source       `json:"source"`     // the definitions
	Partitions int                `json:"partitions"` // of the log
	Savepoints []topics.Savepoint `json:"savepoints"` // behind which the records begin; none: at the log's beginning
}

// An ending says that an incident is whole, and how much it has.
type ending struct {
	Records int64 `json:"records"`
	Bytes   int64 `json:"bytes"` // of lines
	Points  int64 `json:"points"`
}

// An Incident is one that was saved.
type Incident struct {
	Manifest
	Note  string
	Whole bool // else it is being saved, or who saved it has died
	ending
}

// ErrUnknown is in the error about an incident that there is not.
var ErrUnknown = errors.New("there is no such incident")

// ErrExists is in the error about an incident that there is already.
var ErrExists = errors.New("there is an incident of that name and first second already: choose another name, or delete it")

// A GoneError says that retention has taken some of the log that an incident needs.
type GoneError struct {
	From int64 // the first second that can still be saved; 0: none can
}

func (e *GoneError) Error() string {
	if e.From == 0 {
		return "the log is too young, or no longer there: nothing of that time can be saved exactly"
	}
	return fmt.Sprintf("Kafka's retention has taken some of the log that these seconds are made of: there is log from %s on", utc(e.From))
}

// A SoonError says that an incident's last second is not final yet.
type SoonError struct{ To int64 }

func (e *SoonError) Error() string {
	return fmt.Sprintf("%s is not final yet: choose an earlier end, or try again in some seconds", utc(e.To))
}

func utc(second int64) string { return time.Unix(second, 0).UTC().Format(time.RFC3339) }

var notInID = regexp.MustCompile(`[^a-z0-9]+`)

// idOf makes of a name and the first second what names the topic.
func idOf(name string, from int64) string {
	id := strings.Trim(notInID.ReplaceAllString(strings.ToLower(name), "-"), "-")
	id = strings.Trim(id[:min(len(id), 40)], "-")
	return cmp.Or(id, "incident") + time.Unix(from, 0).UTC().Format("-20060102-150405")
}

var validID = regexp.MustCompile(`^[a-z0-9-]{1,60}$`)

// topic is that of an incident, if there can be one.
func topic(n topics.Names, id string) (string, error) {
	if !validID.MatchString(id) {
		return "", fmt.Errorf("%w: %.80q has other characters than a to z, digits and dashes", ErrUnknown, id)
	}
	return n.Incidents() + id, nil
}

// List gives all incidents under a prefix, the newest first.
func List(ctx context.Context, admin *topics.Admin, n topics.Names) ([]Incident, error) {
	all, err := admin.ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	found := []Incident{}
	for _, name := range all.Names() {
		id, is := strings.CutPrefix(name, n.Incidents())
		if !is || all[name].Err != nil || !validID.MatchString(id) {
			continue
		}
		one, err := Get(ctx, admin, n, id)
		if errors.Is(err, ErrUnknown) {
			continue // it was deleted meanwhile, or is another's
		}
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	slices.SortFunc(found, func(a, b Incident) int { return cmp.Or(cmp.Compare(b.From, a.From), cmp.Compare(a.ID, b.ID)) })
	return found, nil
}

// Get gives one incident.
func Get(ctx context.Context, admin *topics.Admin, n topics.Names, id string) (Incident, error) {
	name, err := topic(n, id)
	if err != nil {
		return Incident{}, err
	}
	there, err := admin.ListTopics(ctx, name)
	if err != nil {
		return Incident{}, err
	}
	if err := there[name].Err; err != nil || len(there[name].Partitions) != partitions {
		return Incident{}, fmt.Errorf("%w: %s", ErrUnknown, id)
	}
	section, err := admin.Readable(ctx, name)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return Incident{}, fmt.Errorf("%w: %s", ErrUnknown, id) // it was deleted just now
	}
	if err != nil {
		return Incident{}, err
	}
	var one Incident
	var bad error
	err = admin.Read(ctx, name, section.Of(aboutPartition), func(r *kgo.Record) bool {
		switch string(r.Key) {
		case keyManifest:
			bad = json.Unmarshal(r.Value, &one.Manifest)
		case keyEnding:
			bad, one.Whole = json.Unmarshal(r.Value, &one.ending), true
		case keyNote:
			one.Note = string(r.Value)
		}
		return bad == nil
	})
	if err = errors.Join(err, bad); err != nil {
		return Incident{}, fmt.Errorf("cannot read the incident %s: %w", id, err)
	}
	one.ID = id
	return one, nil
}

// Annotate replaces an incident's note.
func Annotate(ctx context.Context, c topics.Cluster, n topics.Names, id, note string) error {
	if len(note) > MaxNote {
		return fmt.Errorf("the note has %d bytes, at most %d are kept", len(note), MaxNote)
	}
	name, err := existing(ctx, c, n, id)
	if err != nil {
		return err
	}
	w, err := newWriter(c, name)
	if err != nil {
		return err
	}
	w.put(aboutPartition, keyNote, []byte(note))
	return w.close(ctx)
}

// existing is the topic of an incident that there is.
func existing(ctx context.Context, c topics.Cluster, n topics.Names, id string) (string, error) {
	admin, err := c.Admin()
	if err != nil {
		return "", err
	}
	defer admin.Close()
	if _, err := Get(ctx, admin, n, id); err != nil {
		return "", err
	}
	return topic(n, id)
}

// Delete deletes an incident for good.
func Delete(ctx context.Context, admin *topics.Admin, n topics.Names, id string) error {
	name, err := topic(n, id)
	if err != nil {
		return err
	}
	answer, err := admin.DeleteTopic(ctx, name)
	if err == nil {
		err = answer.Err
	}
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("%w: %s", ErrUnknown, id)
	}
	// A broker answers before it has deleted anything.
	for start := time.Now(); err == nil && time.Since(start) < goneWithin; {
		there, listed := admin.ListTopics(ctx, name)
		if listed != nil || there[name].Err != nil {
			break
		}
		err = retry.Wait(ctx, 50*time.Millisecond)
	}
	return err
}

// goneWithin is how long a topic that was deleted may take to be gone.
const goneWithin = 5 * time.Second

// create makes an incident's topic.
func create(ctx context.Context, admin *topics.Admin, name string) error {
	_, err := admin.CreateTopic(ctx, partitions, -1, map[string]*string{
		"cleanup.policy": kadm.StringPtr("delete"), "retention.ms": kadm.StringPtr("-1"), "retention.bytes": kadm.StringPtr("-1"),
		"message.timestamp.type": kadm.StringPtr("CreateTime"), // the log's own
	}, name)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return ErrExists
	}
	return err
}

// Points calls do with the final snapshots of the seconds [from, to], as JSON lines, oldest
// first, until it returns false. Of those of several seconds some may be beyond.
func Points(ctx context.Context, admin *topics.Admin, n topics.Names, id string, from, to int64, do func(lines []byte) bool) error {
	name, err := topic(n, id)
	if err != nil {
		return err
	}
	// The last of several seconds is the record's.
	s, err := admin.Written(ctx, name, time.Unix(from, 0), time.Time{})
	if err != nil {
		return err
	}
	last := int64(timing.LastSecond)
	return admin.Read(ctx, name, s.Of(pointsPartition), func(r *kgo.Record) bool {
		second := r.Timestamp.Unix()
		if second < from {
			return true
		}
		if second > last {
			return false
		}
		if second >= to {
			last = second
		}
		return do(r.Value)
	})
}

// Log opens what an incident keeps of the log, to be read by the seconds at which lines
// count: all of them from WholeFrom to its last second.
func Log(ctx context.Context, admin *topics.Admin, n topics.Names, id string, lateness int64) (*topics.RawLog, error) {
	name, err := topic(n, id)
	if err != nil {
		return nil, err
	}
	return admin.RawCopy(ctx, name, rawPartition, lateness)
}

// WholeFrom is the first second at which all lines count that the log had: as many before
// First as the longest window of the definitions, up to a day, has.
func (m *Manifest) WholeFrom(d *stats.Definitions) int64 {
	return max(0, m.First-int64(topics.Window(d)/time.Second)+1)
}

// Beginnings are the savepoints behind which the raw records begin; nil: they begin with the log.
func (m *Manifest) Beginnings() (all []topics.Beginning, err error) {
	for _, w := range m.Savepoints {
		b, err := w.Beginning()
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}
