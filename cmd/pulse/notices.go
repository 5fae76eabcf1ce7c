package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"pulse/stats"
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
	lines int
	names map[string]bool
}

// Pack implements evaluator.
func (n *namer) Pack(p program.Pack) {
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
			log.Warn(fmt.Sprintf("%d more of the kind are not shown", len(order)-i))
			break
		}
		names := of[note]
		if more := len(names) - maxWarnedOf; more > 0 {
			names = append(names[:maxWarnedOf:maxWarnedOf], fmt.Sprintf("and %d more", more))
		}
		log.Warn(note, "stats", strings.Join(names, ", "))
	}
}
