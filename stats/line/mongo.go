package line

var mongoFormat = &Format{
	Name: "mongodb",
	Doc: []FormatDoc{{
		"MongoDB before 4.4", "`2025-11-22T09:31:34.123+0000 I  NETWORK  [listener] MESSAGE`",
		"`level` (fatal, error, warning, info, debug), `source` (the component), `ps` (the context); those of the message",
	}},
	Fields: []given{ofLevel, ofSource, ofPs},
	Samples: []Sample{
		{
			`2025-11-22T09:31:34.123+0000 I  NETWORK  [listener] connection accepted from 198.51.100.7:33317 #1`,
			"2025-11-22T09:31:34.123Z", map[string]string{
				"level": "'info", "source": "'NETWORK", "ps": "'listener", "msg": "'connection accepted from 198.51.100.7:33317 #1",
			},
		},
		{
			`2025-11-22T09:31:34.123+0100 D2 - [conn1] slow`,
			"2025-11-22T08:31:34.123Z", map[string]string{"level": "'debug", "ps": "'conn1", "msg": "'slow"},
		},
	},
	dated: (*Scanner).mongo,
}

// mongo parses what MongoDB wrote until its log was JSON.
func (sc *Scanner) mongo(ev *Event, b []byte, o opening) bool {
	c := cursor{b: b, i: o.rest, end: o.end}
	sign, component := c.word(), c.word()
	context := c.between('[', ']')
	if c.failed || sign.end-sign.start > len("D2") {
		return false
	}
	level, ok := letterLevel(b[sign.start])
	if !ok {
		return false
	}
	for _, c := range b[component.start:component.end] {
		if c-'A' >= 26 && c != '_' && c != '-' {
			return false
		}
	}
	ev.putConstant(sc.schema.at[ofLevel], level, asText)
	sc.give(ev, ofSource, component)
	sc.give(ev, ofPs, context)
	sc.message(ev, b, c.i, o.end, loggerBody, component.start)
	return true
}
