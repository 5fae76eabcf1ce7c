package program

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/cmd/dev/traffic"
	"pulse/stats"
	"pulse/stats/internal/statstest"
	"pulse/stats/window"
)

// TestMatcherFindsWhatFolds: for each second a Matcher finds as many lines as a
// stat that counts them has.
func TestMatcherFindsWhatFolds(t *testing.T) {
	var lines []string
	for _, kind := range []string{"mixed", "pulse", "json", "router"} {
		lines = append(lines, statstest.Record(t, kind, 1000, 300)...)
	}
	found := 0
	for seed := range uint64(testkit.Size(5, 20)) {
		r := rand.New(rand.NewPCG(seed, 7))
		d := randomDefinitions(r)
		for _, s := range d.Stats {
			s.Kind, s.Field, s.GroupBy, s.Of, s.Per, s.Window, s.Quantiles, s.Buckets, s.Top = "rate", "", nil, nil, 1, 1, nil, nil, 0
		}
		p, err := Compile(d)
		if err != nil {
			t.Fatal(err)
		}
		folder := p.NewFolder()
		var packs []Pack
		for range 10 {
			var pack strings.Builder
			second := statstest.FirstSecond + r.Int64N(12)
			for range 20 {
				text := lines[r.IntN(len(lines))]
				if r.IntN(10) == 0 {
					text = traffic.HostileLine(r, second)
				}
				pack.WriteString(text + "\n")
			}
			packs = append(packs, Pack{Lines: []byte(pack.String()), Second: second, Floor: second + r.Int64N(4)})
			folder.Fold(packs[len(packs)-1])
		}
		fragments := flush(t, folder)
		for i, s := range d.Stats {
			m, err := p.NewMatcher(s.Name)
			if err != nil {
				t.Fatal(err)
			}
			counts := map[int64]int{}
			for _, pack := range packs {
				m.Match(pack, 0, statstest.FirstSecond+100, func(second int64, line []byte) bool {
					if len(line) == 0 || strings.ContainsAny(string(line), "\n") {
						t.Errorf("stat %s: the line %q is none", s.Name, line)
					}
					counts[second]++
					found++
					return true
				})
			}
			series := window.NewSeries(p.kinds[i], s)
			if fragment := fragments[i]; fragment != nil {
				if err := series.Join(fragment, func(int64) {}); err != nil {
					t.Fatal(err)
				}
			}
			for second := int64(statstest.FirstSecond) - 400; second < statstest.FirstSecond+100; second++ {
				if got, want := strconv.Itoa(counts[second]), string(series.Value(second, 1)); got != want {
					t.Fatalf("seed %d, stat %s where %s: %s lines of second %d, want %s", seed, s.Name, s.Where, got, second, want)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no line was found at all")
	}
}

func TestMatcherBounds(t *testing.T) {
	d, err := stats.Parse("test", []byte(`
stats:
  - name: errors
    rate: minute
    where: level == "error"
  - name: all
    rate: minute
  - name: share
    ratio: [errors, all]
  - name: durations
    mean: duration
`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	pack := Pack{Second: 100, Floor: 100, Lines: []byte("level=error\r\n\nlevel=info duration=3\nduration=x")}
	for stat, want := range map[string]string{
		"errors": "level=error", "all": "level=error|level=info duration=3|duration=x", "share": "level=error|level=info duration=3|duration=x",
		"durations": "level=info duration=3|duration=x", "pulse.events-per-second": "level=error|level=info duration=3|duration=x",
	} {
		m, err := p.NewMatcher(stat)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		m.Match(pack, 100, 100, func(_ int64, line []byte) bool {
			got = append(got, string(line))
			return true
		})
		if strings.Join(got, "|") != want {
			t.Errorf("%s is made of %q, want %s", stat, got, want)
		}
		m.Match(pack, 100, 100, func(int64, []byte) bool {
			got = got[1:]
			return false
		})
		m.Match(pack, 101, 200, func(_ int64, line []byte) bool {
			t.Errorf("%s: a line of another second: %s", stat, line)
			return true
		})
	}
	for _, stat := range []string{stats.LinesStat, "pulse.late-per-second", "nothing"} {
		if _, err := p.NewMatcher(stat); err == nil {
			t.Errorf("a matcher of %s was made", stat)
		}
	}
}

// A Matcher that is told to give up does so within a pack.
func TestMatcherGivesUp(t *testing.T) {
	d, err := stats.Parse("test", []byte(`stats: [{name: all, rate: second, where: 'line contains "x"'}]`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.NewMatcher("all")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	m.Until(done)
	found := 0
	m.Match(Pack{Lines: []byte(strings.Repeat("x\n", 100)), Second: 1000}, 1000, 1000, func(int64, []byte) bool {
		if found++; found == 3 {
			close(done)
		}
		return true
	})
	if found != 3 {
		t.Errorf("%d lines were found, want the 3 before it was told to give up", found)
	}
}
