package aggregate

import (
	"encoding/json"
	"strconv"

	"pulse/stats/fixed"
	"pulse/stats/line"
)

// LastSum is the sum of the newest number of each part that has one in the last
// expire seconds, by event time; null without any. Each line of a part that a
// second left out counts as a part of its own, so that a stream of new parts has
// exact totals (see parts.go).
func LastSum(field line.Slot, by []line.Slot, expire int64) Kind {
	return lastParts(field, by, expire, func(w *partsWindow) json.RawMessage {
		return w.total().Append(nil)
	})
}

// LastMean is the mean instead, rounded once to a float64.
func LastMean(field line.Slot, by []line.Slot, expire int64) Kind {
	return lastParts(field, by, expire, func(w *partsWindow) json.RawMessage {
		return appendFloat(nil, w.total().Div(w.count()))
	})
}

// LastCount is the number of parts instead, and 0 without any.
func LastCount(field line.Slot, by []line.Slot, expire int64) Kind {
	k := lastParts(field, by, expire, nil)
	k.value = func(w *partsWindow) json.RawMessage { return strconv.AppendUint(nil, w.count(), 10) }
	return k
}

// LastMax is the greatest of the newest numbers instead.
func LastMax(field line.Slot, by []line.Slot, expire int64) Kind {
	return lastParts(field, by, expire, func(w *partsWindow) json.RawMessage {
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

// lastParts is the kind of a value that is null without parts.
func lastParts(field line.Slot, by []line.Slot, expire int64, value func(*partsWindow) json.RawMessage) *parts {
	return &parts{field: field, by: by, room: capacity(expire), value: func(w *partsWindow) json.RawMessage {
		if w.count() == 0 {
			return null
		}
		return value(w)
	}}
}
