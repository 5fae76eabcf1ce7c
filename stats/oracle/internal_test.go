package oracle_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"pulse/stats"
	"pulse/stats/internal/statstest"
	"pulse/stats/oracle"
	"pulse/stats/program"
)

// ownValue gives the value of one of the internal stats after packs of lines at
// one second.
func ownValue(t *testing.T, d *stats.Definitions, name string, packs ...program.Pack) string {
	t.Helper()
	value := ""
	e, err := oracle.New(d, func(s stats.Snapshot) {
		if s.Stat == name {
			value = string(s.Value)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, pack := range packs {
		e.Pack(pack)
	}
	e.Close(-1)
	return value
}

func TestExpressionErrors(t *testing.T) {
	for _, test := range []struct {
		where, line string
		want        int
	}{
		{"status >= 500", "status=600", 0},
		{"status >= 500", "status=200", 0},
		{"status >= 500", "status=none", 1},
		{"status >= 500", "other=1", 0},
		{"status != 500", "status=none", 1},
		{`status == 500`, "status=none", 0}, // an honest no, as in streams of several programs
		{`status == 500`, "status=true", 1},
		{`status in [500, 503]`, "status=none", 0},
		{`!(status == 500)`, "status=none", 0}, // which counts
		{`status in 500..599`, "status=none", 1},
		{`status == 500`, "status=404", 0},
		{`status == "500"`, "status=500", 0},
		{`status == "0500"`, "status=500", 1},
		{`status == "500"`, "status=none", 0},
		{`code == "H10"`, "code=200", 0}, // an honest no
		{`code in ["H10", "true"]`, "code=200", 1},
		{`code in ["H10", "true"]`, "code=H10", 0},
		{`status in [500, 503] && code == "H10"`, "status=none code=H11", 0},
		{`status in [500, 503] && code == "H10"`, "status=none code=H10", 0},
		{`status in [500, 503] && code == "H10"`, "status=true code=H10", 1},
		{`cached == true`, "cached=5", 1},
		{`code == "true"`, "code=5", 1},
		{`code == "x"`, "code=true", 0},
		{`cached`, "cached=yes", 1},
		{`cached`, "cached=false", 0},
		{`cached`, "other=1", 0},
		{`!cached`, "cached=yes", 0}, // which counts
		{`len(path) > 2`, "path=/x/y", 0},
		{`len(path) > 2`, "path=17", 1},
		{`len(path) > 2`, "other=17", 0},
		{`len(path) > 2 && source_id == "a"`, "path=17 source_id=b", 0},
		{`path contains "x"`, "path=/x", 0},
		{`path contains "x"`, "path=/y", 0},
		{`path contains "x"`, "path=17", 1},
		{`path contains "x"`, "path", 1}, // true
		// Only where it decides, whatever stands first.
		{`status >= 500 && source_id == "a"`, "status=none source_id=b", 0},
		{`source_id == "a" && status >= 500`, "status=none source_id=a", 1},
		{`status >= 500 || source_id == "a"`, "status=none source_id=a", 0},
		{`status >= 500 || source_id == "a"`, "status=none source_id=b", 1},
		{`path contains "x" && status >= 500`, "status=none path=/x", 1},
		{`path contains "x" && status >= 500`, "status=none path=/y", 0},
		{`path contains "x" || status >= 500`, "status=none path=/x", 0},
		{`path contains "x" || status >= 500`, "status=none path=/y", 1},
		{`!(status >= 500)`, "status=none", 0}, // which counts
	} {
		d, err := stats.Parse("t", fmt.Appendf(nil, "stats: [{name: s, rate: second, where: '%s'}]", test.where))
		if err != nil {
			t.Fatal(err)
		}
		pack := program.Pack{Lines: []byte(strings.Repeat("at=x "+test.line+"\n", 7)), Second: statstest.Epoch, Floor: statstest.Epoch}
		var v struct {
			Top []struct {
				Key   string
				Value float64
			}
		}
		if err := json.Unmarshal([]byte(ownValue(t, d, "pulse.expression-errors", pack)), &v); err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, e := range v.Top {
			if e.Key != "s" {
				t.Errorf("the key %s", e.Key)
			}
			got += int(e.Value/60 + 0.5)
		}
		if got != 7*test.want {
			t.Errorf("where %s, %s: %d errors, want %d", test.where, test.line, got, 7*test.want)
		}
	}
}

// TestNoticed: lines are counted by the fields that the file names, each once however often
// a line has it, and by stat the values that are not numbers.
func TestNoticed(t *testing.T) {
	d, err := stats.Parse("t", []byte(`
stats:
  - {name: failed, rate: second, where: 'status >= 500 || level == "error"'}
  - {name: took, mean: took}
  - {name: took-by, mean: took, by: host}
  - {name: never, sum: statsu}
  - {name: hosts, unique: host}
`))
	if err != nil {
		t.Fatal(err)
	}
	many := make([]string, 0, 80) // more than an event has room for
	for range 80 {
		many = append(many, "took=7")
	}
	lines := strings.Join([]string{
		"status=200 took=12ms host=a", "status=ok took=slow host=b", "status=true took=- host=c", `status=500 took= host=d other=1`,
		"took=1 took=x", "at=x took=x host=e", "at=x level=error", "at=x other=2", strings.Join(many, " ") + " host=f",
	}, "\n")
	pack := program.Pack{Lines: []byte(lines), Second: statstest.Epoch, Floor: statstest.Epoch}
	for name, want := range map[string]string{
		"pulse.fields": `{"top":[{"key":"line,any","value":9},{"key":"took,any","value":7},{"key":"host,any","value":6},` +
			`{"key":"status,number","value":2},{"key":"level,text","value":1},{"key":"status,boolean","value":1},{"key":"status,text","value":1}],"other":0,"distinct":7}`,
		"pulse.text-values": `{"top":[{"key":"took","value":3},{"key":"took-by","value":2}],"other":0,"distinct":2}`,
	} {
		if got := ownValue(t, d, name, pack); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestOwnStats(t *testing.T) {
	d := rates(2)
	lines := statstest.LogLine(statstest.Epoch+3, 1) + statstest.LogLine(statstest.Epoch-9, 1) + statstest.LogLine(statstest.Epoch, 1) + "???\n"
	pack := program.Pack{Lines: []byte(lines), Second: statstest.Epoch, Floor: statstest.Epoch}
	for name, want := range map[string]string{
		"pulse.events-per-second":   "0.75",
		"pulse.unparsed-per-second": "0.25",
		"pulse.late-per-second":     "0.25",
		"pulse.bytes-per-second":    fmt.Sprint(float64(len(lines)-4) / 4),
		"pulse.clock-skew":          "3",
		"pulse.expression-errors":   `{"top":[],"other":0,"distinct":0}`,
	} {
		if got := ownValue(t, d, name, pack); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestUnderstood: the account says of all lines, late ones too, how many have no time,
// how many are of no known format or half understood, and of which formats they are.
func TestUnderstood(t *testing.T) {
	at := func(second int64) string { return time.Unix(second, 0).UTC().Format(time.RFC3339) }
	lines := strings.Join([]string{
		"at=info no=time",
		"???",
		at(statstest.Epoch) + " ???",
		`{"time":"` + at(statstest.Epoch) + `","status":200}`,
		`{"time":"` + at(statstest.Epoch) + `","message":"all of it"}`,
		`{"time":"` + at(statstest.Epoch-3600) + `","message":"all of it, late"}`,
		"<13>1 " + at(statstest.Epoch) + " h app p - - a=1",
		"<13>1 " + at(statstest.Epoch) + " h app p - - words alone",
		"<13>1 - h app p - - words alone",
	}, "\n")
	pack := program.Pack{Lines: []byte(lines), Second: statstest.Epoch, Floor: statstest.Epoch}
	d := rates(2)
	if got, want := ownValue(t, d, stats.LinesStat, pack), fmt.Sprintf(
		`{"in":9,"counted":8,"late":1,"unreadable":0,"ahead":0,"undated":3,"unparsed":2,"half":4,"bytes":%d}`, len(lines)-8); got != want {
		t.Errorf("pulse.lines: %s, want %s", got, want)
	}
	var v struct {
		Top []struct {
			Key   string
			Value float64
		}
	}
	if err := json.Unmarshal([]byte(ownValue(t, d, "pulse.formats", pack)), &v); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, e := range v.Top {
		got[e.Key] = int(e.Value/60 + 0.5) // of the one second that is covered
	}
	if want := map[string]int{"logfmt": 1, "unparsed": 2, "json": 1, "json, half": 2, "syslog": 1, "syslog, half": 2}; !maps.Equal(got, want) {
		t.Errorf("pulse.formats: %v, want %v", got, want)
	}
}
