package oracle_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/internal/statstest"
	"pulse/stats/oracle"
	"pulse/stats/program"
)

// fed is what an Evaluator and a Parallel are both fed by.
type fed interface {
	Pack(program.Pack)
	Undecodable(value []byte, second int64)
	Begin(second int64)
	Stale(from, to int64)
	Advance(watermark int64)
	Close(last int64)
	Counts() aggregate.LineCounts
	Notices() stats.Notices
}

// feedRandomly feeds seconds with late lines, seconds that are not covered, leaps of the
// clock, and records that are not packs.
func feedRandomly(e fed, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	second := int64(statstest.Epoch)
	if r.IntN(2) == 0 {
		e.Begin(second - r.Int64N(5))
	}
	var lines []byte // is used again, as a reader does
	for range 40 + r.IntN(40) {
		for range r.IntN(4) {
			lines = lines[:0]
			for range r.IntN(20) {
				lines = append(lines, statstest.LogLine(second-r.Int64N(8), []any{r.IntN(3000), r.IntN(3), "text", "3.5"}[r.IntN(4)])...)
				lines = append(lines, '\n')
			}
			e.Pack(program.Pack{Lines: lines, Second: second, Floor: second})
			clear(lines)
		}
		switch r.IntN(20) {
		case 0:
			e.Undecodable([]byte("not a pack\n"), second)
		case 1:
			e.Stale(second+1, second+1+r.Int64N(10))
		case 2:
			second += r.Int64N(300)
		}
		second++
		e.Advance(second)
	}
	e.Close(-1)
}

// A Parallel makes what an Evaluator makes, with any number of workers.
func TestParallelIsAnEvaluator(t *testing.T) {
	for seed := range uint64(testkit.Size(1, 10)) {
		run := func(of func(*oracle.Evaluator) fed) (all []byte, counts aggregate.LineCounts, notices stats.Notices) {
			e, err := oracle.New(statstest.AllKinds(), func(s stats.Snapshot) { all = append(s.AppendJSON(all), '\n') })
			if err != nil {
				t.Fatal(err)
			}
			f := of(e)
			feedRandomly(f, seed)
			return all, f.Counts(), f.Notices()
		}
		want, counts, notices := run(func(e *oracle.Evaluator) fed { return e })
		if len(want) == 0 || counts.Late == 0 || len(notices.Texts) == 0 {
			t.Fatalf("seed %d: the log has no late lines or no texts: %+v", seed, counts)
		}
		for i, workers := range []int{1, 2, 5} {
			sizes := []int{1000, 1, 256 << 10}
			if testing.Short() {
				sizes = sizes[i : i+1]
			}
			for _, size := range sizes {
				got, c, n := run(func(e *oracle.Evaluator) fed { return oracle.NewParallelOf(e, workers, size) })
				if what := fmt.Sprintf("seed %d, %d workers, batches of %d", seed, workers, size); !bytes.Equal(got, want) {
					t.Errorf("%s: other snapshots than those of an Evaluator", what)
				} else if c != counts || !reflect.DeepEqual(n, notices) {
					t.Errorf("%s: %+v, %+v; want %+v, %+v", what, c, n, counts, notices)
				}
			}
		}
	}
}

// Stop without Close joins what was fed.
func TestParallelStops(t *testing.T) {
	var last int64
	e, err := oracle.New(rates(0), func(s stats.Snapshot) { last = s.Time })
	if err != nil {
		t.Fatal(err)
	}
	p := oracle.NewParallel(e)
	for second := int64(1); second <= 10; second++ {
		p.Pack(lineAt(second))
		p.Advance(statstest.Epoch + second)
	}
	p.Stop()
	p.Stop()
	if last -= statstest.Epoch; last != 9 {
		t.Errorf("the last second that was emitted is %d, want 9", last)
	}
}
