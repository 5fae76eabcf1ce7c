package line

// A cursor goes through a line of fields that have a fixed order. What is not
// as expected makes it fail, once and for good, so that its user asks at the end.
type cursor struct {
	b      []byte
	i, end int
	failed bool
}

// blanks skips blanks and tabs.
func (c *cursor) blanks() {
	for c.i < c.end && (c.b[c.i] == ' ' || c.b[c.i] == '\t') {
		c.i++
	}
}

// word gives the bytes up to the next blank, at least one, and skips the blanks.
func (c *cursor) word() span {
	w := span{c.i, min(word(c.b, c.i), c.end)}
	c.failed = c.failed || w.end == w.start
	c.i = w.end
	c.blanks()
	return w
}

// has skips a byte if it comes next, and reports whether it did.
func (c *cursor) has(next byte) bool {
	if c.failed || c.i >= c.end || c.b[c.i] != next {
		return false
	}
	c.i++
	return true
}

// skip skips a byte that must come next.
func (c *cursor) skip(next byte) { c.failed = c.failed || !c.has(next) }

// to gives the bytes up to the stop, which it skips.
func (c *cursor) to(stop byte) span {
	at := -1
	if !c.failed && c.i <= c.end {
		at = index(c.b, c.i, c.end, stop)
	}
	if at < 0 {
		c.failed = true
		return span{c.i, c.i}
	}
	s := span{c.i, at}
	c.i = at + 1
	return s
}

// between gives the bytes between two, and skips the blanks after them.
func (c *cursor) between(open, close byte) span {
	c.skip(open)
	s := c.to(close)
	c.blanks()
	return s
}

// quoted gives the text between double quotes, escapes included, and skips the
// blanks after it.
func (c *cursor) quoted() span {
	c.skip('"')
	close := -1
	if !c.failed {
		close = endQuote(c.b, c.i, c.end)
	}
	if close < 0 {
		c.failed = true
		return span{c.i, c.i}
	}
	s := span{c.i, close}
	c.i = close + 1
	c.blanks()
	return s
}

// rest gives what is left.
func (c *cursor) rest() span { return span{min(c.i, c.end), c.end} }

// isNumber reports whether a span has digits alone.
func (s span) isNumber(b []byte) bool { return s.end > s.start && digits(b, s.start) >= s.end }

// isDash reports whether a span is a dash, as many have for what is missing.
func (s span) isDash(b []byte) bool { return isDashAlone(b, s.start, s.end) }

// give puts a text that is neither empty nor a dash into a field that the line has
// not got yet.
func (sc *Scanner) give(ev *Event, f given, s span) {
	if slot := sc.schema.at[f]; slot != None && !ev.Has(slot) {
		putPresent(ev, slot, ev.text[0], s.start, s.end)
	}
}

// giveNumber is give of what must be digits.
func (sc *Scanner) giveNumber(ev *Event, f given, s span) {
	if slot := sc.schema.at[f]; slot != None && !ev.Has(slot) && s.isNumber(ev.text[0]) {
		ev.put(slot, s.start, s.end, 0)
	}
}

// giveNamed is give, as a number if it is one, of a field that is not a given one.
func (sc *Scanner) giveNamed(ev *Event, name string, s span) {
	if slot := sc.schema.Slot(name); slot != None && !ev.Has(slot) && s.end > s.start && !s.isDash(ev.text[0]) {
		ev.put(slot, s.start, s.end, 0)
	}
}

// giveScaled is give of a number whose point is so many places further left.
func (sc *Scanner) giveScaled(ev *Event, f given, s span, places int) {
	if slot := sc.schema.at[f]; slot != None && !ev.Has(slot) {
		if n, ok := scaled(ev.text[0][s.start:s.end], places); ok {
			ev.putNumber(slot, n)
		}
	}
}
