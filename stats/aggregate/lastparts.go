package aggregate

import (
	"encoding/json"
	"strconv"

	"pulse/stats/fixed"
	"pulse/stats/line"
)

// LastSum is the sum of the newest number of each part that has one in the last
// expire seconds, by event time; null without any. Beyond the room that a second
// has for parts it is an estimate (see parts.go).
func LastSum(field line.Slot, by []line.Slot, expire int64) Kind {
	return newLastParts(field, by, expire, func(w *partsWindow) json.RawMessage {
		if w.exact() {
			return w.total().Append(nil)
		}
		return appendFloat(nil, w.estimate())
	})
}

// LastMean is the mean instead, rounded once to a float64.
func LastMean(field line.Slot, by []line.Slot, expire int64) Kind {
	return newLastParts(field, by, expire, func(w *partsWindow) json.RawMessage {
		if w.exact() {
			return appendFloat(nil, w.total().Div(w.count()))
		}
		return appendFloat(nil, w.estimate()/float64(w.count()))
	})
}

// LastCount is the number of parts instead, and 0 without any.
func LastCount(field line.Slot, by []line.Slot, expire int64) Kind {
	k := newLastParts(field, by, expire, func(w *partsWindow) json.RawMessage { return strconv.AppendUint(nil, w.count(), 10) })
	k.empty = json.RawMessage("0")
	return k
}

// LastMax is the greatest of the newest numbers instead.
func LastMax(field line.Slot, by []line.Slot, expire int64) Kind {
	return newLastParts(field, by, expire, func(w *partsWindow) json.RawMessage {
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
		return greatest.Append(nil)
	})
}

type lastParts struct {
	parts
	value func(w *partsWindow) json.RawMessage // of one part at least
	empty json.RawMessage                      // of none
}

func newLastParts(field line.Slot, by []line.Slot, expire int64, value func(*partsWindow) json.RawMessage) *lastParts {
	return &lastParts{parts{field: field, by: by, room: capacity(expire)}, value, null}
}

func (k *lastParts) NewPartial() Partial { return k.newPartial() }
func (k *lastParts) NewWindow() Window   { return &lastPartsWindow{k.newWindow(), k} }

type lastPartsWindow struct {
	*partsWindow
	kind *lastParts
}

func (w *lastPartsWindow) Value() json.RawMessage {
	if len(w.members) == 0 { // a second that leaves parts out keeps others
		return w.kind.empty
	}
	return w.kind.value(w.partsWindow)
}
