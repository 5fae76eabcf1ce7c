package line

import "bytes"

var julFormat = &Format{
	Name: "jul",
	Doc: []FormatDoc{{
		"java.util.logging", "`Nov 22, 2025 9:31:34 AM shop.Cart add`, before a line with the level and the message",
		"`source` (the class), `caller` (the method)",
	}},
	Fields: []given{ofSource, ofCaller},
	Samples: []Sample{
		{`Nov 22, 2025 9:31:34 AM shop.Cart add`, "2025-11-22T09:31:34Z", map[string]string{"source": "'shop.Cart", "caller": "'add"}},
		{"Nov 2, 2025, 12:31:34\u202fAM shop.Cart <init>", "2025-11-02T00:31:34Z", map[string]string{"source": "'shop.Cart", "caller": "'<init>"}},
	},
	first: oneOf("JFMASOND"),
	line:  (*Scanner).jul,
}

// jul parses the first of the two lines that java.util.logging writes of an event.
func (sc *Scanner) jul(ev *Event, b []byte, start, end int) bool {
	i := sc.clock.month(b, start)
	if i < 0 || b[i-1] != 'M' || b[i] != ' ' {
		return false
	}
	c := cursor{b: b, i: i + 1, end: end}
	name, method := c.word(), c.word()
	if c.failed || c.i < end || class[b[name.start]]&isLetter == 0 || isLevel(b[name.start:name.end]) || bytes.IndexByte(b[method.start:method.end], '=') >= 0 {
		return false
	}
	sc.date(ev)
	sc.give(ev, ofSource, name)
	sc.give(ev, ofCaller, method)
	sc.defaultMessage(ev, start, end)
	return true
}
