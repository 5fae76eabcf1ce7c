package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/value"
)

// startPrometheus starts one that takes remote writes, and returns its URL.
func startPrometheus(t *testing.T) string {
	t.Helper()
	prometheus := testkit.Tool(t, "prometheus")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	folder := t.TempDir()
	config := writeFile(t, "prometheus.yml", "global: {}\n")
	sender(t, prometheus, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.enable-remote-write-receiver", "--web.listen-address="+address)
	testkit.Eventually(t, "Prometheus is ready", func() error {
		response, err := http.Get("http://" + address + "/-/ready")
		if err == nil {
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				err = fmt.Errorf("it answers %s", response.Status)
			}
		}
		return err
	})
	return "http://" + address
}

// samples are those that a Prometheus has of Pulse: by series and second.
func samples(t *testing.T, prometheus string) map[string]map[int64]float64 {
	t.Helper()
	response, err := http.Get(prometheus + "/api/v1/query?query=" + url.QueryEscape("pulse_stat[1h]"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%v: %.200s", err, body)
	}
	all := map[string]map[int64]float64{}
	for _, r := range answer.Data.Result {
		name := r.Metric["stat"] + " " + r.Metric["key"] + r.Metric["quantile"] + r.Metric["le"] + r.Metric["count"]
		all[name] = map[int64]float64{}
		for _, v := range r.Values {
			number, err := strconv.ParseFloat(v[1].(string), 64)
			if err != nil {
				t.Fatal(err)
			}
			all[name][int64(v[0].(float64))] = number
		}
	}
	return all
}

// TestRemoteWrite: a Prometheus has each final value at its own time, once, whenever the
// emitter was killed.
func TestRemoteWrite(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	prometheus := startPrometheus(t)
	d := deploy(t, writeFile(t, "stats.yaml", `
lateness: 1s
stats:
  - {name: requests, count: lines, where: ps == "router", over: 5s}
  - {name: ms, quantiles: service, at: [0.5, 0.99], over: 2s}
  - {name: by-host, count: lines, by: host, top: 3, over: 1s}
`), 3, 1)
	emit := func() *exec.Cmd {
		t.Helper()
		c := d.process("emit", "--remote-write", prometheus+"/api/v1/write")
		c.Env = append(c.Env, "PULSE_KAFKA_SESSION=6s")
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Process.Kill(); c.Wait() })
		return c
	}
	lines, stdin := newTail(t)
	start(t, d.env, stdin, "ingest", "--stdin")
	published := follow(t, d.cluster, d.names)
	// reaches waits until Prometheus has a second that is so many after another one.
	reaches := func(after int64) (newest int64) {
		t.Helper()
		testkit.Eventually(t, fmt.Sprintf("Prometheus has second %d", after), func() error {
			lines.write(3)
			newest = 0
			for at := range samples(t, prometheus)["requests "] {
				newest = max(newest, at)
			}
			if newest < after {
				return fmt.Errorf("its newest is %d", newest)
			}
			return nil
		})
		return newest
	}
	const kills = 3
	c := emit()
	newest := reaches(1)
	for range kills {
		newest = reaches(newest + 3)
		c.Process.Kill()
		c.Wait()
		c = emit()
	}
	newest = reaches(newest + 3)
	published.until("what Prometheus has is final", func() error {
		if !published.points[point{"requests", newest}].Final {
			return fmt.Errorf("second %d is not", newest)
		}
		return nil
	})
	final := finals(published)
	testkit.Eventually(t, "Prometheus has what is final, and nothing else", func() error {
		lines.write(1)
		return sameSamples(samples(t, prometheus), final, newest)
	})
}

// sameSamples compares samples with final points up to a second, of each series from the first
// that there is.
func sameSamples(got map[string]map[int64]float64, final map[point]stats.Snapshot, newest int64) error {
	begin := map[string]int64{}
	for name, of := range got {
		begin[name] = slices.Min(slices.Collect(maps.Keys(of)))
	}
	compared := 0
	for at, s := range final {
		v, err := value.Parse(s.Value)
		if err != nil || at.second > newest {
			continue
		}
		for labels, want := range value.Samples(v) {
			name := at.stat + " "
			for _, l := range labels {
				name += l.Text
			}
			if from, known := begin[name]; !known || at.second < from {
				continue
			}
			if number, there := got[name][at.second]; !there || number != want {
				return fmt.Errorf("%s at %d is %v (%t), want %v", name, at.second, number, there, want)
			}
			delete(got[name], at.second)
			compared++
		}
	}
	for name, of := range got {
		for at, number := range of {
			if at <= newest {
				return fmt.Errorf("%s at %d is %v, and was never final", name, at, number)
			}
		}
	}
	if compared < 100 || len(begin) < 8 {
		return fmt.Errorf("only %d samples of %d series were compared", compared, len(begin))
	}
	return nil
}
