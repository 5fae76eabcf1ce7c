package emit

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"pulse/stats"
)

// maxPoints bounds the points of one snapshot.
const maxPoints = 1000

// A Point is one number of a stat at a second.
type Point struct {
	Metric string      // the stat's name, and behind dots the keys of its value
	Value  json.Number // as the snapshot has it
	Time   int64       // Unix second
}

// AppendPoints appends the numbers of a snapshot. A value of several numbers, such as
// quantiles or numbers by key, is as many points; null is none.
func AppendPoints(points []Point, s stats.Snapshot) []Point {
	decoder := json.NewDecoder(bytes.NewReader(s.Value))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return points
	}
	most := len(points) + maxPoints
	var walk func(name string, value any)
	walk = func(name string, value any) {
		switch v := value.(type) {
		case json.Number:
			if len(points) < most {
				points = append(points, Point{name, v, s.Time})
			}
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				if key == "top" {
					walk(name, v[key])
				} else {
					walk(name+"."+part(key), v[key])
				}
			}
		case []any: // {"key":…,"value":…}, greatest first
			for _, entry := range v {
				if e, ok := entry.(map[string]any); ok {
					key, _ := e["key"].(string)
					walk(name+"."+part(key), e["value"])
				}
			}
		}
	}
	walk(s.Stat, value)
	return points
}

// part is a key as a part of a metric's name: dots are between parts.
func part(key string) string { return strings.ReplaceAll(key, ".", "_") }
