package status

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/value"
	"pulse/topics"
)

// Of which lines it is said which fields they have: those of the last hour, by the minutes
// that are rolled up. The newest minute's value of pulse.fields is of its 60 seconds, so that
// those of an hour's minutes add up.
const (
	fieldsOver   = time.Hour
	fieldsWithin = fieldsOver + 5*time.Minute // of which records are read
	minutesRead  = 10_000                     // records
)

// A Field says how many lines of the last hour had a field that the definitions name, as
// values of a type.
type Field struct {
	Field string `json:"field"`
	Type  string `json:"type"` // any where no condition compares the field
	Lines int64  `json:"lines"`
}

// fields reads the minutes of the last hour of pulse.fields.
func (o *observer) fields(ctx context.Context, seen *observation) error {
	topic := o.names.Minutes()
	written, err := o.admin.Written(ctx, topic, seen.now.Add(-fieldsWithin), time.Time{})
	if err != nil {
		return fmt.Errorf("cannot find the newest hour: %w", err)
	}
	p := topics.Partition(stats.FieldsStat, int32(len(written)))
	minutes := topics.Minutes{}
	err = o.admin.Read(ctx, topic, written.Of(p).Newest(minutesRead), func(r *kgo.Record) bool {
		minutes.Take(r.Value, stats.FieldsStat, func(m topics.Minute) bool { return m.Version == o.names.Version })
		return true
	})
	if err != nil || len(minutes) == 0 {
		return err
	}
	seen.hour = map[stats.TypedField]uint64{}
	from := slices.Max(slices.Collect(maps.Keys(minutes))) - int64(fieldsOver/time.Second)
	for _, m := range minutes {
		v, err := value.Parse(m.Last)
		if err != nil || m.Time <= from {
			continue
		}
		for field, lines := range stats.FieldsOf(v) {
			seen.hour[field] += lines
		}
	}
	return nil
}

// noticedFields gives how many lines had fields: of the last hour, or of the last minute if
// no minute has been rolled up.
func (o *observation) noticedFields() stats.Notices {
	v, err := value.Parse(o.points[stats.FieldsStat].Value)
	if err != nil {
		return stats.Notices{}
	}
	n := stats.NoticesOf(stats.SubjectFields, v)
	if n.Fields == nil || len(o.hour) == 0 {
		return n
	}
	n.When = " of the last hour"
	for field, lines := range o.hour {
		n.Fields[field.Name] += lines
	}
	return n
}

// fieldsOfHour lists the fields of the last hour, by name.
func (o *observation) fieldsOfHour() []Field {
	all := []Field{}
	for field, lines := range o.hour {
		all = append(all, Field{field.Name, field.Type, int64(lines)})
	}
	slices.SortFunc(all, func(a, b Field) int {
		return cmp.Or(strings.Compare(a.Field, b.Field), strings.Compare(a.Type, b.Type))
	})
	return all
}

// maxFields is how many fields people are shown.
const maxFields = 30

// textOfFields is what people read of fields: which share of the hour's lines has each.
func (s *Status) textOfFields() string {
	var lines int64
	for _, f := range s.Fields {
		if f.Field == stats.EveryLine {
			lines = f.Lines
		}
	}
	var parts []string
	for _, f := range s.Fields {
		if f.Field == stats.EveryLine || lines == 0 {
			continue
		}
		part := f.Field + " " + percent(f.Lines, lines)
		if f.Type != "any" {
			part += " (" + f.Type + ")"
		}
		parts = append(parts, part)
	}
	if more := len(parts) - maxFields; more > 0 {
		parts = append(parts[:maxFields], fmt.Sprintf("and %d more", more))
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("\nfields in the %s lines of the last hour: %s\n", thousands(lines), strings.Join(parts, ", "))
}
