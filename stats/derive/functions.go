package derive

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"sync"

	"github.com/expr-lang/expr/ast"

	"pulse/stats/condition"
	"pulse/stats/line"
)

// errText is of an argument that is not a text.
var errText = errors.New("this takes a text")

// functions are those of derived fields, for expressions that have more than one of them.
// Those that are given constants make them ready once.
func functions() map[string]condition.Function {
	return map[string]condition.Function{
		"route": {
			Check: checkRoute,
			Call: func(args ...any) (any, error) {
				text, ok := args[0].(string)
				if !ok {
					return nil, errText
				}
				rules := make([]string, len(args)-1)
				key := ""
				for i, a := range args[1:] {
					rules[i] = a.(string)
					key += rules[i] + "\n"
				}
				r := ready(&routes, key, func() *route { return newRoute(rules) })
				return string(r.append(nil, []byte(text))), nil
			},
		},
		"capture": {
			Check: checkCapture,
			Call: func(args ...any) (any, error) {
				text, ok := args[0].(string)
				if !ok {
					return nil, errText
				}
				re := args[1].(string)
				c := ready(&captures, re, func() *capture { return newCapture(re) })
				if start, end := c.find([]byte(text)); end > start {
					return text[start:end], nil
				}
				return nil, nil
			},
		},
		"bytes": {
			Check: func(args []ast.Node) (int, string) {
				if len(args) != 1 {
					return -1, "bytes takes one text, such as bytes(mem)"
				}
				return -1, ""
			},
			Call: func(args ...any) (any, error) {
				switch v := args[0].(type) {
				case string:
					if n, ok := line.Bytes([]byte(v)); ok {
						return (condition.Constant{Type: condition.Num, Num: n}).Value(), nil
					}
					return nil, nil
				case int, float64:
					return v, nil
				}
				return nil, errText
			},
		},
	}
}

// What constants of calls make, by their text: there are as many as definitions have.
var routes, captures sync.Map

func ready[T any](all *sync.Map, key string, make func() T) T {
	if v, ok := all.Load(key); ok {
		return v.(T)
	}
	v, _ := all.LoadOrStore(key, make())
	return v.(T)
}

// appendFloat appends a number as its shortest decimal.
func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return b
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

// A capture is a regular expression whose only group, or all of it, is what it finds.
type capture struct {
	re    *regexp.Regexp
	group int
}

func newCapture(text string) *capture {
	re := regexp.MustCompile(text) // as checkCapture has seen
	return &capture{re: re, group: re.NumSubexp()}
}

// find gives the part that is captured, an empty one if there is none.
func (c *capture) find(b []byte) (start, end int) {
	at := c.re.FindSubmatchIndex(b)
	if at == nil || at[2*c.group] < 0 {
		return 0, 0
	}
	return at[2*c.group], at[2*c.group+1]
}

func checkCapture(args []ast.Node) (int, string) {
	const example = "capture takes a field and a regular expression, such as capture(host, `^(\\w+)\\.`)"
	if len(args) != 2 {
		return -1, example
	}
	text, ok := args[1].(*ast.StringNode)
	if !ok {
		return 1, example
	}
	re, err := regexp.Compile(text.Value)
	switch {
	case err != nil:
		return 1, err.Error()
	case re.NumSubexp() > 1:
		return 1, fmt.Sprintf("this has %d groups, and a field has one value: write (?:…) for those that only hold together", re.NumSubexp())
	}
	return -1, ""
}
