package line

import "slices"

// A bodyKind is the place that attributes are in: it says how they are written
// and which names the header before them has for itself.
type bodyKind uint8

const (
	pulseBody bodyKind = iota
	herokuBody
	syslogBody   // with a host in its header
	hostlessBody // RFC 5424 without one: Heroku's drains have their attribute host
	loggerBody   // after a time, a level and the like
	wholeLine    // logfmt and JSON on their own
	bodies       // how many there are
)

// Names that a message cannot give, by its header.
var headerNames = [bodies][]string{
	pulseBody:    {"line", "unparsed", "msg", "level", "source", "ps", "slot", "instance_id", "cloud"},
	herokuBody:   {"line", "unparsed", "msg", "source", "ps"},
	syslogBody:   {"line", "unparsed", "msg", "level", "facility", "source", "ps", "host"},
	hostlessBody: {"line", "unparsed", "msg", "level", "facility", "source", "ps"},
	loggerBody:   {"line", "unparsed", "msg", "level", "source", "ps"},
	wholeLine:    {"line", "unparsed"},
}

// timeNames are those of a line's time, where it is an attribute: of logfmt and many
// loggers, of Logstash, Serilog, Python's, nginx's variables, journald, log4j, MongoDB,
// Traefik, Cloudflare, FortiGate and Google's agents.
var timeNames = []string{
	"time", "timestamp", "ts", "t", "@timestamp", "@t", "Timestamp", "datetime", "date", "asctime", "eventTime", "EventTime", "event_time", "TimeGenerated",
	"time_iso8601", "time_local", "msec", "__REALTIME_TIMESTAMP", "instant.epochSecond", "timeMillis", "start_time", "t.$date", "time.$date", "requestTime", "eventTimestamp",
	"Time", "TimeStamp", "DateTime", "Datetime", "dt", "_time", "_timestamp", "logged_at", "log_time", "logtime", "StartUTC", "EdgeStartTimestamp", "eventtime",
	"timestamp.$date", "timestamp.seconds", "timestampSeconds", "record.time.timestamp",
}

// messageTimes are those of a line's time in a message whose header has none.
var messageTimes = []string{"time", "timestamp", "ts", "@timestamp", "datetime", "asctime"}

// Marks that are added to a key's number in a body's table.
const (
	timeKey    = 1 << 16 // it names the time
	textKey    = 1 << 17 // in JSON: its text may be the whole message
	streamKey  = 1 << 18 // in JSON: with a text beside it a container's line, as Docker keeps it
	journalKey = 1 << 19 // in JSON: with a text beside it a line of journald's
	sumKey     = 1 << 20 // of a list of numbers the sum counts
	firstKey   = 1 << 21 // of a list of addresses the first counts
	logKey     = 1 << 22 // in JSON: beside a number date, the line that Fluent Bit passed on
	dateKey    = 1 << 23 // in JSON: it may be that date
	slotMask   = timeKey - 1
)

// Names of what proxies write as lists: nginx's times of servers behind, and the header
// X-Forwarded-For.
var (
	sumNames = []string{
		"upstream_response_time", "upstream_connect_time", "upstream_header_time", "upstream_time", "upstreamResponseTime", "http_upstream_time", "urt", "uct", "uht", "ut",
	}
	firstNames = []string{
		"http_x_forwarded_for", "x_forwarded_for", "x-forwarded-for", "X-Forwarded-For", "http_forwarded_for", "forwarded_for", "xff", "XFF",
	}
)

var textNames = []string{"log", "message", "msg", "MESSAGE"}

// frameNames are members of JSON that are about the line, or its text.
var frameNames = func() *keyTable {
	names := map[string]uint32{"stream": 1}
	for _, name := range slices.Concat(timeNames, textNames, []string{
		"level", "severity", "lvl", "logger", "logger_name", "name", "thread", "thread_name", "caller", "source", "host", "hostname", "pid",
		"v", "@version", "tag", "_p", "logtag", "attrs",
	}) {
		names[name] = 1
	}
	return newKeyTable(names)
}()

// A body is how attributes are read.
type body struct {
	keys *keyTable // slot + 1 (0: not wanted), and marks
}

func newBody(kind bodyKind, slots map[string]Slot) body {
	keys := make(map[string]uint32, len(slots))
	for name, slot := range slots {
		keys[name] = uint32(slot + 1)
	}
	for _, name := range headerNames[kind] {
		delete(keys, name)
	}
	if kind == wholeLine {
		for mark, names := range map[uint32][]string{timeKey: timeNames, textKey: textNames, streamKey: {"stream"}, journalKey: {"__REALTIME_TIMESTAMP"}, logKey: {"log"}, dateKey: {"date"}} {
			for _, name := range names {
				keys[name] |= mark
			}
		}
	}
	if kind == loggerBody {
		for _, name := range messageTimes {
			keys[name] |= timeKey
		}
	}
	if kind != pulseBody && kind != herokuBody {
		for mark, names := range map[uint32][]string{sumKey: sumNames, firstKey: firstNames} {
			for _, name := range names {
				if keys[name] != 0 { // it is wanted
					keys[name] |= mark
				}
			}
		}
	}
	return body{newKeyTable(keys)}
}
