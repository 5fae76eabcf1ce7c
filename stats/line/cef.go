package line

import "bytes"

var cefFormat = &Format{
	Name: "cef",
	Doc: []FormatDoc{{
		"CEF", "`CEF:0|VENDOR|PRODUCT|1.0|100|NAME|7|src=1.2.3.4 act=blocked msg=two words`, mostly after a syslog header",
		"`vendor`, `source` (the product), `code`, `name`, `severity`, and each key",
	}},
	Fields: []given{ofVendor, ofSource, ofCode, ofName, ofSeverity},
	Samples: []Sample{
		{
			`CEF:0|Security\|Co|threatmanager|1.0|100|worm stopped|10|src=10.0.0.1 dst=2.1.2.2 spt=1232 msg=a \= b and more rt=1763803894123`,
			"2025-11-22T09:31:34.123Z", map[string]string{
				"vendor": "'Security|Co", "source": "'threatmanager", "code": "100", "name": "'worm stopped", "severity": "10",
				"src": "'10.0.0.1", "dst": "'2.1.2.2", "spt": "1232", "msg": "'a = b and more", "rt": "1763803894123",
			},
		},
	},
	first: oneOf("C"),
	line: func(sc *Scanner, ev *Event, b []byte, start, end int) bool {
		if !sc.cef(ev, b, start, end) {
			return false
		}
		sc.defaultMessage(ev, start, end)
		return true
	},
	message: (*Scanner).cef,
}

// cef parses ArcSight's Common Event Format: seven columns between bars, then keys and
// values, which may have blanks in them. A backslash escapes.
func (sc *Scanner) cef(ev *Event, b []byte, start, end int) bool {
	if !beginsCEF(b, start, end) {
		return false
	}
	var columns [7]span
	i := start
	for n := range columns {
		bar := i
		for bar < end && b[bar] != '|' {
			if b[bar] == '\\' {
				bar++
			}
			bar++
		}
		if bar >= end {
			return false
		}
		columns[n] = span{i, bar}
		i = bar + 1
	}
	s := sc.schema
	for n, f := range map[int]given{1: ofVendor, 2: ofSource, 4: ofCode, 5: ofName, 6: ofSeverity} {
		if slot := s.at[f]; slot != None && !ev.Has(slot) {
			sc.cefValue(ev, slot, b, columns[n], asText)
		}
	}
	sc.cefExtension(ev, b, i, end)
	return true
}

// beginsCEF reports whether a message is of CEF, and not of a program of that name.
func beginsCEF(b []byte, i, end int) bool {
	if b[i] != 'C' || !hasPrefix(b, span{i, end}, "CEF:") {
		return false
	}
	version := spaces(b, i+len("CEF:"))
	last := digits(b, version)
	return last > version && b[last] == '|'
}

// cefExtension puts the keys and values. A value ends before the next key.
func (sc *Scanner) cefExtension(ev *Event, b []byte, i, end int) {
	keys := sc.schema.bodies[wholeLine].keys
	key, first := uint32(0), -1 // of the value that is read
	for at := i; ; at++ {
		for at < end && b[at] != '=' {
			if b[at] == '\\' {
				at++
			}
			at++
		}
		at = min(at, end)
		name := at // of the next key
		for at < end && name > i && class[b[name-1]]&inKey != 0 {
			name--
		}
		if at < end && (name == at || name > i && b[name-1] != ' ') {
			continue // an equals sign within a value
		}
		if first >= 0 {
			value := span{first, max(name, first)}
			for value.end > value.start && b[value.end-1] == ' ' {
				value.end--
			}
			if slot := keySlot(key); value.end > value.start {
				if slot != None && !ev.Has(slot) || slot != None && slot == sc.schema.at[ofMsg] {
					sc.cefValue(ev, slot, b, value, 0)
				}
				if at := string(b[i:max(i, first-1)]); (at == "rt" || at == "start") && !ev.dated {
					sc.dateBy(ev, b, value.start, value.end)
				}
			}
		}
		if at >= end {
			return
		}
		key, _ = keys.find(b, name, at)
		i, first = name, at+1
	}
}

// cefValue puts a text without its escapes.
func (sc *Scanner) cefValue(ev *Event, slot Slot, b []byte, of span, flags value) {
	if bytes.IndexByte(b[of.start:of.end], '\\') < 0 {
		if of.end > of.start {
			ev.put(slot, of.start, of.end, flags)
		}
		return
	}
	first := len(ev.text[1])
	for i := of.start; i < of.end; i++ {
		c := b[i]
		if c == '\\' && i+1 < of.end {
			switch i++; b[i] {
			case 'n', 'r':
				c = '\n'
			default:
				c = b[i]
			}
		}
		ev.text[1] = append(ev.text[1], c)
	}
	last := len(ev.text[1])
	ev.text[1] = append(ev.text[1], zeros[:]...)
	ev.put(slot, first, last, flags|inUnescaped)
}
