package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
)

// What the page asks of the log, and of an incident, has the same answers however often pulse
// web is killed while it answers: those of the oracle, and of the commands.
func TestQuestionsUnderKills(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	definitions := func(where string) string {
		return writeFile(t, "stats.yaml", "lateness: 3s\nstats:\n  - {name: requests, rate: minute"+where+"}\n")
	}
	begin := time.Date(2012, 11, 22, 9, 30, 0, 0, time.UTC)
	var log strings.Builder
	for second := range 600 {
		for n := range 20 {
			at := begin.Add(time.Duration(second-(n+second)%3) * time.Second).Format(time.RFC3339)
			fmt.Fprintf(&log, "time=%s customer=c%d status=%d\n", at, (second*n)%7, 200+300*(second*n%5/4))
			if second >= 500 && n%4 == 0 {
				fmt.Fprintf(&log, "time=%s customer=bad status=500\n", at)
			}
		}
	}
	recording := writeFile(t, "app.log", log.String())
	d := deploy(t, definitions(""), 3, 1)
	d.start("replay", "--original-times", "--speed", "max", recording).succeed()
	follow(t, d.cluster, d.names).equals(evaluate(t, d.env, recording), 0)
	from, to := begin.Unix()+400, begin.Unix()+580
	d.start("incident", "save", "bad", "--from", utc(from), "--to", utc(to)).succeed()
	const incident = "/api/incidents/bad-20121122-093640"

	home := fmt.Sprintf("http://127.0.0.1:%d", freePort(t))
	serve := func() (kill func()) {
		t.Helper()
		c := d.process("web", "--http", strings.TrimPrefix(home, "http://"))
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ready(t, home+"/readyz")
		return func() {
			c.Process.Kill() //nolint:errcheck // it may have ended
			c.Wait()         //nolint:errcheck // it was killed
		}
	}
	narrowed := fmt.Sprintf("/narrowed?stat=requests&where=%s&from=%d&to=%d", url.QueryEscape("status == 500"), from, to)
	explained := fmt.Sprintf("/explain?stat=requests&from=%d&to=%d&against=%d", to-79, to, from)
	questions := []string{
		"/api" + narrowed, "/api" + explained, fmt.Sprintf("/api/lines?stat=requests&where=status+%%3D%%3D+500&from=%d&to=%d", to-3, to), fmt.Sprintf("/api/fields?from=%d&to=%d", from, to),
		incident + narrowed, incident + explained, incident + fmt.Sprintf("/lines?stat=requests&from=%d&to=%d", to-3, to), incident + fmt.Sprintf("/fields?from=%d&to=%d", from, to), incident + fmt.Sprintf("/frames?at=%d&seconds=60", to-60),
		incident + fmt.Sprintf("/points?from=%d&to=%d", from, to),
	}
	ask := func(question string) (string, error) {
		response, err := http.Get(home + question)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", response.Status, text)
		}
		return string(text), err
	}
	kill := serve()
	answers := map[string]string{}
	for round := range 4 {
		for _, question := range questions {
			answer, err := ask(question)
			if err != nil {
				t.Fatalf("%s: %v", question, err)
			}
			if round == 0 {
				answers[question] = answer
			} else if answers[question] != answer {
				t.Errorf("after %d kills %s says\n%.500s\nand it said\n%.500s", round, question, answer, answers[question])
			}
		}
		asked := make(chan error)
		for _, question := range questions {
			go func() {
				_, err := ask(question)
				asked <- err // most were not answered
			}()
		}
		kill()
		for range questions {
			<-asked
		}
		if round < 3 {
			kill = serve()
		}
	}

	want := evaluate(t, d.env, "--stats", definitions(", where: status == 500"), recording)
	for _, question := range []string{"/api" + narrowed, incident + narrowed} {
		var got struct{ Points []stats.Snapshot }
		if err := json.Unmarshal([]byte(answers[question]), &got); err != nil {
			t.Fatal(err)
		}
		compared := 0
		for _, p := range got.Points {
			for p := range seconds(p) {
				if w := want.points[point{p.Stat, p.Time}]; string(w.Value) != string(p.Value) || w.Covered != p.Covered || w.Of != p.Of {
					t.Fatalf("%s: %s is %s, want %s", question, utc(p.Time), p.Value, w.Value)
				}
				compared++
			}
		}
		if compared != int(to-from+1) {
			t.Errorf("%s: %d points were compared, want %d", question, compared, to-from+1)
		}
	}
	said := strings.TrimSpace(d.start("explain", "requests", "--from", utc(to-79), "--to", utc(to), "--against", utc(from), "--json").succeed().stdout.String())
	for _, question := range []string{"/api" + explained, incident + explained} {
		var got struct{ Answer json.RawMessage }
		if err := json.Unmarshal([]byte(answers[question]), &got); err != nil || string(got.Answer) != said {
			t.Errorf("%s says\n%.600s\nand pulse explain\n%.600s", question, got.Answer, said)
		}
	}
	if !strings.Contains(said, `"value":"bad"`) {
		t.Errorf("the planted cause is not in %s", said)
	}
}
