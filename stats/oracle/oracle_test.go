package oracle_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/internal/statstest"
	"pulse/stats/oracle"
	"pulse/stats/program"
)

// evaluate gives what an Evaluator emits while drive runs, as JSON lines.
func evaluate(t testing.TB, d *stats.Definitions, drive func(e *oracle.Evaluator)) []stats.Snapshot {
	t.Helper()
	var got []stats.Snapshot
	e, err := oracle.New(d, func(s stats.Snapshot) { got = append(got, s) })
	if err != nil {
		t.Fatal(err)
	}
	drive(e)
	return got
}

// rates has one stat, a rate over 2 s, and the internal stats.
func rates(lateness int64) *stats.Definitions {
	return &stats.Definitions{Lateness: lateness, Stats: []*stats.Stat{{Name: "rate", Kind: "rate", Per: 1, Window: 2}}}
}

// brief writes the values of a stat as time=value, times relative to statstest.Epoch.
func brief(snapshots []stats.Snapshot, stat string) string {
	var words []string
	for _, s := range snapshots {
		if s.Stat != stat {
			continue
		}
		word := fmt.Sprintf("%d=%s", s.Time-statstest.Epoch, s.Value)
		if s.Of != 0 {
			word += fmt.Sprintf("(%d of %d)", s.Covered, s.Of)
		}
		if s.Since != 0 {
			word += fmt.Sprintf("(since %d)", s.Since-statstest.Epoch)
		}
		if s.StaleSince != 0 {
			word += fmt.Sprintf("(stale since %d)", s.StaleSince-statstest.Epoch)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// lineAt is a pack of one line of a second, whose record is of the same.
func lineAt(second int64) program.Pack {
	return program.Pack{Lines: []byte(statstest.LogLine(statstest.Epoch+second, 1)), Second: statstest.Epoch + second, Floor: statstest.Epoch + second}
}

func TestEvaluator(t *testing.T) {
	for _, test := range []struct {
		name  string
		drive func(e *oracle.Evaluator)
		want  string
	}{
		{"nothing", func(e *oracle.Evaluator) { e.Advance(statstest.Epoch); e.Close(-1) }, ""},
		{
			"from the earliest line's second to the latest's",
			func(e *oracle.Evaluator) {
				e.Pack(lineAt(0))
				e.Pack(lineAt(3))
				e.Advance(statstest.Epoch + 4)
				e.Pack(lineAt(2)) // in time: s + 1 + lateness is 5
				e.Close(-1)
			},
			"0=1(1 of 2) 1=0.5 2=0.5 3=1",
		},
		{
			"an earlier line in time is the first",
			func(e *oracle.Evaluator) {
				e.Pack(lineAt(2))
				e.Advance(statstest.Epoch + 2)
				e.Pack(lineAt(1))
				e.Close(-1)
			},
			"1=1(1 of 2) 2=1",
		},
		{
			"a late line is in no stat and no second's",
			func(e *oracle.Evaluator) {
				e.Pack(lineAt(5))
				e.Pack(program.Pack{Lines: []byte(statstest.LogLine(statstest.Epoch+2, 1)), Second: statstest.Epoch + 5, Floor: statstest.Epoch + 5})
				e.Pack(program.Pack{Lines: []byte(statstest.LogLine(statstest.Epoch+3, 1)), Second: statstest.Epoch + 5, Floor: statstest.Epoch + 5})
				e.Close(-1)
			},
			"3=1(1 of 2) 4=0.5 5=0.5",
		},
		{
			"a stream from where it is covered to what is final",
			func(e *oracle.Evaluator) {
				e.Begin(statstest.Epoch - 1)
				e.Begin(statstest.Epoch - 1)
				e.Pack(lineAt(0))
				e.Advance(statstest.Epoch + 5)
				e.Close(-1)
			},
			"-1=0(1 of 2) 0=0.5 1=0.5 2=0",
		},
		{
			"a stream with a line before it is covered",
			func(e *oracle.Evaluator) {
				e.Begin(statstest.Epoch + 2)
				e.Pack(lineAt(1))
				e.Advance(statstest.Epoch + 6)
				e.Close(-1)
			},
			"2=1(1 of 2) 3=0",
		},
		{
			"a start after the first line",
			func(e *oracle.Evaluator) {
				e.Start(statstest.Epoch + 1)
				e.Pack(lineAt(0))
				e.Close(statstest.Epoch + 1)
			},
			"1=0.5",
		},
		{
			"in a long pause seconds of one value are one",
			func(e *oracle.Evaluator) {
				e.Pack(lineAt(0))
				e.Advance(statstest.Epoch + 5)
				e.Pack(lineAt(5))
				e.Advance(statstest.Epoch + 1000)
				e.Pack(lineAt(1000))
				e.Close(-1)
			},
			"0=1(1 of 2) 1=0.5 2=0 3=0 4=0 6=0.5(since 5) 997=0(since 7) 998=0 999=0 1000=0.5",
		},
		{
			"a pause after an end that is not covered whole",
			func(e *oracle.Evaluator) {
				e.Pack(lineAt(0))
				e.Advance(statstest.Epoch)
				e.Advance(statstest.Epoch + 100)
				e.Stale(statstest.Epoch+98, statstest.Epoch+101)
				e.Pack(lineAt(101))
				e.Close(-1)
			},
			"0=1(1 of 2) 1=0.5 97=0(since 2) 100=null(stale since 98) 101=1(1 of 2)",
		},
		{
			"a gap is passed as one",
			func(e *oracle.Evaluator) {
				e.Pack(lineAt(0))
				e.Stale(statstest.Epoch+2, statstest.Epoch+500)
				e.Stale(statstest.Epoch+400, statstest.Epoch+1000)
				e.Pack(lineAt(1001))
				e.Advance(statstest.Epoch + 900) // not all of it is final
				e.Advance(statstest.Epoch + 1002)
				e.Close(-1)
			},
			"0=1(1 of 2) 1=0.5 999=null(stale since 2) 1000=0(1 of 2) 1001=0.5",
		},
		{
			"a gap that begins before the first second and one that ends after the last",
			func(e *oracle.Evaluator) {
				e.Begin(statstest.Epoch - 200)
				e.Start(statstest.Epoch)
				e.Stale(statstest.Epoch-100, statstest.Epoch+2)
				e.Stale(statstest.Epoch+4, statstest.Epoch+100)
				e.Pack(lineAt(2))
				e.Close(statstest.Epoch + 6)
			},
			"1=null(stale since 0) 2=1(1 of 2) 3=0.5 6=null(stale since 4)",
		},
		{
			"gaps that touch are one, others are not",
			func(e *oracle.Evaluator) {
				e.Begin(statstest.Epoch)
				e.Stale(statstest.Epoch+8, statstest.Epoch+9)
				e.Stale(statstest.Epoch+3, statstest.Epoch+4)
				e.Stale(statstest.Epoch+1, statstest.Epoch+2)
				e.Stale(statstest.Epoch+2, statstest.Epoch+3)
				e.Stale(statstest.Epoch+5, statstest.Epoch+5)
				e.Close(statstest.Epoch + 9)
			},
			"0=0(1 of 2) 3=null(stale since 1) 4=0(1 of 2) 5=0 6=0 7=0 8=null(stale since 8) 9=0(1 of 2)",
		},
	} {
		if got := brief(evaluate(t, rates(2), test.drive), "rate"); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

// TestEvaluatorAccountsForEveryLine has lines in seconds that nobody covered,
// late ones and undecodable ones: the internal stat has all of them, in the order
// of time.
func TestEvaluatorAccountsForEveryLine(t *testing.T) {
	var counts aggregate.LineCounts
	got := evaluate(t, rates(1), func(e *oracle.Evaluator) {
		e.Pack(lineAt(0))
		e.Pack(lineAt(4))
		e.Pack(program.Pack{Lines: []byte(statstest.LogLine(statstest.Epoch, 1)), Second: statstest.Epoch + 5, Floor: statstest.Epoch + 5})
		e.Undecodable([]byte("\xff\n\xff\n"), statstest.Epoch+9)
		e.Stale(statstest.Epoch+2, statstest.Epoch+8)
		e.Close(-1)
		counts = e.Counts()
	})
	if want := (aggregate.LineCounts{Lines: 5, Counted: 2, Late: 1, Unreadable: 2, Bytes: counts.Bytes}); counts != want {
		t.Errorf("%+v, want %+v", counts, want)
	}
	var words []string
	for _, s := range got {
		if strings.HasPrefix(s.Stat, "pulse.") && s.Stat != stats.LinesStat {
			continue
		}
		var own struct{ In, Counted, Late, Unreadable int }
		if s.Stat == stats.LinesStat && s.StaleSince == 0 {
			if err := json.Unmarshal(s.Value, &own); err != nil {
				t.Fatal(err)
			}
			s.Value = fmt.Appendf(nil, "%+v", own)
		}
		words = append(words, brief([]stats.Snapshot{s}, s.Stat))
	}
	want := []string{
		"0=1(1 of 2)", "0={In:1 Counted:1 Late:0 Unreadable:0}",
		"1=0.5", "1={In:0 Counted:0 Late:0 Unreadable:0}",
		"3=null(stale since 2)", "4={In:1 Counted:1 Late:0 Unreadable:0}(0 of 1)", // both internal stats, as the next
		"5={In:1 Counted:0 Late:1 Unreadable:0}(0 of 1)",
		"7=null(stale since 2)", "7=null(stale since 6)",
		"8=0(1 of 2)", "8={In:0 Counted:0 Late:0 Unreadable:0}",
		"9=0", "9={In:2 Counted:0 Late:0 Unreadable:2}",
	}
	if !slices.Equal(words, want) {
		t.Errorf("\n got %s\nwant %s", words, want)
	}
}

// TestEvaluatorEmitsAllInOrder has all stats of each second, in the order of
// the definitions and the internal ones last, final and with the definitions version.
func TestEvaluatorEmitsAllInOrder(t *testing.T) {
	d := statstest.AllKinds()
	var want, got []string
	for second := range 3 {
		for _, s := range d.All() {
			want = append(want, fmt.Sprint(s.Name, second))
		}
	}
	for _, s := range evaluate(t, d, func(e *oracle.Evaluator) {
		e.Pack(lineAt(0))
		e.Pack(lineAt(2))
		e.Close(-1)
	}) {
		got = append(got, fmt.Sprint(s.Stat, s.Time-statstest.Epoch))
		if !s.Final || s.Revision != 0 || s.Version != d.Version() {
			t.Errorf("%+v: want it final, revision 0 and definitions version %s", s, d.Version())
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestEvaluatorIsFreeOfPacking evaluates the same lines, out of order within
// the lateness, in packs and steps of any size.
func TestEvaluatorIsFreeOfPacking(t *testing.T) {
	d := statstest.AllKinds()
	const seconds, lateness = 60, 3
	for seed := range uint64(testkit.Size(1, 5)) {
		r := rand.New(rand.NewPCG(seed, 3))
		lines := make([][]string, seconds) // by the second in which they come
		for i := range 2000 {
			second := r.Int64N(seconds)
			if second%10 < 3 {
				continue
			}
			comes := min(second+r.Int64N(lateness), seconds-1)
			lines[comes] = append(lines[comes], statstest.LogLine(statstest.Epoch+second, i%700))
		}
		run := func(split int, skip bool) []stats.Snapshot {
			return evaluate(t, d, func(e *oracle.Evaluator) {
				for s := range int64(seconds) {
					for chunk := range slices.Chunk(lines[s], split) {
						r.Shuffle(len(chunk), func(i, j int) { chunk[i], chunk[j] = chunk[j], chunk[i] })
						e.Pack(program.Pack{Lines: []byte(strings.Join(chunk, "")), Second: statstest.Epoch + s, Floor: statstest.Epoch + s})
					}
					if !skip || s%7 == 0 {
						e.Advance(statstest.Epoch + s + 1)
					}
				}
				e.Close(-1)
			})
		}
		want := run(1, false)
		for _, split := range []int{2, 10, 1000} {
			if got := run(split, split == 10); !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d: in packs of %d lines other snapshots than in packs of one", seed, split)
			}
		}
	}
}

// BenchmarkEvaluator is a second of a sparse log: 24 stats, a line every 34
// seconds, written as JSON.
func BenchmarkEvaluator(b *testing.B) {
	d := &stats.Definitions{Lateness: 2}
	for i := range 24 {
		s := *statstest.AllKinds().Stats[i%8]
		s.Name, s.Window = fmt.Sprint(s.Name, i), 60
		d.Stats = append(d.Stats, &s)
	}
	n := 0
	var buf []byte
	e, err := oracle.New(d, func(s stats.Snapshot) {
		buf = s.AppendJSON(buf[:0])
		n++
	})
	if err != nil {
		b.Fatal(err)
	}
	second := int64(0)
	for b.Loop() {
		if second%34 == 0 {
			e.Pack(lineAt(second))
		}
		second++
		e.Advance(statstest.Epoch + second)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/snapshot")
}

// A snapshot whose value is an estimate says how far it may be off.
func TestEvaluatorMarksEstimates(t *testing.T) {
	d := &stats.Definitions{Stats: []*stats.Stat{{Name: "users", Kind: "unique", Field: "user", Window: 2}}}
	var lines strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&lines, "ts=%d level=info user=u%d\n", statstest.Epoch+i/1000, i)
	}
	var marks []float64
	for _, s := range evaluate(t, d, func(e *oracle.Evaluator) {
		e.Pack(program.Pack{Lines: []byte(lines.String()), Second: statstest.Epoch, Floor: statstest.Epoch})
		e.Close(statstest.Epoch + 2)
	}) {
		if s.Stat == "users" {
			marks = append(marks, s.Approx)
		}
	}
	if want := []float64{0, 0.006, 0}; !slices.Equal(marks, want) { // 1,000 values, 1,001, and 1
		t.Errorf("the errors are %v, want %v", marks, want)
	}
}
