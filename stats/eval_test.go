package stats

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// evaluate gives what an Evaluator emits while drive runs, as JSON lines.
func evaluate(t testing.TB, p *Program, drive func(e *Evaluator)) []Snapshot {
	t.Helper()
	var got []Snapshot
	e, err := NewEvaluator(p, func(s Snapshot) { got = append(got, s) })
	if err != nil {
		t.Fatal(err)
	}
	drive(e)
	return got
}

// rates has one stat, a rate over 2 s, and Pulse's own.
func rates(lateness int64) *Definitions {
	return &Definitions{Lateness: lateness, Stats: []*Stat{{Name: "rate", Kind: "rate", Per: 1, Over: 2}}}
}

// brief writes the values of a stat as time=value, times relative to epoch.
func brief(snapshots []Snapshot, stat string) string {
	var words []string
	for _, s := range snapshots {
		if s.Stat != stat {
			continue
		}
		word := fmt.Sprintf("%d=%s", s.Time-epoch, s.Value)
		if s.StaleSince != 0 {
			word += fmt.Sprintf("(stale since %d)", s.StaleSince-epoch)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// lineAt is a pack of one line of a second, whose record is of the same.
func lineAt(second int64) Pack {
	return Pack{Lines: []byte(logLine(epoch+second, 1)), Second: epoch + second, Floor: epoch + second}
}

func TestEvaluator(t *testing.T) {
	for _, test := range []struct {
		name  string
		drive func(e *Evaluator)
		want  string
	}{
		{"nothing", func(e *Evaluator) { e.Advance(epoch); e.Close(-1) }, ""},
		{
			"from the earliest line's second to the latest's",
			func(e *Evaluator) {
				e.Pack(lineAt(0))
				e.Pack(lineAt(3))
				e.Advance(epoch + 4)
				e.Pack(lineAt(2)) // in time: s + 1 + lateness is 5
				e.Advance(epoch + 1000)
				e.Close(-1)
			},
			"0=0.5 1=0.5 2=0.5 3=1",
		},
		{
			"an earlier line in time is the first",
			func(e *Evaluator) {
				e.Pack(lineAt(2))
				e.Advance(epoch + 2)
				e.Pack(lineAt(1))
				e.Close(-1)
			},
			"1=0.5 2=1",
		},
		{
			"a late line is in no stat and no second's",
			func(e *Evaluator) {
				e.Pack(lineAt(5))
				e.Pack(Pack{Lines: []byte(logLine(epoch+2, 1)), Second: epoch + 5, Floor: epoch + 5})
				e.Pack(Pack{Lines: []byte(logLine(epoch+3, 1)), Second: epoch + 5, Floor: epoch + 5})
				e.Close(-1)
			},
			"3=0.5 4=0.5 5=0.5",
		},
		{
			"start and end as asked",
			func(e *Evaluator) {
				e.Start(epoch - 1)
				e.Pack(lineAt(0))
				e.Advance(epoch + 100)
				e.Close(epoch + 2)
			},
			"-1=0 0=0.5 1=0.5 2=0",
		},
		{
			"a start after the first line",
			func(e *Evaluator) {
				e.Start(epoch + 1)
				e.Pack(lineAt(0))
				e.Close(epoch + 1)
			},
			"1=0.5",
		},
		{
			"a gap is passed as one",
			func(e *Evaluator) {
				e.Pack(lineAt(0))
				e.Gap(epoch+2, epoch+500)
				e.Gap(epoch+400, epoch+1000)
				e.Pack(lineAt(1001))
				e.Advance(epoch + 900) // not all of it is final
				e.Advance(epoch + 1002)
				e.Close(-1)
			},
			"0=0.5 1=0.5 999=null(stale since 2) 1000=0 1001=0.5",
		},
		{
			"a gap that begins before the first second and one that ends after the last",
			func(e *Evaluator) {
				e.Start(epoch)
				e.Gap(epoch-100, epoch+2)
				e.Gap(epoch+4, epoch+100)
				e.Pack(lineAt(2))
				e.Close(epoch + 6)
			},
			"1=null(stale since 0) 2=0.5 3=0.5 6=null(stale since 4)",
		},
		{
			"gaps that touch are one, others are not",
			func(e *Evaluator) {
				e.Start(epoch)
				e.Gap(epoch+8, epoch+9)
				e.Gap(epoch+3, epoch+4)
				e.Gap(epoch+1, epoch+2)
				e.Gap(epoch+2, epoch+3)
				e.Gap(epoch+5, epoch+5)
				e.Close(epoch + 9)
			},
			"0=0 3=null(stale since 1) 4=0 5=0 6=0 7=0 8=null(stale since 8) 9=0",
		},
	} {
		p := compileDefinitions(t, rates(2))
		if got := brief(evaluate(t, p, test.drive), "rate"); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

// TestEvaluatorAccountsForEveryLine has lines in seconds that nobody vouched for,
// late ones and undecodable ones: Pulse's own stat has all of them, in the order
// of time.
func TestEvaluatorAccountsForEveryLine(t *testing.T) {
	var counts LineCounts
	got := evaluate(t, compileDefinitions(t, rates(1)), func(e *Evaluator) {
		e.Pack(lineAt(0))
		e.Pack(lineAt(4))
		e.Pack(Pack{Lines: []byte(logLine(epoch, 1)), Second: epoch + 5, Floor: epoch + 5})
		e.Undecodable([]byte("\xff\n\xff\n"), epoch+9)
		e.Gap(epoch+2, epoch+8)
		e.Close(-1)
		counts = e.Counts()
	})
	if want := (LineCounts{Lines: 5, Counted: 2, Late: 1, Unreadable: 2, Bytes: counts.Bytes}); counts != want {
		t.Errorf("%+v, want %+v", counts, want)
	}
	var words []string
	for _, s := range got {
		if strings.HasPrefix(s.Stat, "pulse.") && s.Stat != LinesStat {
			continue
		}
		var own struct{ In, Counted, Late, Unreadable int }
		if s.Stat == LinesStat && s.StaleSince == 0 {
			if err := json.Unmarshal(s.Value, &own); err != nil {
				t.Fatal(err)
			}
			s.Value = fmt.Appendf(nil, "%+v", own)
		}
		words = append(words, brief([]Snapshot{s}, s.Stat))
	}
	want := []string{
		"0=0.5", "0={In:1 Counted:1 Late:0 Unreadable:0}",
		"1=0.5", "1={In:0 Counted:0 Late:0 Unreadable:0}",
		"3=null(stale since 2)", "4={In:1 Counted:1 Late:0 Unreadable:0}", // both Pulse's own, as the next
		"5={In:1 Counted:0 Late:1 Unreadable:0}",
		"7=null(stale since 2)", "7=null(stale since 6)",
		"8=0", "8={In:0 Counted:0 Late:0 Unreadable:0}",
		"9=0", "9={In:2 Counted:0 Late:0 Unreadable:2}",
	}
	if !slices.Equal(words, want) {
		t.Errorf("\n got %s\nwant %s", words, want)
	}
}

// TestEvaluatorEmitsAllInOrder has all stats of each second, in the order of
// the definitions and Pulse's own last, final and with the generation.
func TestEvaluatorEmitsAllInOrder(t *testing.T) {
	d := allKinds()
	p := compileDefinitions(t, d)
	var want, got []string
	for second := range 3 {
		for _, s := range d.All() {
			want = append(want, fmt.Sprint(s.Name, second))
		}
	}
	for _, s := range evaluate(t, p, func(e *Evaluator) {
		e.Pack(lineAt(0))
		e.Pack(lineAt(2))
		e.Close(-1)
	}) {
		got = append(got, fmt.Sprint(s.Stat, s.Time-epoch))
		if !s.Final || s.Revision != 0 || s.Gen != d.Generation() {
			t.Errorf("%+v: want it final, revision 0 and generation %s", s, d.Generation())
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestEvaluatorIsFreeOfPacking evaluates the same lines, out of order within
// the lateness, in packs and steps of any size.
func TestEvaluatorIsFreeOfPacking(t *testing.T) {
	p := compileDefinitions(t, allKinds())
	const seconds, lateness = 60, 3
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 3))
		lines := make([][]string, seconds) // by the second in which they come
		for i := range 2000 {
			second := r.Int64N(seconds)
			if second%10 < 3 {
				continue
			}
			comes := min(second+r.Int64N(lateness), seconds-1)
			lines[comes] = append(lines[comes], logLine(epoch+second, i%700))
		}
		run := func(split int, skip bool) []Snapshot {
			return evaluate(t, p, func(e *Evaluator) {
				for s := range int64(seconds) {
					for chunk := range slices.Chunk(lines[s], split) {
						r.Shuffle(len(chunk), func(i, j int) { chunk[i], chunk[j] = chunk[j], chunk[i] })
						e.Pack(Pack{Lines: []byte(strings.Join(chunk, "")), Second: epoch + s, Floor: epoch + s})
					}
					if !skip || s%7 == 0 {
						e.Advance(epoch + s + 1)
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
	d := &Definitions{Lateness: 2}
	for i := range 24 {
		s := *allKinds().Stats[i%8]
		s.Name, s.Over = fmt.Sprint(s.Name, i), 60
		d.Stats = append(d.Stats, &s)
	}
	n := 0
	var buf []byte
	e, err := NewEvaluator(compileDefinitions(b, d), func(s Snapshot) {
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
		e.Advance(epoch + second)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/snapshot")
}
