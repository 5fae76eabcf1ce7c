package line

import "bytes"

var weblogicFormat = &Format{
	Name: "weblogic",
	Doc: []FormatDoc{{
		"WebLogic", "`####<Nov 22, 2025 9:31:34,123 AM UTC> <Notice> <Server> <web-1> <admin> <thread> <user> <> <id> <1763803894123> <BEA-000365> <MESSAGE>`, and what its console shows, `<Nov 22, 2025 9:31:34 AM UTC> <Notice> <Server> <BEA-000365> <MESSAGE>`",
		"`level`, `source` (the subsystem), `host`, `ps` (the thread), `user`, `code`",
	}},
	Fields: []given{ofLevel, ofSource, ofHost, ofPs, ofUser, ofCode},
	Samples: []Sample{
		{
			`####<Nov 22, 2025 9:31:34,123 AM UTC> <Notice> <WebLogicServer> <web-1> <AdminServer> <[ACTIVE] ExecuteThread: '0'> <<WLS Kernel>> <> <a1b2> <1763803894123> <[severity-value: 64] > <BEA-000365> <Server state changed to RUNNING.>`,
			"2025-11-22T09:31:34.123Z", map[string]string{
				"level": "'Notice", "source": "'WebLogicServer", "host": "'web-1", "ps": "'[ACTIVE] ExecuteThread: '0'", "user": "'<WLS Kernel>", "code": "'BEA-000365", "msg": "'Server state changed to RUNNING.",
			},
		},
		{
			`<Nov 22, 2025 9:31:34 AM UTC> <Error> <HTTP> <BEA-101017> <Root cause of ServletException.>`,
			"2025-11-22T09:31:34Z", map[string]string{"level": "'Error", "source": "'HTTP", "code": "'BEA-101017", "msg": "'Root cause of ServletException."},
		},
	},
	first: oneOf("#<"),
	line:  (*Scanner).weblogic,
}

// weblogic parses WebLogic's log, and what its console shows of it.
func (sc *Scanner) weblogic(ev *Event, b []byte, start, end int) bool {
	marks := []byte("####")
	whole := bytes.HasPrefix(b[start:end], marks)
	i := start
	if whole {
		i += len(marks)
	}
	if b[i] != '<' || b[end-1] != '>' || class[b[i+1]]&isAlnum == 0 {
		return false
	}
	var parts [13]span
	n := 0
	for i++; i < end && n < len(parts); n++ {
		next := bytes.Index(b[i:end], []byte("> <"))
		if next < 0 {
			parts[n] = span{i, end - 1}
			i = end
			continue
		}
		parts[n] = span{i, i + next}
		i += next + len("> <")
	}
	const console, fewest = 5, 12
	if i < end || whole && n < fewest || !whole && n != console || !isLevel(b[parts[1].start:parts[1].end]) {
		return false
	}
	if !sc.clock.any(b, parts[0].start, parts[0].end) && (!whole || !sc.clock.any(b, parts[9].start, parts[9].end)) {
		return false
	}
	sc.date(ev)
	sc.give(ev, ofLevel, parts[1])
	sc.give(ev, ofSource, parts[2])
	if whole {
		sc.give(ev, ofHost, parts[3])
		sc.give(ev, ofPs, parts[5])
		sc.give(ev, ofUser, parts[6])
	}
	sc.give(ev, ofCode, parts[n-2])
	ev.put(sc.schema.at[ofMsg], parts[n-1].start, parts[n-1].end, asText)
	ev.half = true
	return true
}
