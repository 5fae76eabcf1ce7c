// Peers times `pulse eval` beside other log tools doing the nearest same work
// on the same generated file, and checks that they counted the same.
//
// Pulse gives every number for each second of the lines' own time, with lateness
// and windows. The nearest to that is counting by the first 19 bytes of a line;
// without it the others count totals, which is a fraction of the work.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	pulse := flag.String("pulse", "bin/pulse", "the pulse binary")
	lines := flag.Int("lines", 1_000_000, "lines of each generated file")
	runs := flag.Int("runs", 3, "runs of each tool; the median counts")
	markdown := flag.Bool("markdown", false, "print tables of Markdown")
	flag.Parse()
	if err := run(ctx, *pulse, *lines, *runs, *markdown); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// totals are what each tool counts in a file, by stat or as "stat@second"; a tool
// that cannot count one leaves it out.
type totals map[string]int64

// A tool is one way to count them.
type tool struct {
	name    string
	command []string // with FILE for the recording and DIR for the folder of the programs
	read    func(stdout []byte) (totals, error)
}

// A contest is one file and the tools that count it.
type contest struct {
	kind  string // of cmd/dev/generate
	tools []tool
}

func contests(pulse string) []contest {
	eval := func(definitions string) []string {
		return []string{pulse, "eval", "--stats", "DIR/" + definitions, "FILE"}
	}
	awk := func(program string) []string { return []string{"mawk", "-f", "DIR/" + program + ".awk", "FILE"} }
	mtail := func(program string) []string {
		return []string{"mtail", "-one_shot", "-one_shot_format=json", "-logtostderr", "-progs", "DIR/" + program + ".mtail", "-logs", "FILE"}
	}
	routerMiller := func(program string) []string {
		return []string{"mlr", "--idkvp", "--ifs", " ", "--ips", "=", "--onidx", "put", "-q", "-f", "DIR/" + program + ".mlr", "FILE"}
	}
	return []contest{
		{"router", []tool{
			{"pulse eval", eval("router.yaml"), sumSnapshots},
			{"mawk, totals", awk("router"), readPairs},
			{"mawk, by second", awk("router-seconds"), readPairs},
			{"mtail, totals", mtail("router"), readMtail},
			{"mtail, by second", mtail("router-seconds"), readMtail},
			{"Miller, totals", routerMiller("router"), readPairs},
			{"Miller, by second", routerMiller("router-seconds"), readPairs},
		}},
		{"combined", []tool{
			{"pulse eval", eval("combined.yaml"), sumSnapshots},
			{"mawk, totals", awk("combined"), readPairs},
			{"mtail, totals", mtail("combined"), readMtail},
			{"Miller, totals", []string{"mlr", "--inidx", "--ifs", " ", "--onidx", "put", "-q", "-f", "DIR/combined.mlr", "FILE"}, readPairs},
			{"GoAccess", []string{"goaccess", "FILE", "--log-format=COMBINED", "--no-global-config", "--no-progress", "-o", "DIR/goaccess.json"}, nil},
		}},
	}
}

// programs are what the tools run.
var programs = map[string]string{
	"router.yaml": `
stats:
  - {name: requests, rate: second, over: 1s, where: source == "heroku"}
  - {name: errors, rate: second, over: 1s, where: source == "heroku" && status >= 500}
  - {name: h12, rate: second, over: 1s, where: source == "heroku" && code == "H12"}
  - {name: bytes, sum: bytes, over: 1s, where: source == "heroku"}
`,
	"router.awk": `
/ heroku\[router\]: / {
	requests++
	if (index($0, " code=H12 ")) h12++
	for (i = NF; i > 2; i--) {
		if (substr($i, 1, 7) == "status=" && substr($i, 8) + 0 >= 500) errors++
		if (substr($i, 1, 6) == "bytes=") bytes += substr($i, 7)
	}
}
END { printf "requests %.0f\nerrors %.0f\nh12 %.0f\nbytes %.0f\n", requests, errors, h12, bytes }
`,
	"router-seconds.awk": `
/ heroku\[router\]: / {
	second = substr($1, 1, 19)
	requests[second]++
	if (index($0, " code=H12 ")) h12[second]++
	for (i = NF; i > 2; i--) {
		if (substr($i, 1, 7) == "status=" && substr($i, 8) + 0 >= 500) errors[second]++
		if (substr($i, 1, 6) == "bytes=") bytes[second] += substr($i, 7)
	}
}
END {
	for (s in requests) printf "requests@%s %.0f\nerrors@%s %.0f\nh12@%s %.0f\nbytes@%s %.0f\n", s, requests[s], s, errors[s], s, h12[s], s, bytes[s]
}
`,
	"router.mtail": `
counter requests
counter errors
counter h12
counter bytes
/ heroku\[router\]: / {
  requests++
  / code=H12 / {
    h12++
  }
  / status=(?P<status>\d+) bytes=(?P<size>\d+)/ {
    bytes += $size
    $status >= 500 {
      errors++
    }
  }
}
`,
	"router-seconds.mtail": `
counter requests by second
counter errors by second
counter h12 by second
counter bytes by second
/^(?P<second>\S{19})\S* heroku\[router\]: / {
  requests[$second]++
  / code=H12 / {
    h12[$second]++
  }
  / status=(?P<status>\d+) bytes=(?P<size>\d+)/ {
    bytes[$second] += $size
    $status >= 500 {
      errors[$second]++
    }
  }
}
`,
	"router.mlr": `
begin { @requests = 0; @errors = 0; @h12 = 0; @bytes = 0 }
${2} == "heroku[router]:" {
  @requests += 1;
  if (is_present($code) && $code == "H12") { @h12 += 1 }
  if (is_present($status) && $status >= 500) { @errors += 1 }
  if (is_present($bytes)) { @bytes += $bytes }
}
end { print "requests ".@requests."\nerrors ".@errors."\nh12 ".@h12."\nbytes ".@bytes }
`,
	"router-seconds.mlr": `
${2} == "heroku[router]:" {
  s = substr1(${1}, 1, 19);
  @requests[s] += 1;
  if (is_present($code) && $code == "H12") { @h12[s] += 1 }
  if (is_present($status) && $status >= 500) { @errors[s] += 1 }
  if (is_present($bytes)) { @bytes[s] += $bytes }
}
end {
  for (s, n in @requests) { print "requests@".s." ".n }
  for (s, n in @errors) { print "errors@".s." ".n }
  for (s, n in @h12) { print "h12@".s." ".n }
  for (s, n in @bytes) { print "bytes@".s." ".n }
}
`,
	"combined.yaml": `
stats:
  - {name: requests, rate: second, over: 1s, where: http_status != nil}
  - {name: errors, rate: second, over: 1s, where: http_status >= 500}
  - {name: bytes, sum: http_bytes, over: 1s}
`,
	"combined.awk": `
{
	if (match($0, /" [0-9][0-9][0-9] [0-9-]+ "/)) {
		split(substr($0, RSTART + 2, RLENGTH - 4), f, " ")
		requests++
		if (f[1] >= 500) errors++
		bytes += f[2]
	}
}
END { printf "requests %.0f\nerrors %.0f\nbytes %.0f\n", requests, errors, bytes }
`,
	"combined.mlr": `
begin { @requests = 0; @errors = 0; @bytes = 0 }
is_present($10) {
  @requests += 1;
  if ($9 >= 500) { @errors += 1 }
  if ($10 != "-") { @bytes += $10 }
}
end { print "requests ".@requests."\nerrors ".@errors."\nbytes ".@bytes }
`,
	"combined.mtail": `
counter requests
counter errors
counter bytes
/" (?P<status>\d{3}) (?P<size>\d+|-) "/ {
  requests++
  $status >= 500 {
    errors++
  }
  $size != "-" {
    bytes += int($size)
  }
}
`,
}

func run(ctx context.Context, pulse string, lines, runs int, markdown bool) error {
	dir, err := os.MkdirTemp("", "pulse-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	for _, c := range contests(pulse) {
		if err := c.run(ctx, dir, lines, runs, markdown); err != nil {
			return fmt.Errorf("%s: %w", c.kind, err)
		}
	}
	return nil
}

// run times the tools in turn, so that they meet the same moods of the machine.
func (c contest) run(ctx context.Context, dir string, lines, runs int, markdown bool) error {
	file := filepath.Join(dir, c.kind+".log")
	generate := exec.CommandContext(ctx, "go", "run", "./cmd/dev/generate", "-kind", c.kind,
		"-lines", fmt.Sprint(lines), "-rate", "5000", "-seed", "1", "-garbage", "0")
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	generate.Stdout, generate.Stderr = out, os.Stderr
	if err := generate.Run(); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}

	cpu := map[string][]time.Duration{}
	counted := map[string]totals{}
	for range runs {
		for _, t := range c.tools {
			if _, err := exec.LookPath(t.command[0]); err != nil {
				continue
			}
			spent, stdout, err := t.time(ctx, dir, file)
			if err != nil {
				return err
			}
			cpu[t.name] = append(cpu[t.name], spent)
			if t.read != nil {
				if counted[t.name], err = t.read(stdout); err != nil {
					return fmt.Errorf("%s: %w", t.name, err)
				}
			}
		}
	}

	rows := [][]string{{fmt.Sprintf("%s, %d lines", c.kind, lines), "CPU s, median", "spread", "lines per CPU-s", "pulse is", "results"}}
	base := median(cpu[c.tools[0].name])
	for _, t := range c.tools {
		if cpu[t.name] == nil {
			rows = append(rows, []string{t.name, "not installed", "", "", "", ""})
			continue
		}
		spent := median(cpu[t.name])
		rows = append(rows, []string{
			t.name, fmt.Sprintf("%.2f", spent.Seconds()),
			fmt.Sprintf("%.2f to %.2f", slices.Min(cpu[t.name]).Seconds(), slices.Max(cpu[t.name]).Seconds()),
			fmt.Sprintf("%.0f", float64(lines)/spent.Seconds()), fmt.Sprintf("%.1f x", spent.Seconds()/base.Seconds()),
			agreement(counted[c.tools[0].name], counted[t.name]),
		})
	}
	return write(os.Stdout, rows, markdown)
}

// write prints a table with its head.
func write(out io.Writer, rows [][]string, markdown bool) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for i, row := range rows {
		if markdown {
			fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
			if i == 0 {
				fmt.Fprintf(w, "|%s\n", strings.Repeat(" --- |", len(row)))
			}
			continue
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	fmt.Fprintln(w)
	return w.Flush()
}

// time runs the tool once and returns the CPU time that it took.
func (t tool) time(ctx context.Context, dir, file string) (time.Duration, []byte, error) {
	words := make([]string, len(t.command))
	for i, word := range t.command {
		words[i] = strings.NewReplacer("FILE", file, "DIR", dir).Replace(word)
	}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return 0, nil, fmt.Errorf("%s: %w\n%s", t.name, err, stderr.Bytes())
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), stdout.Bytes(), nil
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

// agreement says whether a tool counted what Pulse counted.
func agreement(pulse, other totals) string {
	if other == nil {
		return "not compared"
	}
	for name, n := range other {
		if pulse[name] != n {
			return fmt.Sprintf("DIFFER: %s is %d, pulse says %d", name, n, pulse[name])
		}
	}
	return "equal"
}

// sumSnapshots adds up what eval says of each second (the windows are 1 s long).
func sumSnapshots(stdout []byte) (totals, error) {
	sums := totals{}
	decoder := json.NewDecoder(bytes.NewReader(stdout))
	for decoder.More() {
		var s struct {
			Stat  string          `json:"stat"`
			Time  string          `json:"time"`
			Value json.RawMessage `json:"value"`
		}
		if err := decoder.Decode(&s); err != nil {
			return nil, err
		}
		if strings.HasPrefix(s.Stat, "pulse.") || string(s.Value) == "null" {
			continue
		}
		var n float64
		if err := json.Unmarshal(s.Value, &n); err != nil {
			return nil, err
		}
		sums[s.Stat] += int64(n)
		sums[s.Stat+"@"+strings.TrimSuffix(s.Time, "Z")] += int64(n)
	}
	return sums, nil
}

// readPairs reads "name number" lines.
func readPairs(stdout []byte) (totals, error) {
	t := totals{}
	for line := range strings.Lines(string(stdout)) {
		var name string
		var n int64
		if _, err := fmt.Sscan(line, &name, &n); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		t[name] = n
	}
	return t, nil
}

// readMtail reads what mtail prints of its counters.
func readMtail(stdout []byte) (totals, error) {
	var metrics map[string][]struct {
		LabelValues []struct {
			Labels []string
			Value  struct{ Value int64 }
		}
	}
	if err := json.Unmarshal(stdout, &metrics); err != nil {
		return nil, err
	}
	t := totals{}
	for name, m := range metrics {
		for _, counter := range m {
			for _, v := range counter.LabelValues {
				t[strings.Join(append([]string{name}, v.Labels...), "@")] = v.Value.Value
			}
		}
	}
	return t, nil
}
