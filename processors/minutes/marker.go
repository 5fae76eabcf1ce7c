package minutes

import (
	"pulse/stats"
	"pulse/stats/mark"
	"pulse/topics"
)

// A marker finds what a stat of marks marks: of each minute the first, and how many more
// there are. A successor that reads a minute again from its beginning finds the same.
type marker struct {
	stat   *stats.Stat
	minute int64
	last   int64 // the last second that was told
	told   int   // marks of the minute
}

// add tells what the seconds of a final snapshot mark.
func (m *marker) add(p stats.Snapshot, tell func(topics.MarkRecord)) {
	for one := range p.Seconds(max(p.First(), p.Time-maxRun, m.last+1), p.Time) {
		if one.Time <= m.last {
			return // it came before
		}
		m.last = one.Time
		marks, more, err := m.stat.Marks(one)
		if err != nil || len(marks) == 0 && more == 0 {
			continue
		}
		if minute := one.Time - one.Time%minuteSeconds; minute != m.minute {
			m.minute, m.told = minute, 0
		}
		room := min(len(marks), mark.MaxMinute-m.told)
		for _, one := range marks[:room] {
			tell(topics.MarkRecord{Mark: one})
		}
		m.told += room
		if more += uint64(len(marks) - room); more > 0 {
			tell(topics.MarkRecord{Mark: mark.Mark{Time: one.Time, Name: m.stat.Mark.Name}, More: more})
		}
	}
}
