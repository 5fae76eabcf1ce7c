package derive

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// A route makes a path into that of all paths which differ in names of things alone.
type route struct {
	rules [][]string // each the segments of a rule
	texts []string   // the rules
}

// What a rule's segment says.
const (
	anyPart = ":" // at the segment's beginning: any one segment
	anyRest = "*" // the whole segment, the rule's last: one segment or more
)

func newRoute(rules []string) *route {
	r := &route{texts: rules}
	for _, rule := range rules {
		r.rules = append(r.rules, strings.Split(rule[1:], "/"))
	}
	return r
}

// append appends the route of a path: the first rule that fits it, or else the path with
// :id for each segment that names a thing. What follows ? or # does not count.
func (r *route) append(out, path []byte) []byte {
	if i := bytes.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	for i, rule := range r.rules {
		if fits(rule, path) {
			return append(out, r.texts[i]...)
		}
	}
	for {
		i := bytes.IndexByte(path, '/')
		segment := path
		if i >= 0 {
			segment = path[:i]
		}
		if isID(segment) {
			out = append(out, ":id"...)
		} else {
			out = append(out, segment...)
		}
		if i < 0 {
			return out
		}
		out = append(out, '/')
		path = path[i+1:]
	}
}

// fits reports whether a path is one of a rule.
func fits(rule []string, path []byte) bool {
	if len(path) == 0 || path[0] != '/' {
		return false
	}
	path = path[1:]
	for i, want := range rule {
		if want == anyRest {
			return len(path) > 0
		}
		segment, rest, more := bytes.Cut(path, slash)
		if !strings.HasPrefix(want, anyPart) && string(segment) != want || len(segment) == 0 && want != "" || more != (i+1 < len(rule)) {
			return false
		}
		path = rest
	}
	return true
}

var slash = []byte("/")

// Shapes of what names a thing.
const (
	leastHex    = 8  // digits, of which one at least is below 10 and not all are
	leastBase64 = 16 // with a capital, a small letter and two digits
	leastMixed  = 20 // letters and digits alone, three digits among them
	uuid        = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
)

// isID reports whether a segment is a number, a UUID, or a text of hexadecimal digits or
// base64 that is not a word.
func isID(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	var digits, hex, small, capital, signs int
	for _, c := range b {
		switch {
		case c-'0' <= 9:
			digits++
			hex++
		case c-'a' < 26:
			small++
			if c <= 'f' {
				hex++
			}
		case c-'A' < 26:
			capital++
			if c <= 'F' {
				hex++
			}
		case c == '-' || c == '_' || c == '=' || c == '+':
			signs++
		default:
			return false
		}
	}
	switch n := len(b); {
	case digits == n:
		return true
	case digits == 0:
		return n == len(uuid) && isUUID(b)
	case hex == n:
		return n >= leastHex
	case hex == len(uuid)-4 && isUUID(b):
		return true
	case signs == 0 && n >= leastMixed && digits >= 3:
		return true
	default:
		return n >= leastBase64 && digits >= 2 && small > 0 && capital > 0
	}
}

func isUUID(b []byte) bool {
	if len(b) != len(uuid) {
		return false
	}
	for i, c := range b {
		if (c == '-') != (uuid[i] == '-') || c != '-' && c-'0' > 9 && c|0x20-'a' >= 6 {
			return false
		}
	}
	return true
}

func checkRoute(args []ast.Node) (int, string) {
	const example = `route takes a field, and rules such as "/shop/:name/*" if there are any`
	if len(args) == 0 {
		return -1, example
	}
	var rules [][]string
	for i, a := range args[1:] {
		text, ok := a.(*ast.StringNode)
		if !ok {
			return i + 1, example
		}
		rule, wrong := parseRule(text.Value)
		if wrong != "" {
			return i + 1, wrong
		}
		for j, before := range rules {
			if covers(before, rule) {
				return i + 1, fmt.Sprintf("the rule %s never applies: all its paths are those of %q too, so put it before that", text.Value, args[j+1].(*ast.StringNode).Value)
			}
		}
		rules = append(rules, rule)
	}
	return -1, ""
}

func parseRule(text string) (rule []string, wrong string) {
	if !strings.HasPrefix(text, "/") {
		return nil, fmt.Sprintf("a rule begins with /, unlike %q", text)
	}
	if strings.ContainsAny(text, "?#") {
		return nil, fmt.Sprintf("a rule matches a path, which has no ? or #: %q never applies", text)
	}
	rule = strings.Split(text[1:], "/")
	for i, segment := range rule {
		switch {
		case strings.Contains(segment, anyRest) && (segment != anyRest || i+1 < len(rule)):
			return nil, fmt.Sprintf("* is all of the last segment of a rule, as in /static/*, unlike %q: write :name for one segment", text)
		case segment == anyPart:
			return nil, fmt.Sprintf("a segment that varies has a name, as in /users/:id, unlike %q", text)
		}
	}
	return rule, ""
}

// covers reports whether all paths of a rule are paths of the one before it.
func covers(before, rule []string) bool {
	for i, segment := range before {
		if segment == anyRest {
			return i < len(rule) && (rule[i] != "" || i+1 < len(rule))
		}
		if i >= len(rule) || rule[i] == anyRest || !strings.HasPrefix(segment, anyPart) && segment != rule[i] || rule[i] == "" && segment != "" {
			return false
		}
	}
	return len(before) == len(rule)
}
