package line

import "bytes"

var cephFormat = &Format{
	Name: "ceph",
	Doc: []FormatDoc{{
		"Ceph", "`2025-11-22T09:31:34.123+0000 7f8a1b2c3d40  0 MESSAGE`, and of a cluster `2025-11-22T09:31:34.123+0000 mon.a (mon.0) 12 : cluster [WRN] MESSAGE`",
		"`ps` (the thread), `severity` (from -1, an error, to 20); of a cluster `source`, `level`; those of the message",
	}},
	Fields: []given{ofPs, ofSeverity, ofSource, ofLevel},
	Samples: []Sample{
		{
			`2025-11-22T09:31:34.123+0000 7f8a1b2c3d40 -1 osd.0 5 heartbeat_check: no reply`,
			"2025-11-22T09:31:34.123Z", map[string]string{"ps": "'7f8a1b2c3d40", "severity": "-1", "msg": "'osd.0 5 heartbeat_check: no reply"},
		},
		{
			`2025-11-22T09:31:34.123+0000 7f8a1b2c3d40  0 log_channel(cluster) log [INF] : osdmap e5`,
			"2025-11-22T09:31:34.123Z", map[string]string{"ps": "'7f8a1b2c3d40", "severity": "0", "level": "'INF", "msg": "'osdmap e5"},
		},
		{
			`2025-11-22T09:31:34.123456+0000 mon.a (mon.0) 12 : cluster [WRN] Health check failed: 1 osds down (OSD_DOWN)`,
			"2025-11-22T09:31:34.123456Z", map[string]string{"source": "'mon.a", "level": "'WRN", "msg": "'Health check failed: 1 osds down (OSD_DOWN)"},
		},
	},
	dated: (*Scanner).ceph,
}

// ceph parses the log of a daemon, and that of a cluster.
func (sc *Scanner) ceph(ev *Event, b []byte, o opening) bool {
	c := cursor{b: b, i: o.rest, end: o.end}
	first, second := c.word(), c.word()
	if c.failed {
		return false
	}
	if b[second.start] == '(' {
		number, colon, _ := c.word(), c.word(), c.word() // and the channel
		level := c.between('[', ']')
		if c.failed || !number.isNumber(b) || string(b[colon.start:colon.end]) != ":" || !isLevel(b[level.start:level.end]) {
			return false
		}
		sc.give(ev, ofSource, first)
		sc.give(ev, ofLevel, level)
		sc.message(ev, b, min(c.i, o.end), o.end, loggerBody, o.start)
		return true
	}
	const shortest, longest = 10, 16 // of a thread
	n := first.end - first.start
	if _, hex := hexNumber(b[first.start:min(first.end, first.start+longest)]); !hex || n < shortest || n > longest || first.isNumber(b) {
		return false
	}
	digit := second
	if b[digit.start] == '-' {
		digit.start++
	}
	if !digit.isNumber(b) || digit.end-digit.start > 2 {
		return false
	}
	sc.give(ev, ofPs, first)
	if slot := sc.schema.at[ofSeverity]; slot != None {
		ev.put(slot, second.start, second.end, 0)
	}
	if channel := []byte("log_channel("); bytes.HasPrefix(b[c.i:o.end], channel) {
		d := c
		d.word()
		d.word()
		level := d.between('[', ']')
		if d.skip(':'); !d.failed && isLevel(b[level.start:level.end]) {
			sc.give(ev, ofLevel, level)
			d.blanks()
			c.i = d.i
		}
	}
	sc.message(ev, b, min(c.i, o.end), o.end, loggerBody, o.start)
	return true
}
