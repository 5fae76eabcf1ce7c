package stats

import (
	"fmt"
	"strings"

	"pulse/stats/value"
)

// OffClockStat is the name of the internal stat that tells by how much lines are late or
// ahead, and whose they are. Of its keys the first part is ClockAhead or ClockBehind.
const (
	OffClockStat = "pulse.off-clock"
	ClockAhead   = "ahead"
	ClockBehind  = "behind"
)

// An OffClock is a key of OffClockStat: an ingester whose clock is off, or the input and
// host of lines whose times are.
type OffClock struct {
	Clock    string  `json:"clock"` // ClockAhead or ClockBehind
	Seconds  float64 `json:"seconds"`
	Ingester string  `json:"ingester,omitempty"`
	Input    string  `json:"input,omitempty"`
	Host     string  `json:"host,omitempty"` // or what else is known of who sent the lines
}

// OffClocksOf gives those of a value of OffClockStat.
func OffClocksOf(v value.Value) []OffClock {
	keyed, ok := v.(*value.Keyed)
	if !ok {
		return nil
	}
	var all []OffClock
	for _, k := range keyed.Top {
		parts := splitKey(k.Key)
		seconds, ok := k.Value.(value.Number)
		if len(parts) == 4 && ok {
			all = append(all, OffClock{parts[0], seconds.Float64(), parts[1], parts[2], parts[3]})
		}
	}
	return all
}

// splitKey gives the texts that the text of a key of several fields is made of: a comma of
// one of them has a backslash before it, and backslashes before a comma are doubled.
func splitKey(text string) []string {
	parts := []string{""}
	add := func(s string) { parts[len(parts)-1] += s }
	for {
		comma := strings.IndexByte(text, ',')
		if comma < 0 {
			add(text)
			return parts
		}
		before := strings.TrimRight(text[:comma], `\`)
		slashes := comma - len(before)
		add(before + strings.Repeat(`\`, slashes/2))
		if slashes%2 == 1 {
			add(",")
		} else {
			parts = append(parts, "")
		}
		text = text[comma+1:]
	}
}

func (o OffClock) String() string {
	who := o.Host
	switch {
	case o.Ingester != "":
		who = "ingester " + o.Ingester
	case o.Host != "" && o.Input != "":
		who = fmt.Sprintf("%s (%s)", o.Host, o.Input)
	case o.Input != "":
		who = "input " + o.Input
	case o.Host == "":
		who = "an input"
	}
	return fmt.Sprintf("%s %g s %s", who, o.Seconds, o.Clock)
}
