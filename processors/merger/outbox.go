package merger

import (
	"cmp"
	"slices"

	"pulse/processors"
	"pulse/stats"
	"pulse/topics"
)

// An outbox is what a partition has worked out and not emitted. While a merger catches up,
// seconds close, are amended and become final faster than anybody reads: of each point
// only what it has come to is emitted then, when no more records wait. Values and
// revisions are those of a merger that emits each at once; of revisions that nobody saw
// there is no record, and readers go by the highest one in any case.
type outbox struct {
	held     int   // bytes of the snapshots that tracks have due, about
	observed int64 // the seconds before it have been measured
	moved    bool  // other seconds are final than at the last release
	tabled   int   // bytes of the last record of the table
}

// Bounds on what is held back.
const (
	maxHeld      = 2 << 20 // bytes
	snapshotCost = 256     // bytes of a snapshot in memory, beside its value
)

// post notes a snapshot that is to be emitted, in the place of an earlier one of the
// same point. A clock that leaps makes very many at once, of which not all are held.
func (p *partition) post(t *track, s stats.Snapshot, emit processors.Emit) {
	p.held += snapshotCost + len(s.Value)
	i, found := t.dueAt(s.Time)
	if found && t.due[i].First() == s.First() {
		p.held -= snapshotCost + len(t.due[i].Value)
		t.due[i] = s
		return
	}
	for i < len(t.due) && t.due[i].Time == s.Time {
		i++
	}
	t.due = slices.Insert(t.due, i, s)
	if p.held >= maxHeld {
		p.emitDue(emit)
	}
}

// dueAt is where the first snapshot of a time is among those that are due, or would be, and
// whether there is one. Most are of the last few seconds.
func (t *track) dueAt(time int64) (int, bool) {
	i := len(t.due)
	for range 8 {
		if i == 0 || t.due[i-1].Time < time {
			return i, i < len(t.due) && t.due[i].Time == time
		}
		i--
	}
	return slices.BinarySearchFunc(t.due, time, func(d stats.Snapshot, time int64) int { return cmp.Compare(d.Time, time) })
}

// release emits what is held back. What it returns can be committed when that is
// acknowledged.
func (p *partition) release(emit processors.Emit) *topics.Commit {
	p.emitDue(emit)
	p.publishClocks(emit)
	if p.begun {
		if len(p.tracks) > 0 {
			p.observe(p.observed, p.next)
		}
		p.observed = p.next
		p.metrics.Closed[p.number].Store(p.next - 1)
	}
	if !p.moved {
		return nil
	}
	p.moved = false
	return p.commit()
}

// emitDue emits the snapshots that are due: each as a record of its own, and those that a
// page may show together in records of the table.
func (p *partition) emitDue(emit processors.Emit) {
	if p.held == 0 {
		return
	}
	newest := int64(0)
	for _, t := range p.tracks {
		if n := len(t.due); n > 0 {
			newest = max(newest, t.due[n-1].Time)
		}
	}
	table := tableRecords{size: p.tabled, emit: func(value []byte) {
		p.tabled = len(value)
		emit(p.table, p.key, value)
	}}
	var texts []byte // of many snapshots, so that each is not an allocation of its own
	for _, t := range p.tracks {
		for _, s := range t.due {
			if cap(texts)-len(texts) < snapshotCost+len(s.Value) {
				texts = make([]byte, 0, max(32<<10, snapshotCost+len(s.Value)))
			}
			begin := len(texts)
			texts = s.AppendJSON(texts)
			text := texts[begin:len(texts):len(texts)]
			emit(p.merged, t.name, text)
			if s.Time > newest-topics.TableSeconds {
				table.add(text)
			}
		}
		p.metrics.Snapshots.Add(int64(len(t.due)))
		clear(t.due)
		t.due = t.due[:0]
	}
	table.flush()
	p.held = 0
}

// tableRecords puts snapshots into records of the table: JSON arrays.
type tableRecords struct {
	emit  func(value []byte)
	size  int    // of a record, about
	value []byte // of the open one
	count int
}

func (r *tableRecords) add(snapshot []byte) {
	if r.count == topics.MaxTableSnapshots || r.count > 0 && len(r.value)+len(snapshot)+2 > topics.MaxPart {
		r.flush()
	}
	separator := byte(',')
	if r.count == 0 {
		separator = '['
		r.value = make([]byte, 0, max(r.size+r.size/8, len(snapshot)+2))
	}
	r.value = append(append(r.value, separator), snapshot...)
	r.count++
}

func (r *tableRecords) flush() {
	if r.count == 0 {
		return
	}
	r.emit(append(r.value, ']'))
	r.value, r.count = nil, 0
}
