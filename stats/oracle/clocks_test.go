package oracle_test

import (
	"fmt"
	"testing"
	"time"

	"pulse/stats"
	"pulse/stats/internal/statstest"
	"pulse/stats/line"
	"pulse/stats/program"
)

// TestOffClocks: lines that are late or ahead are told by their input and host and by how
// much; and where it is their ingester's clock that is off, by that.
func TestOffClocks(t *testing.T) {
	const now = statstest.Epoch
	stamp := func(second int64) string { return time.Unix(second, 0).UTC().Format(time.RFC3339) }
	syslog := func(second int64, host string) string {
		return fmt.Sprintf("<13>1 %s %s app p - - words\n", stamp(second), host)
	}
	origin := func(pairs ...string) []line.Run {
		from, err := line.NewOrigin(pairs...)
		if err != nil {
			t.Fatal(err)
		}
		return []line.Run{{Lines: 100, From: from}}
	}
	drain := origin("input", "drain", "drain", "shop", "remote", "192.0.2.7")
	long := "/var/log/containers/checkout-5d9c7b7c9f-x2x8z_default_checkout.log"
	none := `{"top":[],"other":null,"distinct":0}`
	for name, test := range map[string]struct {
		pack program.Pack
		want string
	}{
		"right": {program.Pack{Lines: []byte(syslog(now, "db-1") + syslog(now+5, "db-2") + syslog(now-2, "db-2")), Second: now, Floor: now, Runs: drain, Ingester: "i1", Clock: now}, none},
		"hosts fast and slow": {program.Pack{
			Lines: []byte(syslog(now+90, "db-1") + syslog(now-90, "db-2") + syslog(now-80, "db-2") + syslog(now, "db-3")), Second: now, Floor: now, Runs: drain, Ingester: "i1", Clock: now},
			`{"top":[{"key":"ahead,,drain shop,db-1","value":90},{"key":"behind,,drain shop,db-2","value":90}],"other":null,"distinct":2}`},
		"all hosts are host": {program.Pack{Lines: []byte(syslog(now-90, "host")), Second: now, Floor: now, Runs: drain, Ingester: "i1", Clock: now},
			`{"top":[{"key":"behind,,drain shop,192.0.2.7","value":90}],"other":null,"distinct":1}`},
		"no host, and a long name": {program.Pack{Lines: []byte(stamp(now-90) + " words\n"), Second: now, Floor: now, Runs: origin("input", "file", "file", long), Ingester: "i1", Clock: now},
			`{"top":[{"key":"behind,,file,…` + long[len(long)-40:] + `","value":90}],"other":null,"distinct":1}`},
		"no origin": {program.Pack{Lines: []byte("time=" + stamp(now-90) + " input=mine\n"), Second: now, Floor: now, Ingester: "i1", Clock: now},
			`{"top":[{"key":"behind,,,","value":90}],"other":null,"distinct":1}`},
		"a slow ingester": {program.Pack{Lines: []byte(syslog(now, "db-1") + "undated words\n"), Second: now - 90, Floor: now, Runs: drain, Ingester: "i1", Clock: now},
			`{"top":[{"key":"behind,i1,,","value":90}],"other":null,"distinct":1}`},
		"a fast ingester": {program.Pack{Lines: []byte(syslog(now, "db-1")), Second: now + 90, Floor: now + 90, Runs: drain, Ingester: "i1", Clock: now},
			`{"top":[{"key":"ahead,i1,,","value":90}],"other":null,"distinct":1}`},
		"a slow host of a fast ingester": {program.Pack{Lines: []byte(syslog(now-60, "db-1")), Second: now + 90, Floor: now + 90, Runs: drain, Ingester: "i1", Clock: now},
			`{"top":[{"key":"behind,,drain shop,db-1","value":150}],"other":null,"distinct":1}`},
		"a recording has no ingester": {program.Pack{Lines: []byte(syslog(now, "db-1")), Second: now - 90, Floor: now, Recorded: true, Clock: now},
			`{"top":[{"key":"ahead,,,db-1","value":90}],"other":null,"distinct":1}`},
	} {
		if got := ownValue(t, rates(2), stats.OffClockStat, test.pack); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
