package aggregate

import (
	"pulse/stats/fixed"
	"pulse/stats/line"
	"pulse/stats/value"
)

// LastSum is the sum of the newest number of each part that has one in the last
// expire seconds, by event time; null without any. Beyond the room that a second
// has for parts it is an estimate (see parts.go).
func LastSum(field line.Slot, by []line.Slot, expire int64) Kind {
	return newLastParts(field, by, expire, func(w *partsWindow) value.Value {
		if w.exact() {
			return decimal(w.total())
		}
		return value.Float(w.estimate())
	})
}

// LastMean is the mean instead, rounded once to a float64.
func LastMean(field line.Slot, by []line.Slot, expire int64) Kind {
	return newLastParts(field, by, expire, func(w *partsWindow) value.Value {
		if w.exact() {
			return value.Float(w.total().Div(w.count()))
		}
		return value.Float(w.estimate() / float64(w.count()))
	})
}

// LastCount is the number of parts instead, and 0 without any.
func LastCount(field line.Slot, by []line.Slot, expire int64) Kind {
	k := newLastParts(field, by, expire, func(w *partsWindow) value.Value { return value.Count(w.count()) })
	k.empty = value.Number("0")
	return k
}

// LastMax is the greatest of the newest numbers instead.
func LastMax(field line.Slot, by []line.Slot, expire int64) Kind {
	return newLastParts(field, by, expire, func(w *partsWindow) value.Value {
		var greatest fixed.Number
		first := true
		meet := func(n fixed.Number) {
			if first || n.Cmp(greatest) > 0 {
				greatest, first = n, false
			}
		}
		for _, m := range w.members {
			meet(m.readings.newest().number)
		}
		for _, s := range w.leaving {
			meet(s.out.greatest)
		}
		return decimal(greatest)
	})
}

type lastParts struct {
	parts
	of    func(w *partsWindow) value.Value // of one part at least
	empty value.Value                      // of none
}

func newLastParts(field line.Slot, by []line.Slot, expire int64, of func(*partsWindow) value.Value) *lastParts {
	return &lastParts{parts{field: field, by: by, room: capacity(expire)}, of, nil}
}

func (k *lastParts) NewPartial() Partial { return k.newPartial() }
func (k *lastParts) NewWindow() Window   { return &lastPartsWindow{k.newWindow(), k} }

type lastPartsWindow struct {
	*partsWindow
	kind *lastParts
}

func (w *lastPartsWindow) Value() value.Value {
	if len(w.members) == 0 { // a second that leaves parts out keeps others
		return w.kind.empty
	}
	return w.kind.of(w.partsWindow)
}
