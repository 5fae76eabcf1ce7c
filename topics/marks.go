package topics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats/mark"
	"pulse/stats/timing"
)

// Marks is the topic of what stands on the charts: of marks from lines those that are
// final, by those who roll minutes up, and those that people made.
func (n Names) Marks() string { return n.Prefix + "stats.marks" }

const (
	maxMarkName = 200
	maxMarkLink = 4 << 10 // a text's bytes may be three characters each in a link
)

// A MarkRecord is a record of Marks: a mark, or how many more there were of its second and
// name than are told.
type MarkRecord struct {
	mark.Mark
	More uint64 // not 0: there is no mark, but so many that were not told
}

type markJSON struct {
	Time  time.Time `json:"time"`
	Name  string    `json:"name"`
	Text  string    `json:"text,omitempty"`
	Link  string    `json:"link,omitempty"`
	Lines uint64    `json:"lines,omitempty"`
	More  uint64    `json:"more,omitempty"`
}

// Record is the record as Kafka has it, of the first partition, since marks are few. It is
// the same for the same mark.
func (m MarkRecord) Record(topic string) *kgo.Record {
	value, _ := json.Marshal(markJSON{time.Unix(m.Time, 0).UTC(), m.Name, m.Text, m.Link, m.Lines, m.More}) // texts and numbers
	return &kgo.Record{Topic: topic, Partition: 0, Key: []byte(m.Name), Value: value}
}

// DecodeMark reads what Record made.
func DecodeMark(value []byte) (MarkRecord, error) {
	var j markJSON
	if err := json.Unmarshal(value, &j); err != nil {
		return MarkRecord{}, fmt.Errorf("mark: %w", err)
	}
	m := MarkRecord{mark.Mark{Time: j.Time.Unix(), Name: j.Name, Text: j.Text, Link: j.Link, Lines: j.Lines}, j.More}
	return m, CheckMark(m.Mark)
}

// markedAhead is how far a mark may be ahead of when Kafka got it: people may set one a day
// ahead, by a clock of their own.
const markedAhead = 2 * timing.PointAhead

// MarkOf reads a record of Marks. A mark that is further ahead would outlive all others.
func MarkOf(r *kgo.Record) (MarkRecord, error) {
	m, err := DecodeMark(r.Value)
	if err == nil && m.Time > r.Timestamp.Unix()+markedAhead {
		err = errors.New("the mark is days ahead of its record")
	}
	return m, err
}

// CheckMark says what is wrong with a mark.
func CheckMark(m mark.Mark) error {
	switch {
	case m.Time <= 0 || m.Time > timing.LastSecond:
		return errors.New("the mark's time is before 1970 or too late")
	case m.Name == "" || len(m.Name) > maxMarkName || strings.ContainsFunc(m.Name, unprintable):
		return fmt.Errorf("the mark's name must have 1 to %d bytes, all of them printable", maxMarkName)
	case len(m.Text) > mark.MaxText:
		return fmt.Errorf("the mark's text has %d bytes, at most %d are kept", len(m.Text), mark.MaxText)
	case !utf8.ValidString(m.Text):
		return errors.New("the mark's text is not UTF-8")
	case len(m.Link) > maxMarkLink:
		return fmt.Errorf("the mark's link has %d bytes, at most %d are allowed", len(m.Link), maxMarkLink)
	case m.Link != "" && !strings.HasPrefix(m.Link, "https://") && !strings.HasPrefix(m.Link, "http://"):
		return fmt.Errorf("the mark's link must begin with https:// or http://, not %.40q", m.Link)
	}
	return nil
}

func unprintable(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }

// PutMark writes a mark that somebody made, and returns when it is kept.
func (c Cluster) PutMark(ctx context.Context, n Names, m mark.Mark) error {
	if err := CheckMark(m); err != nil {
		return err
	}
	client, err := kgo.NewClient(append(c.ClientOptions("pulse-mark"), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		return err
	}
	defer client.Close()
	err = client.ProduceSync(ctx, MarkRecord{Mark: m}.Record(n.Marks())).FirstErr()
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("the topic %s does not exist: create it with `pulse topics --create`", n.Marks())
	case err != nil:
		return fmt.Errorf("cannot write the mark to %s: %w", n.Marks(), err)
	}
	return nil
}
