package line

var lambdaFormat = &Format{
	Name: "lambda",
	Doc: []FormatDoc{{
		"AWS Lambda's reports", "`REPORT RequestId: 6a9f-b7c8\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 65 MB`, with tabs between, and the lines `START` and `END`",
		"`http_request_id`, and each name with its number: `Duration` (ms), `Max Memory Used` (bytes) and so on",
	}},
	Fields: []given{httpRequestID},
	Names:  []string{"Duration", "Billed Duration", "Memory Size", "Max Memory Used", "Init Duration"},
	Samples: []Sample{
		{
			"REPORT RequestId: 6a9f-b7c8\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 65 MB\t",
			"", map[string]string{"http_request_id": "'6a9f-b7c8", "Duration": "12.34", "Billed Duration": "13", "Memory Size": "128000000", "Max Memory Used": "65000000"},
		},
		{
			"START RequestId: 6a9f-b7c8 Version: $LATEST",
			"", map[string]string{"http_request_id": "'6a9f-b7c8"},
		},
	},
	first: oneOf("RSE"),
	line:  (*Scanner).lambda,
}

// lambda parses what AWS Lambda writes around what a function does.
func (sc *Scanner) lambda(ev *Event, b []byte, start, end int) bool {
	c := cursor{b: b, i: start, end: end}
	kind := c.word()
	switch string(b[kind.start:kind.end]) {
	case "REPORT", "START", "END":
	default:
		return false
	}
	label, id := c.word(), c.word()
	if c.failed || string(b[label.start:label.end]) != "RequestId:" {
		return false
	}
	sc.give(ev, httpRequestID, id)
	keys := sc.schema.bodies[loggerBody].keys
	for kind.end-kind.start == len("REPORT") && c.i < end {
		name := c.to(':')
		c.blanks()
		v := span{c.i, end}
		if tab := index(b, c.i, end, '\t'); tab >= 0 {
			v.end = tab
		}
		if c.failed {
			break
		}
		if key, _ := keys.find(b, name.start, name.end); key != 0 && v.end > v.start {
			ev.putValue(b, v.start, v.end, units, key)
		}
		c.i = v.end
		c.blanks()
	}
	sc.defaultMessage(ev, start, end)
	return true
}
