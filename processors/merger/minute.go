package merger

import (
	"pulse/processors"
	"pulse/topics"
)

// Values for quantiles are in no snapshot, so that who rolls up minutes from these
// cannot have a minute's quantiles. The merger has the numbers: it joins those of
// each second that is complete, and emits a digest of them when all seconds of
// the minute are.
//
// The seconds of the open minute are among those that are kept. So a restarted
// merger joins them again, and what it emits has the same bytes.

const minuteSeconds = 60

// minuteOf is when the minute of a second begins.
func minuteOf(second int64) int64 { return second - second%minuteSeconds }

// endMinutes emits the digests of the open minute if second is after it, and opens
// the minute of second.
func (p *partition) endMinutes(second int64, emit processors.Emit) {
	minute := minuteOf(second)
	if minute <= p.minute {
		return
	}
	for _, t := range p.tracks {
		if t.minute == nil {
			continue
		}
		digest, numbers := t.minute.Digest()
		if numbers == 0 {
			continue
		}
		m := topics.Minute{Stat: t.name, Version: p.version, Time: p.minute, Numbers: numbers, Digest: digest}
		if line, err := topics.AppendMinute(nil, m); err == nil { // it has no value that could be wrong
			emit(p.minutes, t.name, line)
		}
	}
	p.minute = minute
}
