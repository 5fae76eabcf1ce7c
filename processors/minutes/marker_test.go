package minutes

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/mark"
	"pulse/topics"
)

// What is marked is told once it is final, a hundred of a minute, and of the others how
// many; and whoever reads the records again from the beginning of an open minute tells
// the same, so that a set has each once.
func TestMarksOfMinutes(t *testing.T) {
	deploys := &stats.Stat{Name: "marks.deploy", Kind: "count", Window: 1, GroupBy: []string{"version"}, Top: 100, Mark: &mark.Kind{Name: "deploy", Link: "https://ci/{text}"}}
	d := &stats.Definitions{Stats: []*stats.Stat{deploys}}
	var log []*kgo.Record
	point := func(second int64, final bool, texts ...string) {
		value := `{"top":[`
		for i, text := range texts {
			if i > 0 {
				value += ","
			}
			value += fmt.Sprintf(`{"key":%q,"value":1}`, text)
		}
		value += fmt.Sprintf(`],"other":0,"distinct":%d}`, len(texts))
		p := stats.Snapshot{Stat: "marks.deploy", Time: second, Value: json.RawMessage(value), Final: final, Version: d.Version()}
		log = append(log, &kgo.Record{Offset: int64(len(log)), Value: p.AppendJSON(nil), Timestamp: time.Unix(second, 0)})
	}
	for second := int64(600); second < 800; second++ {
		var texts []string
		switch {
		case second == 605, second == 730:
			texts = []string{"v2", "v1"}
		case second >= 660 && second < 690:
			for i := range 7 {
				texts = append(texts, fmt.Sprint("flap ", second, " ", i))
			}
		}
		point(second, false, "not final")
		point(second, true, texts...)
	}

	var whole, again mark.Set
	read := func(into *mark.Set, r *roller, records []*kgo.Record) {
		for _, record := range records {
			r.add(record, func(topics.Minute) {}, func(m topics.MarkRecord) {
				decoded, err := topics.DecodeMark(m.Record("").Value)
				if err != nil || decoded != m {
					t.Fatalf("%+v comes back as %+v: %v", m, decoded, err)
				}
				if m.More > 0 {
					into.More(m.Time, m.Name, m.More)
				} else {
					into.Add(m.Mark)
				}
			})
		}
	}
	read(&whole, newRoller(d.All(), d.Version()), log)
	for at := 0; at < len(log); {
		r, end := newRoller(d.All(), d.Version()), min(at+150, len(log)) // a minute has 120
		read(&again, r, log[at:end])
		at = int(r.needed())
		if end == len(log) {
			break
		}
	}
	want, wantMore := whole.Between(0, 1000)
	if len(want) != 2+100+2 || wantMore != 110 || want[0] != (mark.Mark{Time: 605, Name: "deploy", Text: "v1", Link: "https://ci/v1", Lines: 1}) {
		t.Errorf("there are %d marks, the first %+v, and %d more", len(want), want[0], wantMore)
	}
	if got, more := again.Between(0, 1000); !reflect.DeepEqual(got, want) || more != wantMore {
		t.Errorf("with restarts there are %d marks and %d more, want %d and %d", len(got), more, len(want), wantMore)
	}
}

// FuzzDecodeMark: bytes become a mark that fits, or an error.
func FuzzDecodeMark(f *testing.F) {
	f.Add(topics.MarkRecord{Mark: mark.Mark{Time: 7, Name: "deploy", Text: "v1"}}.Record("").Value)
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := topics.DecodeMark(data); err == nil && topics.CheckMark(m.Mark) != nil {
			t.Errorf("%q is the mark %+v", data, m)
		}
	})
}
