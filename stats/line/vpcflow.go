package line

var vpcFlowFormat = &Format{
	Name: "vpcflow",
	Doc: []FormatDoc{{
		"AWS VPC flow logs", "`2 123456789010 eni-1235b8ca 10.0.0.1 10.0.0.2 20641 22 6 20 4249 1763803894 1763803954 ACCEPT OK`",
		"by AWS' names `account-id`, `interface-id`, `srcaddr`, `dstaddr`, `srcport`, `dstport`, `protocol`, `packets`, `bytes`, `action`, `log-status`. The time is that of the end",
	}},
	Names: vpcFlowNames[:],
	Samples: []Sample{
		{
			`2 123456789010 eni-1235b8ca 10.0.0.1 10.0.0.2 20641 22 6 20 4249 1763803834 1763803894 ACCEPT OK`,
			"2025-11-22T09:31:34Z", map[string]string{
				"account-id": "123456789010", "interface-id": "'eni-1235b8ca", "srcaddr": "'10.0.0.1", "dstaddr": "'10.0.0.2", "srcport": "20641", "dstport": "22", "protocol": "6",
				"packets": "20", "bytes": "4249", "action": "'ACCEPT", "log-status": "'OK",
			},
		},
		{
			`2 123456789010 eni-1235b8ca - - - - - - - 1763803834 1763803894 - NODATA`,
			"2025-11-22T09:31:34Z", map[string]string{"account-id": "123456789010", "interface-id": "'eni-1235b8ca", "log-status": "'NODATA"},
		},
	},
	first: oneOf("2"),
	line:  (*Scanner).vpcFlow,
}

// vpcFlowNames are the fields in their order, but for the version before them.
var vpcFlowNames = [...]string{
	"account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "action", "log-status",
}

// vpcFlow parses AWS' flow logs in their default format.
func (sc *Scanner) vpcFlow(ev *Event, b []byte, start, end int) bool {
	const startsAt, endsAt = 9, 10
	if b[start+1] != ' ' {
		return false
	}
	var values [len(vpcFlowNames)]span
	c := cursor{b: b, i: start + len("2 "), end: end}
	for i := range values {
		values[i] = c.word()
	}
	if c.failed || c.i < end || !values[0].isNumber(b) || !values[startsAt].isNumber(b) || !sc.clock.any(b, values[endsAt].start, values[endsAt].end) {
		return false
	}
	sc.date(ev)
	for i, name := range vpcFlowNames {
		if i != startsAt && i != endsAt {
			sc.giveNamed(ev, name, values[i])
		}
	}
	sc.defaultMessage(ev, start, end)
	return true
}
