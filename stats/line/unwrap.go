package line

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// UnwrapField is the field of an Origin that names the envelope of its lines, with which
// shippers write them: json:FIELD for the text of a member of JSON, with dots for one
// within objects. Those of container runtimes and of journald are recognized without it.
const UnwrapField = "unwrap"

const jsonEnvelope = "json:"

// CheckUnwrap fails unless UnwrapField can have the value, and says which it can.
func CheckUnwrap(value string) error {
	switch field, isJSON := strings.CutPrefix(value, jsonEnvelope); {
	case isJSON && field != "", value == "cri", value == "docker", value == "journald":
		return nil
	}
	return fmt.Errorf("there is no envelope %.40q: write json:FIELD, as json:message; cri, docker and journald are recognized without it", value)
}

// unwrappedMember is the member that UnwrapField names; empty if none.
func unwrappedMember(value string) string {
	if field, isJSON := strings.CutPrefix(value, jsonEnvelope); isJSON {
		return field
	}
	return ""
}

// textMember finds the text of a member of the valid JSON object at i.
func textMember(b []byte, i int, name string) (text span, escaped, found bool) {
	for b[spaces(b, i+1)] == '"' {
		first := spaces(b, i+1) + 1
		end, _ := closingQuote(b, first, len(b))
		length := end - first
		begins := length <= len(name) && name[:length] == string(b[first:end])
		i = spaces(b, spaces(b, end+1)+1) // after the colon
		switch b[i] {
		case '"':
			first = i + 1
			i, escaped = closingQuote(b, first, len(b))
			if begins && length == len(name) {
				return span{first, i}, escaped, true
			}
			i++
		case '{', '[':
			if b[i] == '{' && begins && length < len(name) && name[length] == '.' {
				if text, escaped, found = textMember(b, i, name[length+1:]); found {
					return text, escaped, true
				}
			}
			i = skipNested(b, i, len(b))
		default:
			i = scalar(b, i)
		}
		if i = spaces(b, i); b[i] != ',' {
			break
		}
	}
	return span{}, false, false
}

// A Member is where the text of a member of JSON is, in a line; its End is -1 if there is
// none.
type Member struct{ Start, End int }

// Members finds the texts of members of a JSON object, each with dots for one within
// objects; nil if the line is not an object.
func Members(l []byte, names []string) []Member {
	if len(l) == 0 || l[0] != '{' || bytes.ContainsAny(l, "\r\n") || !json.Valid(l) {
		return nil
	}
	b := append(append(make([]byte, 0, len(l)+Padding), l...), make([]byte, Padding)...)
	members := make([]Member, len(names))
	for i, name := range names {
		members[i] = Member{End: -1}
		if text, _, found := textMember(b, 0, name); found {
			members[i] = Member{text.start, text.end}
		}
	}
	return members
}
