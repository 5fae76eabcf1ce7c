package line

var vsftpdFormat = &Format{
	Name: "vsftpd",
	Doc: []FormatDoc{{
		"vsftpd", "`Sat Nov 22 09:31:34 2025 [pid 3] [bob] OK DOWNLOAD: Client \"1.2.3.4\", \"/srv/a.zip\", 1234 bytes, 56.70Kbyte/sec`",
		"`ps`, `http_user`, `code` (`OK` or `FAIL`), `name` (`DOWNLOAD`), `http_host`, `http_path` (the file), `http_bytes`",
	}},
	Fields: []given{ofPs, httpUser, ofCode, ofName, httpHost, httpPath, httpBytes},
	Samples: []Sample{
		{
			`Sat Nov 22 09:31:34 2025 [pid 3] [bob] OK DOWNLOAD: Client "::ffff:1.2.3.4", "/srv/a b.zip", 1234 bytes, 56.70Kbyte/sec`,
			"2025-11-22T09:31:34Z", map[string]string{
				"ps": "3", "http_user": "'bob", "code": "'OK", "name": "'DOWNLOAD", "http_host": "'::ffff:1.2.3.4", "http_path": "'/srv/a b.zip", "http_bytes": "1234",
			},
		},
		{
			`Sat Nov 22 09:31:34 2025 [pid 2] CONNECT: Client "1.2.3.4"`,
			"2025-11-22T09:31:34Z", map[string]string{"ps": "2", "name": "'CONNECT", "http_host": "'1.2.3.4"},
		},
	},
	first: oneOf("MTWFS"),
	line:  (*Scanner).vsftpd,
}

// vsftpd parses the log of its own that vsftpd writes of connections, logins and transfers.
func (sc *Scanner) vsftpd(ev *Event, b []byte, start, end int) bool {
	i := sc.clock.weekday(b, start)
	if i < 0 || !hasPrefix(b, span{i, end}, " [pid ") {
		return false
	}
	c := cursor{b: b, i: i + len(" [pid "), end: end}
	var user, result, path, size span
	process := c.to(']')
	if c.blanks(); b[c.i] == '[' {
		user = c.between('[', ']')
	}
	name := c.word()
	if !c.failed && b[name.end-1] != ':' {
		result, name = name, c.word()
	}
	protocol := string(b[result.start:result.end]) == "FTP" // FTP command and FTP response
	if protocol {
		name.start, result = result.start, span{}
	}
	client := c.word()
	if c.failed || b[name.end-1] != ':' || string(b[client.start:client.end]) != "Client" {
		return false
	}
	name.end--
	host := c.quoted()
	if c.failed {
		return false
	}
	for c.has(',') { // a file, a size and a rate, each if it is there
		if c.blanks(); b[c.i] == '"' {
			if path = c.quoted(); protocol {
				path = span{}
			}
			continue
		}
		number, unit := c.word(), c.word()
		if hasPrefix(b, unit, "bytes") {
			size = number
		}
		if c.i = unit.end - 1; c.failed || b[c.i] != ',' {
			break
		}
	}
	sc.date(ev)
	sc.give(ev, ofPs, process)
	sc.give(ev, httpUser, user)
	sc.give(ev, ofCode, result)
	sc.give(ev, ofName, name)
	sc.give(ev, httpHost, host)
	sc.give(ev, httpPath, path)
	sc.giveNumber(ev, httpBytes, size)
	sc.defaultMessage(ev, start, end)
	return true
}
