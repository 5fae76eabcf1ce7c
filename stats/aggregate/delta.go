package aggregate

import (
	"encoding/json"

	"pulse/stats/line"
)

// Delta is by how much a counter grew in the window, an exact decimal: of each
// part from its oldest number in the window to its newest, all parts together.
// A number less than the one before began anew at 0. Of the numbers of a second
// the newest counts. It is null where there are none; a part that a second left
// out did not grow then (see parts.go).
func Delta(field line.Slot, by []line.Slot, over int64) Kind {
	return &parts{field: field, by: by, room: capacity(over), value: func(w *partsWindow) json.RawMessage {
		if w.count() == 0 {
			return null
		}
		return w.growth.Append(nil)
	}}
}
