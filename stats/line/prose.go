package line

import "bytes"

// pairs reads the attributes of a message of which nothing was read, since it begins with
// other text: Sold 5 items (took 3 tries): status=500 n=1.
func (sc *Scanner) pairs(ev *Event, b []byte, i, end int, kind bodyKind) {
	if bytes.IndexByte(b[i:end], escape) >= 0 {
		return
	}
	if at := firstPair(b, i, end); at >= 0 {
		sc.attributes(ev, b, at, end, kind, int32(kind)*roots)
		ev.half = false
	}
}

// firstPair gives the position of the first word that is a key with a value, and not within
// quotes or brackets; -1 if there is none, or if a date, an address or a path comes before it:
// such a line may be of requests, and the pair a visitor's.
func firstPair(b []byte, i, end int) int {
	open, quoted := 0, false
	for i < end {
		w := span{i, min(word(b, i), end)}
		if i = w.end + 1; w.end == w.start {
			continue
		}
		if equals := index(b, w.start, w.end, '='); open == 0 && !quoted && isPair(b, w, equals) {
			return w.start
		}
		if isPlace(b[w.start:w.end]) {
			return -1
		}
		for _, c := range b[w.start:w.end] {
			switch c {
			case '(', '[', '{':
				open++
			case ')', ']', '}':
				open = max(open-1, 0)
			case '"':
				quoted = !quoted
			}
		}
	}
	return -1
}

// isPlace reports whether a word is a date, an address or a path.
func isPlace(w []byte) bool {
	if c := w[0]; c == '/' || bytes.Contains(w, []byte("://")) {
		return true
	} else if c-'0' > 9 || !bytes.ContainsAny(w[:len(w)-1], "-.:/") {
		return false
	}
	_, number := parseNumber(bytes.TrimRight(w, ",;:"), units)
	return !number
}

// isPair reports whether a word that has its first = at equals is a key with a value.
func isPair(b []byte, w span, equals int) bool {
	if equals <= w.start || equals+1 >= w.end || b[equals+1] == '=' || class[b[w.start]]&isLetter == 0 {
		return false
	}
	for _, c := range b[w.start:equals] {
		if class[c]&inKey == 0 {
			return false
		}
	}
	return true
}
