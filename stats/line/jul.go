package line

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

// narrowBlank stands before AM and PM since the locale data of JDK 20.
const narrowBlank = "\u202f"

// jul parses the first of the two lines that java.util.logging writes of an event.
func (sc *Scanner) jul(ev *Event, b []byte, start, end int) bool {
	month := monthOf(b[start : start+3])
	if month == 0 || b[start+3] != ' ' {
		return false
	}
	day, next := dayAt(b, start+len("Nov "))
	c := cursor{b: b, i: next, end: end}
	clock, ok := int64(0), false
	c.skip(',')
	c.skip(' ')
	year := c.word()
	if !c.failed && b[year.end-1] == ',' {
		year.end--
	}
	if c.failed || year.end-year.start != 4 || !year.isNumber(b) || c.i+len("09:31:34") > end {
		return false
	}
	// The hour has no zero before it.
	if b[c.i+1] == ':' {
		var padded [8]byte
		padded[0] = '0'
		copy(padded[1:], b[c.i:c.i+7])
		clock, ok = clockSecond(padded[:])
		c.i += 7
	} else {
		clock, ok = clockSecond(b[c.i : c.i+8])
		c.i += 8
	}
	if c.i+len(narrowBlank) < end && string(b[c.i:c.i+len(narrowBlank)]) == narrowBlank {
		c.i += len(narrowBlank)
	} else {
		c.skip(' ')
	}
	half := c.word()
	if c.failed || !ok || half.end-half.start != 2 || b[half.start+1] != 'M' || b[half.start] != 'A' && b[half.start] != 'P' {
		return false
	}
	clock, ok = halfDay(b[half.start], clock)
	name, method := c.word(), c.word()
	century, _ := twoDigits(b, year.start)
	years, _ := twoDigits(b, year.start+2)
	days, known := daysSince1970(century*100+years, month, day)
	if c.failed || !ok || !known || c.i < end || class[b[name.start]]&isLetter == 0 {
		return false
	}
	sc.clock.zoned(b, end, days*86400+clock, 0)
	sc.date(ev)
	sc.give(ev, ofSource, name)
	sc.give(ev, ofCaller, method)
	sc.defaultMessage(ev, start, end)
	return true
}
