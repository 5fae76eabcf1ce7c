package oracle_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/cmd/dev/traffic"
	"pulse/stats"
)

// heroku gives the definitions of testdata/heroku.yaml with variables.
func heroku(t testing.TB, variables map[string]string) *stats.Definitions {
	t.Helper()
	d, err := stats.ParseEnv("heroku.yaml", readFile(t, "../../testdata/heroku.yaml"), func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The names of the original's statistics, written out.
func originalNames() (single, scoped []string) {
	single = []string{
		"events-per-second", "events-per-second-unparsed", "pulse-events-per-second",
		"rendezvous-joins-per-minute", "rendezvous-rendezvous-per-minute",
	}
	scoped = []string{
		"amqp-publishes-per-second", "amqp-receives-per-second", "amqp-timeouts-per-minute",
		"nginx-requests-per-second", "nginx-requests-domains-per-minute",
		"nginx-errors-per-minute", "nginx-errors-instances-per-minute",
		"varnish-requests-per-second", "varnish-purges-per-minute",
		"hermes-requests-per-second", "hermes-requests-apps-per-minute",
		"hermes-econns-per-minute", "hermes-econns-apps-per-minute", "hermes-errors-per-minute",
		"hermes-slow-redis-lookups-per-minute", "hermes-catastrophic-redis-lookups-per-minute",
		"hermes-processes-last", "hermes-ports-last", "logplex-msg-processed", "logplex-drain-delivered",
	}
	for _, status := range []string{"500", "502", "503", "504"} {
		scoped = append(scoped, "nginx-"+status+"-per-minute", "nginx-"+status+"-domains-per-minute", "varnish-"+status+"-per-minute")
	}
	for _, code := range []int{10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 80, 99} {
		scoped = append(scoped, fmt.Sprintf("hermes-h%d-per-minute", code), fmt.Sprintf("hermes-h%d-apps-per-minute", code))
	}
	for _, copy := range []string{"services", "procs", "domains", "domain-groups"} {
		for _, what := range []string{"updates-per-minute", "connections-per-minute", "disconnects-per-minute", "mean-latency", "mean-staleness"} {
			scoped = append(scoped, "hermes-"+copy+"-lockstep-"+what)
		}
	}
	return single, scoped
}

var byKeyNames = []string{"hermes-errors-by-app", "nginx-500-by-domain", "nginx-requests-by-domain"}

func TestHerokuNames(t *testing.T) {
	single, scoped := originalNames()
	for _, test := range []struct {
		variables map[string]string
		prefixes  []string
		want      int
	}{
		{nil, []string{""}, 83},
		{map[string]string{"CLOUDS": "heroku.com,eu.heroku.com"}, []string{"", "eu.heroku."}, 161},
		{
			map[string]string{"CLOUDS": "a.com,b.org", "DEFAULT_CLOUD": "b.org", "GRAPHITE_PREFIX": "pulse."},
			[]string{"pulse.", "pulse.a."}, 161,
		},
	} {
		want := slices.Clone(single)
		for _, prefix := range test.prefixes {
			for _, name := range scoped {
				want = append(want, prefix+name)
			}
		}
		if len(want) != test.want {
			t.Fatalf("%d names, want %d", len(want), test.want)
		}
		want = append(want, byKeyNames...)
		var got []string
		for _, s := range heroku(t, test.variables).Stats {
			got = append(got, s.Name)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%v:\ngot  %s\nwant %s", test.variables, got, want)
		}
	}
}

// herokuRecording is traffic in which each of the original's statistics has
// something to count, out of order and with garbage, of two clouds.
func herokuRecording(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	err := traffic.Write(&b, traffic.Options{
		Kind: "pulse", Lines: 60_000, Rate: 400, Seed: 12, Start: goldenStart, Disorder: 5 * time.Second, Garbage: 0.01,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestGoldenOriginal has the values of the original's statistics of two clouds,
// at every tenth second.
func TestGoldenOriginal(t *testing.T) {
	testkit.Long(t)
	if runtime.GOARCH != "amd64" {
		t.Skip("other processors may round the generator's logarithms otherwise")
	}
	d := heroku(t, map[string]string{"CLOUDS": "example.com,eu.example.com", "DEPLOY": "production"})
	snapshots, counts := evalRecording(t, d, herokuRecording(t))
	if counts.Late == 0 {
		t.Errorf("nothing is late: %+v", counts)
	}
	values := make(map[string][]string)
	something := make(map[string]bool)
	for _, s := range snapshots {
		v := string(s.Value)
		if v != "0" && v != "null" && !strings.HasPrefix(v, `{"top":[]`) {
			something[s.Stat] = true
		}
		if s.Time%10 == 9 {
			values[s.Stat] = append(values[s.Stat], v)
		}
	}
	var got []byte
	for _, stat := range slices.SortedFunc(maps.Keys(values), cmp.Compare[string]) {
		if !something[stat] && !strings.HasPrefix(stat, "pulse.") {
			t.Errorf("%s has nothing to count", stat)
		}
		got = fmt.Appendf(got, "%s %s\n", stat, strings.Join(values[stat], " "))
	}
	if *update {
		write(t, golden("original", ".txt"), got)
	}
	compareLines(t, got, readFile(t, golden("original", ".txt")))
}

// Of the router's statistics that of all requests alone asks for a code.
func TestHerokuWithoutACode(t *testing.T) {
	const text = "2012-11-22T09:31:34Z 10.1.2.3 local7.info hermes[12] - runtime.17@heroku.com - mod=hermes_proxy app_id=%d error_type=econn redis=30%s\n"
	lines := fmt.Sprintf(text, 1, "") + fmt.Sprintf(text, 2, " code=H10")
	snapshots, _ := evalRecording(t, heroku(t, nil), []byte(lines))
	got := map[string]string{}
	for _, s := range snapshots {
		got[s.Stat] = string(s.Value)
	}
	for stat, want := range map[string]string{
		"hermes-requests-per-second":                   "1",
		"hermes-requests-apps-per-minute":              "2",
		"hermes-h10-per-minute":                        "60",
		"hermes-econns-per-minute":                     "120",
		"hermes-econns-apps-per-minute":                "2",
		"hermes-slow-redis-lookups-per-minute":         "120",
		"hermes-catastrophic-redis-lookups-per-minute": "120",
	} {
		if got[stat] != want {
			t.Errorf("%s is %s, want %s", stat, got[stat], want)
		}
	}
}

// The original's definitions make no comparison with a value of another type.
func TestHerokuHasNoExpressionErrors(t *testing.T) {
	d := heroku(t, map[string]string{"CLOUDS": "example.com,eu.example.com"})
	var b bytes.Buffer
	if err := traffic.Write(&b, traffic.Options{Kind: "pulse", Lines: 5000, Rate: 400, Seed: 13, Start: goldenStart}); err != nil {
		t.Fatal(err)
	}
	snapshots, _ := evalRecording(t, d, b.Bytes())
	for _, s := range snapshots {
		if s.Stat == "pulse.expression-errors" && !strings.HasPrefix(string(s.Value), `{"top":[]`) {
			t.Fatalf("at %d: %s", s.Time, s.Value)
		}
	}
}

// Each cloud has the pages, with its internal stats.
func TestHerokuPages(t *testing.T) {
	var got []string
	for _, page := range heroku(t, map[string]string{"CLOUDS": "heroku.com,eu.heroku.com"}).Pages {
		got = append(got, page.Title+": "+strings.Join(page.Rows[0], " "))
	}
	want := []string{
		"Routing: events-per-second nginx-requests-per-second varnish-requests-per-second hermes-requests-per-second",
		"Hermes: hermes-h10-per-minute",
		"Platform: amqp-publishes-per-second amqp-receives-per-second amqp-timeouts-per-minute",
		"eu.heroku Routing: eu.heroku.nginx-requests-per-second eu.heroku.varnish-requests-per-second eu.heroku.hermes-requests-per-second",
		"eu.heroku Hermes: eu.heroku.hermes-h10-per-minute",
		"eu.heroku Platform: eu.heroku.amqp-publishes-per-second eu.heroku.amqp-receives-per-second eu.heroku.amqp-timeouts-per-minute",
	}
	for i := range want {
		if i >= len(got) || !strings.HasPrefix(got[i], want[i]) {
			t.Fatalf("pages\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
