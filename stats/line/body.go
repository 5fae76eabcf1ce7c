package line

// A bodyKind is the place that attributes are in: it says how they are written
// and which names the header before them has for itself.
type bodyKind uint8

const (
	pulseBody bodyKind = iota
	herokuBody
	syslogBody   // with a host in its header
	hostlessBody // RFC 5424 without one: Heroku's drains have their attribute host
	wholeLine    // logfmt and JSON on their own
	bodies       // how many there are
)

// Names that a message cannot give, by its header.
var headerNames = [bodies][]string{
	pulseBody:    {"line", "unparsed", "msg", "level", "source", "ps", "slot", "instance_id", "cloud"},
	herokuBody:   {"line", "unparsed", "msg", "source", "ps"},
	syslogBody:   {"line", "unparsed", "msg", "level", "facility", "source", "ps", "host"},
	hostlessBody: {"line", "unparsed", "msg", "level", "facility", "source", "ps"},
	wholeLine:    {"line", "unparsed"},
}

// timeNames are those of a line's time, where it is an attribute: of logfmt and many
// loggers, of Logstash, Serilog, Python's, nginx's variables, journald and log4j.
var timeNames = []string{
	"time", "timestamp", "ts", "t", "@timestamp", "@t", "Timestamp", "datetime", "date", "asctime", "eventTime",
	"time_iso8601", "time_local", "msec", "__REALTIME_TIMESTAMP", "instant.epochSecond", "timeMillis", "start_time",
}

// timeKey is added to a key's number in a body's table if it names the time.
const timeKey = 1 << 16

// A body is how attributes are read.
type body struct {
	key  uint8     // the class of a key's bytes
	keys *keyTable // slot + 1 (0: not wanted), and timeKey
}

func newBody(kind bodyKind, slots map[string]Slot) body {
	b := body{key: inPlain}
	if kind == pulseBody {
		b.key = inKey
	}
	keys := make(map[string]uint32, len(slots))
	for name, slot := range slots {
		keys[name] = uint32(slot + 1)
	}
	for _, name := range headerNames[kind] {
		delete(keys, name)
	}
	if kind == wholeLine {
		for _, name := range timeNames {
			keys[name] |= timeKey
		}
	}
	b.keys = newKeyTable(keys)
	return b
}
