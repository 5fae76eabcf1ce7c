// Package mark has what stands on the charts at a second: a deploy, a failover, a switch
// that was turned. Marks come from lines, as the values of stats, and from people.
package mark

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"pulse/stats/value"
)

const (
	// MaxMinute is how many marks of a minute are shown; the others are counted.
	MaxMinute = 100
	// MaxText is how many bytes of a text a mark keeps.
	MaxText = 200
	// textIn stands in a link for the text of a mark.
	textIn = "{text}"
)

// A Mark is something that happened at a second. It is identified by its time, name and
// text: what is told twice is there once.
type Mark struct {
	Time  int64  // Unix time
	Name  string // what kind of thing: deploy
	Text  string // which one: v142; may be empty
	Link  string // where it leads; "" if nowhere
	Lines uint64 // that say so; 0 of marks that people made
}

// MarshalJSON writes a mark as the API has it.
func (m Mark) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Time  time.Time `json:"time"`
		Name  string    `json:"name"`
		Text  string    `json:"text,omitempty"`
		Link  string    `json:"link,omitempty"`
		Lines uint64    `json:"lines,omitempty"`
	}{time.Unix(m.Time, 0).UTC(), m.Name, m.Text, m.Link, m.Lines})
}

// Size is about how many bytes a mark has as JSON.
func (m Mark) Size() int { return 128 + len(m.Name) + len(m.Text) + len(m.Link) }

// compare orders marks by their time, name and text.
func compare(a, b Mark) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), strings.Compare(a.Name, b.Name), strings.Compare(a.Text, b.Text))
}

// A Kind is how lines become marks of a name.
type Kind struct {
	Name string
	Link string // in which {text} stands for the text of a mark
}

// Of gives the marks of a second whose value is that of the kind's stat, in their order,
// and how many more there are that the value has no room for.
func (k Kind) Of(second int64, v value.Value) (marks []Mark, more uint64) {
	add := func(text string, lines value.Value) {
		n, _ := lines.(value.Number)
		if count, err := strconv.ParseUint(string(n), 10, 64); err == nil && count > 0 {
			marks = append(marks, k.mark(second, text, count))
		}
	}
	switch v := v.(type) {
	case *value.Keyed:
		for _, key := range v.Top {
			add(key.Key, key.Value)
		}
		more = v.Distinct - min(v.Distinct, uint64(len(v.Top)))
	case value.Number:
		add("", v)
	}
	slices.SortFunc(marks, compare)
	return marks, more
}

func (k Kind) mark(second int64, text string, lines uint64) Mark {
	text = Cut(text)
	return Mark{Time: second, Name: k.Name, Text: text, Link: strings.ReplaceAll(k.Link, textIn, url.PathEscape(text)), Lines: lines}
}

// Cut gives as much of a text as a mark keeps, whole characters.
func Cut(text string) string {
	if len(text) <= MaxText {
		return text
	}
	return strings.ToValidUTF8(text[:MaxText], "")
}
