package line

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
	close := index(b, ps, end, ']')
	if close < 0 || b[close+1] != ':' || close+2 < end && b[close+2] != ' ' {
		return false
	}
	ev.put(s.source, source, i, asText)
	if close > ps {
		ev.put(s.ps, ps, close, asText)
	}
	sc.message(ev, b, close+3, end, herokuBody, source)
	return true
}
