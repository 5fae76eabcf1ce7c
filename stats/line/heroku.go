package line

var herokuFormat = &Format{
	Name: "heroku",
	Doc: []FormatDoc{{
		"`heroku logs`", "`2012-11-22T09:31:34.12+00:00 heroku[router]: MESSAGE`",
		"`source`, `ps`; those of the message",
	}},
	Fields: []given{ofSource, ofPs},
	Samples: []Sample{{
		`2012-11-22T09:31:34.5+00:00 heroku[router]: at=info method=GET path="/" host=a.example.com connect=1ms status=200`,
		"2012-11-22T09:31:34.5Z", map[string]string{
			"source": "'heroku", "ps": "'router", "msg": `'at=info method=GET path="/" host=a.example.com connect=1ms status=200`,
			"at": "'info", "method": "'GET", "path": "'/", "host": "'a.example.com", "connect": "1", "status": "200",
		},
	}},
	dated: func(sc *Scanner, ev *Event, b []byte, o opening) bool {
		return sc.clock.strict && b[o.word] == '[' && sc.heroku(ev, b, o.rest, o.end)
	},
}

// heroku parses what `heroku logs` prints, after its timestamp:
//
//	heroku[router]: at=info method=GET path="/" host=a.example.com
//
// It gives source, ps and msg, and the fields of the message.
func (sc *Scanner) heroku(ev *Event, b []byte, i, end int) bool {
	s := sc.schema
	source := i
	for class[b[i]]&inSource != 0 {
		i++
	}
	if b[i] != '[' || i == source {
		return false
	}
	ps := i + 1
	close := wordOr(b, ps, ']', ']')
	if b[close] != ']' {
		close = index(b, close, end, ']')
	}
	if close < 0 || b[close+1] != ':' || close+2 < end && b[close+2] != ' ' {
		return false
	}
	ev.put(s.at[ofSource], source, i, asText)
	if close > ps {
		ev.put(s.at[ofPs], ps, close, asText)
	}
	sc.message(ev, b, close+3, end, herokuBody, source)
	return true
}
