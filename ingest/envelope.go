package ingest

import (
	"bytes"
	"strings"
)

// What senders write before each line of a text, to tell whose line it is.

// cutSyslog finds the text of a syslog message, and whose it is: host, application and
// process.
func cutSyslog(l []byte) (stream string, start int, ok bool) {
	end := bytes.IndexByte(l[:min(len(l), len("<191>"))], '>')
	if end < 2 {
		return "", 0, false
	}
	rest := l[end+1:]
	if version, after, found := bytes.Cut(rest, []byte{' '}); !found || len(version) > 2 || len(version) == 0 || version[0]-'0' > 9 {
		stream, start, ok = cutHeader(rest)
		return stream, start + end + 1, ok
	} else {
		rest = after
	}
	var header [5][]byte // time, host, application, process, message
	for i := range header {
		var found bool
		if header[i], rest, found = bytes.Cut(rest, []byte{' '}); !found && i < len(header)-1 {
			return "", 0, false
		}
	}
	stream = string(bytes.Join(header[1:4], []byte{' '}))
	switch {
	case bytes.HasPrefix(rest, []byte("- ")):
		rest = rest[len("- "):]
	case len(rest) == 1 && rest[0] == '-':
		rest = nil
	case bytes.HasPrefix(rest, []byte("[")) && bytes.Contains(rest, []byte(`="`)):
		if end := bytes.Index(rest, []byte(`"] `)); end >= 0 {
			rest = rest[end+len(`"] `):]
		}
	}
	rest = bytes.TrimPrefix(rest, []byte("\ufeff"))
	return stream, len(l) - len(rest), true
}

// cutHeader finds the text after a time, a host and a tag, as syslog files have it, or as
// heroku logs prints it:
//
//	Oct 11 22:14:15 host su[12]: text
//	2012-10-11T22:14:15.123+02:00 host su[12]: text
//	2012-11-30T06:45:29.123456+00:00 app[web.1]: text
func cutHeader(l []byte) (stream string, start int, ok bool) {
	const longestTag = 200
	at := 0
	bsd := isBSDTime(l)
	switch {
	case bsd:
		at = len("Oct 11 22:14:15")
	case len(l) > len("2012-10-11T22:14:15") && l[4] == '-' && l[10] == 'T' && l[0]-'0' <= 9:
		at = bytes.IndexByte(l, ' ')
	}
	if at <= 0 || at >= len(l) || l[at] != ' ' {
		return "", 0, false
	}
	rest := l[at+1:]
	for range 2 {
		word, after, found := bytes.Cut(rest[:min(len(rest), longestTag)], []byte{' '})
		tagged := bytes.HasSuffix(word, []byte("]:")) && bytes.IndexByte(word, '[') > 0 || bsd && bytes.HasSuffix(word, []byte(":"))
		if tagged {
			end := len(l) - len(rest) + len(word)
			return string(l[at+1 : end]), min(end+1, len(l)), true
		}
		if !found {
			break
		}
		rest = rest[len(rest[:min(len(rest), longestTag)])-len(after):]
	}
	return "", 0, false
}

// isBSDTime reports whether a line begins with the time of RFC 3164.
func isBSDTime(l []byte) bool {
	return len(l) > len("Oct 11 22:14:15") && l[3] == ' ' && l[6] == ' ' && l[9] == ':' && l[12] == ':' && l[0]-'A' < 26
}

// cutCompose finds the text after a container's name, as docker compose logs has it:
//
//	web-1  | text
func cutCompose(l []byte) (stream string, start int, ok bool) {
	const longest = 100
	name, rest, found := strings.Cut(string(l[:min(len(l), longest)]), " ")
	if !found || name == "" || name[len(name)-1]-'0' > 9 || !strings.ContainsAny(name, "-_") {
		return "", 0, false
	}
	bar := strings.TrimLeft(rest, " ")
	if !strings.HasPrefix(bar, "| ") {
		return "", 0, false
	}
	return name, len(name) + 1 + len(rest) - len(bar) + len("| "), true
}

// tabbed is a text with the tab that it may begin with: rsyslog writes #011 for one.
func tabbed(text []byte) []byte {
	if rest, ok := bytes.CutPrefix(text, []byte("#011")); ok {
		return append([]byte{'\t'}, rest...)
	}
	return text
}
