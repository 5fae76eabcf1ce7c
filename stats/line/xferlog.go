package line

var xferlogFormat = &Format{
	Name: "xferlog",
	Doc: []FormatDoc{{
		"xferlog (wu-ftpd, ProFTPD, vsftpd)", "`Sat Nov 22 09:31:34 2025 2 1.2.3.4 1234 /srv/a.zip b _ o r bob ftp 0 * c`",
		"`http_request_time` (whole seconds), `http_host`, `http_bytes`, `http_path` (the file), `name` (`o` out, `i` in, `d` deleted), `http_user`, `http_flags` (`c` complete, `i` not)",
	}},
	Fields: []given{httpRequestTime, httpHost, httpBytes, httpPath, ofName, httpUser, httpFlags},
	Samples: []Sample{{
		`Sat Nov 22 09:31:34 2025 2 1.2.3.4 1234 /srv/a.zip b _ o r bob ftp 0 * c`,
		"2025-11-22T09:31:34Z", map[string]string{
			"http_request_time": "2", "http_host": "'1.2.3.4", "http_bytes": "1234", "http_path": "'/srv/a.zip", "name": "'o", "http_user": "'bob", "http_flags": "'c",
		},
	}},
	first: oneOf("MTWFS"),
	line:  (*Scanner).xferlog,
}

// xferlog parses what FTP servers write of each transfer.
func (sc *Scanner) xferlog(ev *Event, b []byte, start, end int) bool {
	i := sc.clock.weekday(b, start)
	if i < 0 || b[i] != ' ' || b[i+1]-'0' > 9 {
		return false
	}
	c := cursor{b: b, i: i + 1, end: end}
	took, host, size, path := c.word(), c.word(), c.word(), c.word()
	kind, action, direction, access, user := c.word(), c.word(), c.word(), c.word(), c.word()
	c.word() // the service
	c.word() // how the user was authenticated
	c.word() // as whom
	complete := c.word()
	for _, letter := range []span{kind, action, direction, access, complete} {
		c.failed = c.failed || letter.end != letter.start+1
	}
	if c.failed || c.i < end || !took.isNumber(b) || !size.isNumber(b) {
		return false
	}
	sc.date(ev)
	sc.giveNumber(ev, httpRequestTime, took)
	sc.give(ev, httpHost, host)
	sc.giveNumber(ev, httpBytes, size)
	sc.give(ev, httpPath, path)
	sc.give(ev, ofName, direction)
	sc.give(ev, httpUser, user)
	sc.give(ev, httpFlags, complete)
	sc.defaultMessage(ev, start, end)
	return true
}
