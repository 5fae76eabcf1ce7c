package line

import (
	"bytes"
	"encoding/json"
	"regexp"
)

// keyed is what looks like the key of an attribute.
var keyed = regexp.MustCompile(`[^\s=":{}\[\],|]+=`)

// noNumber is what Python writes into JSON in place of a number.
var noNumber = regexp.MustCompile(`:\s*-?(?:NaN|Infinity)\b`)

// Names gives names that fields of a line can have beside Givens and those of a definitions
// file: what may be a key in it, and more. It is for who wants to see all fields of
// a line, and slow.
func Names(text []byte) []string {
	seen := map[string]bool{}
	var names []string
	add := func(name string) {
		if name != "" && len(name) <= maxPath && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for _, f := range Formats {
		for _, name := range f.Names {
			add(name)
		}
	}
	addNames(text, add, deepest)
	return names
}

func addNames(text []byte, add func(string), depth int) {
	text = appendUncolored(nil, text, 0)
	keys := keyed.FindAll(text, -1)
	for _, key := range keys {
		key = key[:len(key)-1]
		if _, after, ok := bytes.Cut(key, []byte(">")); ok && key[0] == '<' { // a priority is before it
			key = after
		}
		if len(key) > 0 && couldBeKey(key, true) {
			add(string(key))
		}
	}
	if len(keys) > 0 {
		for word := range bytes.FieldsSeq(text) { // one alone is true
			if couldBeKey(word, false) && !bytes.ContainsAny(word, "=\"") && mayBeAlone(word) {
				add(string(word))
			}
		}
	}
	if bytes.IndexByte(text, '\t') >= 0 {
		for column := range bytes.SplitSeq(text, tab) { // of LTSV
			if label, _, ok := bytes.Cut(column, []byte(":")); ok {
				add(string(label))
			}
		}
	}
	text = noNumber.ReplaceAll(text, []byte(":null"))
	for i := bytes.IndexByte(text, '{'); i >= 0; {
		var object map[string]json.RawMessage
		if d := json.NewDecoder(bytes.NewReader(text[i:])); d.Decode(&object) == nil {
			addMembers(object, "", add, depth)
			return
		}
		next := bytes.IndexByte(text[i+1:], '{')
		if next < 0 {
			return
		}
		i += 1 + next
	}
}

func addMembers(object map[string]json.RawMessage, prefix string, add func(string), depth int) {
	for key, value := range object {
		add(prefix + key)
		var members map[string]json.RawMessage
		var text string
		switch {
		case value[0] == '{' && len(prefix) < maxPath && json.Unmarshal(value, &members) == nil:
			addMembers(members, prefix+key+".", add, depth)
		case value[0] == '"' && depth > 0 && json.Unmarshal(value, &text) == nil:
			addNames([]byte(text), add, depth-1) // a line in a line
		}
	}
}
