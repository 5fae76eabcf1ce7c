package line

// What container runtimes write before a container's line.

var criFormat = &Format{
	Name: "cri",
	Doc: []FormatDoc{{
		"Kubernetes (CRI)", "`2012-11-22T09:31:34.123456789Z stdout F LINE`",
		"`stream`; those of the line, in any format of these",
	}},
	Fields: []given{ofStream},
	Samples: []Sample{
		{
			`2012-11-22T09:31:34.123456789Z stdout F {"status":500,"n":1}`,
			"2012-11-22T09:31:34.123456789Z", map[string]string{"stream": "'stdout", "status": "500", "n": "1", "msg": `'{"status":500,"n":1}`},
		},
		{
			`2012-11-22T09:31:35.123456789Z stderr F time=2012-11-22T09:31:34Z status=500`,
			"2012-11-22T09:31:34Z", map[string]string{"stream": "'stderr", "time": "'2012-11-22T09:31:34Z", "status": "500", "msg": "'time=2012-11-22T09:31:34Z status=500"},
		},
		{
			`2012-11-22T09:31:36.123456789Z stdout P half a line`,
			"2012-11-22T09:31:36.123456789Z", map[string]string{"stream": "'stdout", "msg": "'half a line"},
		},
	},
	dated: (*Scanner).cri,
}

// cri parses what the runtimes of Kubernetes write: the stream, and F for a full
// line or P for a part of one.
func (sc *Scanner) cri(ev *Event, b []byte, o opening) bool {
	stream := span{o.rest, o.rest + len("stdout")}
	i := stream.end + len(" F ")
	if i > o.end || string(b[stream.start:stream.end]) != "stdout" && string(b[stream.start:stream.end]) != "stderr" {
		return false
	}
	if b[i-3] != ' ' || b[i-2] != 'F' && b[i-2] != 'P' || b[i-1] != ' ' {
		return false
	}
	sc.inner(ev, b, i, o.end, 0, placed{ofStream, stream})
	return true
}

var composeFormat = &Format{
	Name: "compose",
	Doc: []FormatDoc{{
		"`docker compose logs`", "`web-1  | LINE`",
		"`container`; those of the line, in any format of these",
	}},
	Fields: []given{ofContainer},
	Samples: []Sample{
		{
			`web-1  | {"time":"2012-11-22T09:31:34Z","status":500}`,
			"2012-11-22T09:31:34Z", map[string]string{"container": "'web-1", "time": "'2012-11-22T09:31:34Z", "status": "500", "msg": `'{"time":"2012-11-22T09:31:34Z","status":500}`},
		},
		{
			"\x1b[36mdb_1   | \x1b[0mready",
			"", map[string]string{"container": "'db_1", "msg": "'ready"},
		},
	},
	first: inClass(isLetter),
	line:  (*Scanner).compose,
}

// compose parses what Docker Compose writes before a container's line: its name,
// blanks, a bar and a blank. A text may begin alike, so that a name without a number
// needs a line of a known format.
func (sc *Scanner) compose(ev *Event, b []byte, i, end int) bool {
	name := span{i, word(b, i)}
	bar := spaces(b, name.end)
	if bar == name.end || b[bar] != '|' || b[bar+1] != ' ' || bar+2 > end {
		return false
	}
	number := name.end
	for number > name.start && b[number-1]-'0' <= 9 {
		number--
	}
	numbered := number < name.end && number > name.start && (b[number-1] == '-' || b[number-1] == '_' || b[number-1] == '.')
	m := ev.mark()
	if sc.inner(ev, b, bar+2, end, 0, placed{ofContainer, name}) || numbered {
		return true
	}
	ev.rewind(&m)
	return false
}
