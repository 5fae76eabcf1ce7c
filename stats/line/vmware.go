package line

import "bytes"

var vmwareFormat = &Format{
	Name: "vmware",
	Doc: []FormatDoc{{
		"VMware's vCenter and ESXi", "`2025-11-22T09:31:34.123Z info vpxd[12345] [Originator@6876 sub=vpxLro opID=abc] MESSAGE`, and `In(166)` for the level since ESXi 8",
		"`level`, `source` (the program), `ps`; those in brackets, `sub`, `opID` and so on; those of the message",
	}},
	Fields: []given{ofLevel, ofSource, ofPs},
	Samples: []Sample{
		{
			`2025-11-22T09:31:34.123Z warning vpxd[12345] [Originator@6876 sub=vpxLro opID=abc-7] [VpxLRO] -- BEGIN lro-1`,
			"2025-11-22T09:31:34.123Z", map[string]string{"level": "'warning", "source": "'vpxd", "ps": "12345", "sub": "'vpxLro", "opID": "'abc-7", "msg": "'[VpxLRO] -- BEGIN lro-1"},
		},
		{
			`2025-11-22T09:31:34.123Z Er(163) hostd[2099]: n=5`,
			"2025-11-22T09:31:34.123Z", map[string]string{"level": "'error", "source": "'hostd", "ps": "2099", "msg": "'n=5", "n": "5"},
		},
	},
	dated: (*Scanner).vmware,
}

// vmware parses the logs of vCenter's and ESXi's programs.
func (sc *Scanner) vmware(ev *Event, b []byte, o opening) bool {
	c := cursor{b: b, i: o.rest, end: o.end}
	level := c.word()
	short := false
	if class[b[level.start]]&isLetter != 0 && b[level.start+2] == '(' && b[level.end-1] == ')' {
		level.end, short = level.start+2, true
	} else if b[level.start]-'a' >= 26 || !isLevel(b[level.start:level.end]) && !hasPrefix(b, level, "trivia") {
		return false
	}
	program := c.to('[')
	process := c.to(']')
	colon := c.has(':')
	c.blanks()
	if c.failed || program.end == program.start || !process.isNumber(b) || word(b, program.start) < program.end {
		return false
	}
	originator := bytes.HasPrefix(b[min(c.i, o.end):o.end], []byte("[Originator@"))
	if !originator && !short { // as many other programs write too
		return false
	}
	if known, ok := letterLevel(b[level.start]); short && ok {
		ev.putConstant(sc.schema.at[ofLevel], known, asText)
	} else {
		sc.give(ev, ofLevel, level)
	}
	sc.give(ev, ofSource, program)
	sc.giveNumber(ev, ofPs, process)
	if originator {
		inside := c.between('[', ']')
		sc.vmwareNames(ev, b, inside)
	} else if !colon {
		return false
	}
	sc.message(ev, b, min(c.i, o.end), o.end, loggerBody, o.start)
	return true
}

// vmwareNames puts what the brackets behind a program have: sub=vpxLro opID=abc.
func (sc *Scanner) vmwareNames(ev *Event, b []byte, inside span) {
	keys := sc.schema.bodies[loggerBody].keys
	c := cursor{b: b, i: inside.start, end: inside.end}
	for c.i < c.end && !c.failed {
		w := c.word()
		if equals := index(b, w.start, w.end, '='); equals > 0 && equals+1 < w.end {
			if key, _ := keys.find(b, w.start, equals); key != 0 {
				ev.putValue(b, equals+1, w.end, units|exponents, key)
			}
		}
	}
}
