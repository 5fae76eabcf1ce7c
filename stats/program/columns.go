package program

import (
	"slices"

	"pulse/stats/aggregate"
	"pulse/stats/line"
)

// What stats take of a line is a number or a hash, and several stats may take the same. So
// these are gathered first, of many lines of one second, and each stat takes them all at
// once: in a loop that does nothing else.

// Bounds of what is gathered: of columns, and of what one has before stats take it.
const (
	maxColumns = 64
	batchLen   = 128
)

// batched is how lines can be gathered for a stat.
type batched uint8

const (
	byLine   batched = iota // they cannot
	byNumber                // by the numbers of its field
	byHash                  // by the hashes of its field
)

// A column is a field's numbers or hashes of lines that count for the same stats.
type column struct {
	slot  line.Slot
	as    batched
	stats []int32
}

// An entryColumn is the column in which something of an entry's lines is gathered.
type entryColumn struct {
	slot   uint16
	number uint8
	as     batched
}

// A batch is what is in a column: numbers or hashes in front, and behind, from the end on, the
// digits of numbers that are not read yet.
type batch struct {
	numbers, digits uint64
	lines           [batchLen]uint64
}

// A gathering finds the columns of an entry.
type gathering struct {
	folder *Folder
	all    []column
}

// add adds a stat that each line of the entry counts for. It reports false if its lines are not
// gathered.
func (g *gathering) add(stat int32) bool {
	p := g.folder.program
	as, slot := p.batched[stat], p.measured[stat]
	if as == byLine || slot == line.None {
		return false
	}
	for i := range g.all {
		if c := &g.all[i]; c.slot == slot && c.as == as {
			c.stats = append(c.stats, stat)
			return true
		}
	}
	if len(g.folder.columns)+len(g.all) >= maxColumns {
		return false
	}
	g.all = append(g.all, column{slot, as, []int32{stat}})
	return true
}

// columns gives the entry's columns, of which some may be new.
func (g *gathering) columns() []entryColumn {
	var columns []entryColumn
	for _, c := range g.all {
		number := slices.IndexFunc(g.folder.columns, func(known column) bool {
			return known.slot == c.slot && known.as == c.as && slices.Equal(known.stats, c.stats)
		})
		if number < 0 {
			number = len(g.folder.columns)
			g.folder.columns = append(g.folder.columns, c)
		}
		columns = append(columns, entryColumn{uint16(c.slot), uint8(number), c.as})
	}
	return columns
}

// gather puts a line of an entry into its columns.
func (f *Folder) gather(l *lane, columns []entryColumn, ev *line.Event) {
	for i := range columns {
		c := &columns[i]
		slot, number := line.Slot(c.slot), c.number%maxColumns
		b := l.batches[number]
		if b == nil {
			b = new(batch)
			l.batches[number] = b
		}
		l.gathered |= 1 << number
		if c.as == byHash {
			b.lines[b.numbers%batchLen] = ev.Hash(slot)
			b.numbers++
		} else if digits, ok := ev.Digits(slot); ok {
			b.lines[(batchLen-1-b.digits)%batchLen] = digits
			b.digits++
		} else if n, ok := ev.Number(slot); ok && n.Hi == 0 && n.Lo>>63 == 0 {
			b.lines[b.numbers%batchLen] = n.Lo
			b.numbers++
		} else {
			for _, stat := range f.columns[number].stats {
				f.foldInto(l.open, stat, ev)
			}
			continue
		}
		if b.numbers+b.digits == batchLen {
			f.drain(l, int(number))
		}
	}
}

// drain lets stats take what is in a column.
func (f *Folder) drain(l *lane, number int) {
	b := l.batches[number]
	digits := b.lines[batchLen-b.digits:]
	line.FromDigits(digits)
	lines := append(b.lines[:b.numbers], digits...)
	b.numbers, b.digits = 0, 0
	if len(lines) == 0 {
		return
	}
	for _, stat := range f.columns[number].stats {
		f.partialOf(l.open, stat).(aggregate.BatchFolder).FoldBatch(lines)
	}
}
