package oracle_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/internal/statstest"
	"pulse/stats/oracle"
	"pulse/stats/program"
)

var (
	manyKeys   = flag.Int("keys", 400_000, "the keys of TestManyKeys")
	processMiB = flag.Int("process-mib", 0, "the most that the process may take for TestManyKeys, in MiB; 0: not asked")
)

// TestManyKeys sends a new key on each line through stats by key, of different
// values and over parts: what they hold is bounded, and their totals are exact.
func TestManyKeys(t *testing.T) {
	testkit.Long(t)
	lines, perSecond := *manyKeys, 100_000
	d := &stats.Definitions{Lateness: 2, Stats: []*stats.Stat{
		{Name: "by", Kind: "rate", Per: 1, GroupBy: []string{"key"}, Top: 10, Window: 10},
		{Name: "unique", Kind: "unique", Field: "key", Window: 60},
		{Name: "last-sum", Kind: "last-sum", Field: "x", GroupBy: []string{"key"}, Window: 300},
	}}
	values := make(map[string]json.RawMessage)
	e, err := oracle.New(d, func(s stats.Snapshot) { values[s.Stat] = s.Value })
	if err != nil {
		t.Fatal(err)
	}
	var pack []byte
	for i := 0; i < lines; {
		second := statstest.Epoch + int64(i/perSecond)
		pack = pack[:0]
		for n := 0; n < 10_000; n++ {
			pack = fmt.Appendf(pack, "ts=%d key=%016x x=3\n", second, uint64(i)*0x9e3779b97f4a7c15)
			i++
		}
		e.Pack(program.Pack{Lines: pack, Second: second, Floor: second})
		e.Advance(second)
	}
	e.Close(-1)

	var by struct {
		Top             []struct{ Value float64 }
		Other, Distinct float64
	}
	if err := json.Unmarshal(values["by"], &by); err != nil {
		t.Fatal(err)
	}
	total := by.Other
	for _, k := range by.Top {
		total += k.Value
	}
	counted := min(lines, 10*perSecond)
	if want := float64(counted) / float64(min((lines+perSecond-1)/perSecond, 10)); total < want-1e-6 || total > want+1e-6 {
		t.Errorf("by key %v in all, want %v", total, want)
	}
	if off := by.Distinct/float64(counted) - 1; off < -0.03 || off > 0.03 {
		t.Errorf("by key %v are distinct, there are %d", by.Distinct, counted)
	}
	inWindow := float64(min(lines, 60*perSecond))
	if d := numberOf(t, values["unique"]); d < 0.97*inWindow || d > 1.03*inWindow {
		t.Errorf("%v are distinct, there are %v", d, inWindow)
	}
	if got := numberOf(t, values["last-sum"]); got != float64(3*lines) {
		t.Errorf("last-sum %v, want %d", got, 3*lines)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	runtime.KeepAlive(e)
	peak := peakMiB(t)
	t.Logf("%d keys: the heap is %d MiB, the process was %d MiB at most", lines, m.HeapAlloc>>20, peak)
	if m.HeapAlloc > 256<<20 {
		t.Errorf("%d MiB are held", m.HeapAlloc>>20)
	}
	if *processMiB > 0 && peak > *processMiB {
		t.Errorf("the process was %d MiB, and %d is the most", peak, *processMiB)
	}
}

// peakMiB is the most memory that the process had, 0 where Linux does not say so.
func peakMiB(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	peak := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if err != nil || peak == nil {
		return 0
	}
	kib, err := strconv.Atoi(string(peak[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

func numberOf(t *testing.T, value json.RawMessage) (f float64) {
	t.Helper()
	if err := json.Unmarshal(value, &f); err != nil {
		t.Fatal(err)
	}
	return f
}
