package line

import (
	"bytes"
	"strings"
)

var w3cFormat = &Format{
	Name: "w3c",
	Doc: []FormatDoc{{
		"IIS, CloudFront (W3C)", "`2025-11-22 09:31:34 10.0.0.1 GET /a b=c 443 - 1.2.3.4 agent - 200 0 0 15`, by the line `#Fields: …` before it; see below",
		"those of access logs; lines that begin with `#` and a name have none",
	}},
	Fields: []given{
		httpHost, httpUser, httpMethod, httpURL, httpPath, httpVersion, httpStatus, httpBytes, httpRequestBytes, httpReferrer, httpUserAgent,
		httpDomain, httpForwardedFor, httpRequestTime, httpFrontend, httpServer, httpRequestID, httpFlags,
	},
	Samples: []Sample{
		{ // IIS, by default
			`2025-11-22 09:31:34 10.0.0.1 GET /a status=500 443 bob 1.2.3.4 Mozilla/5.0+(X) http://r/ 200 0 0 15`,
			"2025-11-22T09:31:34Z", map[string]string{
				"http_host": "'1.2.3.4", "http_user": "'bob", "http_method": "'GET", "http_url": "'/a?status=500", "http_path": "'/a", "http_status": "200",
				"http_referrer": "'http://r/", "http_user_agent": "'Mozilla/5.0+(X)", "http_request_time": "0.015", "http_server": "'10.0.0.1",
			},
		},
		{ // with all columns
			`2025-11-22 09:31:34 W3SVC1 WEB1 10.0.0.1 POST /a - 443 - 1.2.3.4 HTTP/1.1 agent - - example.com:443 404 0 2 12 34 15`,
			"2025-11-22T09:31:34Z", map[string]string{
				"http_frontend": "'W3SVC1", "http_host": "'1.2.3.4", "http_method": "'POST", "http_url": "'/a", "http_path": "'/a", "http_version": "1.1", "http_status": "404",
				"http_bytes": "12", "http_request_bytes": "34", "http_user_agent": "'agent", "http_domain": "'example.com", "http_request_time": "0.015", "http_server": "'10.0.0.1",
			},
		},
		{ // CloudFront
			strings.ReplaceAll(`2025-11-22 09:31:34 FRA56 45 1.2.3.4 GET d111.cloudfront.net /a 200 - curl/8 - - Hit ID== example.com https 23 0.001 5.6.7.8,%2010.0.0.1 - - Hit HTTP/2.0 - - 11040 0.001 Hit text/html 78 - -`, " ", "\t"),
			"2025-11-22T09:31:34Z", map[string]string{
				"http_bytes": "45", "http_host": "'1.2.3.4", "http_method": "'GET", "http_url": "'/a", "http_path": "'/a", "http_status": "200", "http_user_agent": "'curl/8", "http_flags": "'Hit",
				"http_request_id": "'ID==", "http_domain": "'example.com", "http_request_bytes": "23", "http_request_time": "0.001", "http_forwarded_for": "'5.6.7.8", "http_version": "2",
			},
		},
		{
			`#Fields: date time s-ip cs-method cs-uri-stem`,
			"", map[string]string{},
		},
	},
	first: oneOf("0123456789#"),
	line: func(sc *Scanner, ev *Event, b []byte, start, end int) bool {
		if b[start] != '#' {
			return sc.w3c(ev, b, start, end)
		}
		if IsDirective(b[start:end]) {
			sc.defaultMessage(ev, start, end)
			return true
		}
		return false
	},
	dated: func(sc *Scanner, ev *Event, b []byte, o opening) bool {
		return sc.w3c(ev, b, o.start, o.end)
	},
}

// IsDirective reports whether a line heads those of a W3C log: it says which columns they
// have, or since when.
func IsDirective(l []byte) bool {
	if len(l) == 0 || l[0] != '#' {
		return false
	}
	for _, name := range [...]string{"#Fields:", "#Software:", "#Version:", "#Date:", "#Start-Date:", "#End-Date:", "#Remark:"} {
		if bytes.HasPrefix(l, []byte(name)) {
			return true
		}
	}
	return false
}

// ColumnsField is the field of an Origin with the columns of its lines in the W3C
// format, as the line #Fields names them, with commas between.
const ColumnsField = "columns"

// A w3cColumn is what a column is for.
type w3cColumn struct {
	is   w3cKind
	give given
	slot Slot // of w3cOwn
}

type w3cKind uint8

const (
	w3cOther  w3cKind = iota
	w3cText           // of the field give
	w3cNumber         // of the field give
	w3cAddress
	w3cDate
	w3cTime
	w3cStem
	w3cQuery
	w3cVersion
	w3cDomain
	w3cMethod
	w3cStatus
	w3cTook // milliseconds, or seconds with a point
	w3cForwarded
	w3cOwn // a field of the column's own name
)

var w3cColumns = map[string]w3cColumn{
	"date": {is: w3cDate}, "time": {is: w3cTime}, "c-ip": {is: w3cAddress}, "cs-username": {is: w3cText, give: httpUser}, "cs-method": {is: w3cMethod},
	"cs-uri-stem": {is: w3cStem}, "cs-uri-query": {is: w3cQuery}, "cs-version": {is: w3cVersion}, "cs-protocol-version": {is: w3cVersion},
	"cs(user-agent)": {is: w3cText, give: httpUserAgent}, "cs(referer)": {is: w3cText, give: httpReferrer}, "cs-host": {is: w3cDomain}, "x-host-header": {is: w3cDomain},
	"sc-status": {is: w3cStatus}, "sc-bytes": {is: w3cNumber, give: httpBytes}, "cs-bytes": {is: w3cNumber, give: httpRequestBytes}, "time-taken": {is: w3cTook},
	"s-sitename": {is: w3cText, give: httpFrontend}, "s-ip": {is: w3cText, give: httpServer}, "x-forwarded-for": {is: w3cForwarded}, "cs(x-forwarded-for)": {is: w3cForwarded},
	"x-edge-request-id": {is: w3cText, give: httpRequestID}, "x-edge-result-type": {is: w3cText, give: httpFlags},
}

// knownColumns are those of servers that nobody configured otherwise: IIS 7 and later,
// without the referrer as before 7.5, with all columns, and CloudFront's.
var knownColumns = [][]w3cColumn{
	parseColumns("date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken"),
	parseColumns("date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken"),
	parseColumns(`date time s-sitename s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs-version cs(User-Agent) cs(Cookie)
		cs(Referer) cs-host sc-status sc-substatus sc-win32-status sc-bytes cs-bytes time-taken`),
	parseColumns(`date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie)
		x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher
		x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type
		sc-content-type sc-content-len sc-range-start sc-range-end`),
}

// parseColumns reads names with blanks or commas between.
func parseColumns(names string) []w3cColumn {
	var columns []w3cColumn
	for name := range strings.FieldsFuncSeq(names, func(r rune) bool { return r <= ' ' || r == ',' }) {
		columns = append(columns, w3cColumns[strings.ToLower(name)])
	}
	return columns
}

// namedColumns are the columns of these names; what has no field of Pulse's has one of
// its own name.
func (s *Schema) namedColumns(names []string) []w3cColumn {
	columns := make([]w3cColumn, len(names))
	for i, name := range names {
		known, ok := w3cColumns[strings.ToLower(name)]
		if columns[i] = known; !ok {
			columns[i] = w3cColumn{is: w3cOwn, slot: s.Slot(name)}
		}
	}
	return columns
}

// w3c parses a line by the columns of its origin, or by those of a server that
// nobody configured, if it has as many and they are what they should be.
func (sc *Scanner) w3c(ev *Event, b []byte, start, end int) bool {
	if b[start+4] != '-' {
		return false
	}
	var values [64]span
	n := 0
	for c := (cursor{b: b, i: start, end: end}); c.i < end; n++ {
		if n == len(values) {
			return false
		}
		values[n] = c.word()
	}
	if sc.columns != nil {
		return len(sc.columns) == n && sc.w3cValues(ev, b, start, end, sc.columns, values[:n])
	}
	for _, columns := range knownColumns {
		if len(columns) == n {
			return sc.w3cValues(ev, b, start, end, columns, values[:n])
		}
	}
	return false
}

func (sc *Scanner) w3cValues(ev *Event, b []byte, start, end int, columns []w3cColumn, values []span) bool {
	var date, clock, stem, query span
	for i, column := range columns {
		v, ok := values[i], true
		switch column.is {
		case w3cDate:
			date = v
		case w3cTime:
			clock = v
		case w3cMethod:
			ok = v.isDash(b) || b[v.start]-'A' < 26
		case w3cAddress:
			ok = v.isDash(b) || isAddress(b, v.start, v.end)
		case w3cStatus:
			ok = v.isNumber(b) && v.end-v.start == 3
		case w3cStem:
			stem = v
		case w3cQuery:
			query = v
		}
		if !ok {
			return false
		}
	}
	if date.end-date.start == len("2025-11-22") && clock.end-clock.start >= len("09:31:34") {
		year, ok := twoDigits(b, date.start)
		y, ok2 := twoDigits(b, date.start+2)
		month, ok3 := twoDigits(b, date.start+5)
		day, ok4 := twoDigits(b, date.start+8)
		days, ok5 := daysSince1970(year*100+y, month, day)
		second, ok6 := clockSecond(b[clock.start : clock.start+8])
		if ok && ok2 && ok3 && ok4 && ok5 && ok6 && sc.clock.zoned(b, clock.start+8, days*86400+second, 0) >= 0 {
			sc.date(ev)
		}
	}
	for i, column := range columns {
		switch v := values[i]; column.is {
		case w3cText:
			sc.give(ev, column.give, v)
		case w3cNumber:
			sc.giveNumber(ev, column.give, v)
		case w3cAddress:
			sc.give(ev, httpHost, v)
		case w3cMethod:
			sc.give(ev, httpMethod, v)
		case w3cStatus:
			sc.giveNumber(ev, httpStatus, v)
		case w3cVersion:
			if hasPrefix(b, v, "HTTP/") {
				sc.give(ev, httpVersion, span{v.start + len("HTTP/"), v.end})
			}
		case w3cDomain:
			sc.domain(ev, b, v.start, v.end)
		case w3cOwn:
			if !v.isDash(b) {
				ev.put(column.slot, v.start, v.end, asText|units|exponents)
			}
		case w3cForwarded:
			if first := (span{v.start, v.start}); !v.isDash(b) {
				for first.end < v.end && b[first.end] != ',' {
					first.end++
				}
				sc.give(ev, httpForwardedFor, first)
			}
		case w3cTook:
			places := -3
			for _, c := range b[v.start:v.end] {
				if c == '.' {
					places = 0
				}
			}
			sc.giveScaled(ev, httpRequestTime, v, places)
		}
	}
	sc.w3cURL(ev, b, stem, query)
	sc.defaultMessage(ev, start, end)
	return true
}

// w3cURL puts the URL, whose query is a column of its own, and its path.
func (sc *Scanner) w3cURL(ev *Event, b []byte, stem, query span) {
	sc.give(ev, httpPath, stem)
	if query.end == query.start || query.isDash(b) {
		sc.give(ev, httpURL, stem)
		return
	}
	slot := sc.schema.at[httpURL]
	if slot == None {
		return
	}
	first := len(ev.text[1])
	ev.text[1] = append(ev.text[1], b[stem.start:stem.end]...)
	ev.text[1] = append(ev.text[1], '?')
	ev.text[1] = append(ev.text[1], b[query.start:query.end]...)
	last := len(ev.text[1])
	ev.text[1] = append(ev.text[1], zeros[:]...)
	ev.put(slot, first, last, asText|inUnescaped)
}
