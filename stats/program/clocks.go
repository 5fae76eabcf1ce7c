package program

import (
	"unicode/utf8"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/fixed"
	"pulse/stats/line"
	"pulse/stats/timing"
)

// What is late, or ahead of its time, is told by whose it is: an ingester whose clock is not
// that of the others, or else the input and the host that a line is of.

// maxWhose bounds the bytes of the name of an input and of a host, so that a key has both.
const maxWhose = 40

// hostSlot is that of the only field of Program.hosts.
const hostSlot = line.Slot(0)

// A whose finds the hosts of lines. Only lines that are late or ahead are parsed by it,
// so that others cost nothing.
type whose struct {
	scanner *line.Scanner
	event   line.Event
	from    line.Origin // of input and sender, in which they are cut
	input   string
	sender  string
}

// isAhead notes of a line at b[start:end] that its time, a second, is more than
// timing.LineAhead ahead of its record.
func (f *Folder) isAhead(p *Pack, second int64, b []byte, start, end int) {
	if p.Ingester == "" {
		f.lineOff(p, second-p.Second, b, start, end)
	} else if ahead := second - p.Floor; ahead > timing.LineAhead {
		f.lineOff(p, ahead, b, start, end)
	} else {
		f.off(p, p.Second-p.Floor, p.Ingester, "", "") // the line is right, and its record too early
	}
}

// isLate notes that a line is late, which counts at a second.
func (f *Folder) isLate(p *Pack, second int64, b []byte, start, end int) {
	late := p.Floor - 1 - f.program.lateness
	switch {
	case p.Ingester == "":
	case p.Second <= late:
		f.off(p, p.Second-p.Floor, p.Ingester, "", "")
		return
	case p.Clock >= 0 && p.Second > p.Clock+timing.ClockAhead && second > p.Clock-1-f.program.lateness:
		f.off(p, p.Second-p.Clock, p.Ingester, "", "") // by the others' clocks the line is in time
		return
	}
	f.lineOff(p, second-p.Floor, b, start, end)
}

// lineOff notes a line that is so many seconds ahead.
func (f *Folder) lineOff(p *Pack, ahead int64, b []byte, start, end int) {
	w := &f.whose
	if w.from != f.runs.from {
		w.from, w.input, w.sender = f.runs.from, "", ""
		for key, value := range w.from.Fields() {
			switch key {
			case "input":
				w.input = value
			case "drain": // a source of the input
				w.input += " " + value
			case "pod", "remote", "file", "topic":
				w.sender = value
			}
		}
		w.input, w.sender = cut(w.input), cut(w.sender)
	}
	if w.scanner == nil {
		w.scanner = f.program.hosts.NewScanner()
	}
	w.scanner.From(w.from)
	w.scanner.Parse(&w.event, b, start, end)
	host := w.sender
	if w.event.Has(hostSlot) {
		if name := string(w.event.Bytes(hostSlot)); !isNothing([]byte(name)) && name != "host" { // which Heroku writes of all
			host = cut(name)
		}
	}
	f.off(p, ahead, "", w.input, host)
}

// off adds to OffClockStat how many seconds something is ahead, or, below zero, behind.
func (f *Folder) off(p *Pack, ahead int64, ingester, input, host string) {
	clock := stats.ClockAhead
	if ahead < 0 {
		clock, ahead = stats.ClockBehind, -ahead
	}
	f.key = aggregate.AppendKey(f.key[:0], clock, ingester, input, host)
	f.partialOf(f.at(p.Floor), f.program.internal[stats.SubjectClocks]).(aggregate.KeyObserver).ObserveOf(f.key, fixed.Int(ahead))
}

// cut shortens a name to its end, by which paths and hosts differ.
func cut(name string) string {
	if len(name) <= maxWhose {
		return name
	}
	name = name[len(name)-maxWhose:]
	for len(name) > 0 && !utf8.RuneStart(name[0]) {
		name = name[1:]
	}
	return "…" + name
}
