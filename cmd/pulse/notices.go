package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"pulse/stats"
	"pulse/stats/condition"
	"pulse/stats/format"
	"pulse/stats/line"
	"pulse/stats/program"
)

// How many lines are looked through for the names of their fields, how many names
// are kept, how many warnings eval gives of stats, and how many stats one names.
const (
	sampledLines  = 1000
	maxNames      = 1000
	maxWarnings   = 10
	maxWarnedOf   = 5
	longestSample = 4096
)

// A namer is an evaluator that notes the names that fields may have in the first lines. A
// definitions file may have meant one of them.
type namer struct {
	evaluator
	lines   int
	names   map[string]bool
	unmet   []*format.Format // formats whose where no origin met so far
	origins map[line.Origin]bool
}

func newNamer(e evaluator, d *stats.Definitions) *namer {
	n := &namer{evaluator: e, names: map[string]bool{}, origins: map[line.Origin]bool{}}
	for _, f := range d.Formats {
		if f.Where != nil {
			n.unmet = append(n.unmet, f)
		}
	}
	return n
}

// from takes an origin of lines.
func (n *namer) from(o line.Origin) {
	if len(n.unmet) == 0 || n.origins[o] || len(n.origins) == maxNames {
		return
	}
	n.origins[o] = true
	fields := maps.Collect(o.Fields())
	n.unmet = slices.DeleteFunc(n.unmet, func(f *format.Format) bool { return condition.Holds(f.Where, fields) })
}

// Pack implements evaluator.
func (n *namer) Pack(p program.Pack) {
	for _, r := range p.Runs {
		n.from(r.From)
	}
	if len(p.Runs) == 0 {
		n.from("")
	}
	for l := range bytes.Lines(p.Lines) {
		if n.lines == sampledLines {
			break
		}
		n.lines++
		l = l[:min(len(l), longestSample)]
		for _, name := range line.Names(l) {
			own := name[strings.LastIndexByte(name, '.')+1:]
			if len(n.names) < maxNames && bytes.Contains(l, []byte(own)) { // formats have more
				n.names[name] = true
			}
		}
	}
	n.evaluator.Pack(p)
}

// warn says what the stats of a file lack.
func (n *namer) warn(log *slog.Logger, d *stats.Definitions) {
	for _, f := range n.unmet {
		if len(n.origins) < maxNames {
			log.Warn("the where of a format holds for no line, so that it read none: it asks for what an input says of its lines (docs/inputs.md), and files given to pulse eval have no input", "format", f.Name)
		}
	}
	notices := n.Notices()
	notices.Names = slices.Sorted(maps.Keys(n.names))
	notes := d.Notes(notices)
	var order []string
	of := map[string][]string{}
	for _, s := range d.Stats {
		for _, note := range notes[s.Name] {
			if of[note] == nil {
				order = append(order, note)
			}
			of[note] = append(of[note], s.Name)
		}
	}
	for i, note := range order {
		if i == maxWarnings {
			log.Warn("more of the kind are not shown", "more", len(order)-i)
			break
		}
		names := of[note]
		if more := len(names) - maxWarnedOf; more > 0 {
			names = append(names[:maxWarnedOf:maxWarnedOf], fmt.Sprintf("and %d more", more))
		}
		log.Warn(note, "stats", strings.Join(names, ", "))
	}
}
