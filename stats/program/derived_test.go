package program

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/condition"
	"pulse/stats/derive"
	"pulse/stats/internal/statstest"
)

// TestDerivedIsLikeAField: of fields that are derived as what others are, definitions give
// the same fragments as of these, mistakes included.
func TestDerivedIsLikeAField(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	lines := append(statstest.Record(t, "pulse", 300, 100), statstest.Record(t, "router", 300, 100)...)
	in := packs(lines, 100)
	for range testkit.Size(12, 300) {
		d := randomDefinitions(r)
		derived := &stats.Definitions{Lateness: d.Lateness}
		known := map[string]bool{}
		rename := func(name string) string {
			if name == "" || r.IntN(3) == 0 {
				return name
			}
			twin := "twin_" + strings.ReplaceAll(name, ".", "_dot_")
			if !known[twin] {
				known[twin] = true
				f, err := derive.Parse(twin, fmt.Sprintf("$env[%q]", name), nil)
				if err != nil {
					t.Fatal(err)
				}
				derived.Derived = append(derived.Derived, f)
			}
			return twin
		}
		for _, s := range d.Stats {
			twin := *s
			twin.Field = rename(s.Field)
			twin.GroupBy = nil
			for _, name := range s.GroupBy {
				twin.GroupBy = append(twin.GroupBy, rename(name))
			}
			twin.Cond = renamed(s.Cond, rename)
			derived.Stats = append(derived.Stats, &twin)
		}
		for _, byIndex := range []bool{false, true} {
			a, b := compileDefinitions(t, d).NewFolder(), compileDefinitions(t, derived).NewFolder()
			if byIndex {
				a.memo.entries, b.memo.entries = memoSlots, memoSlots // full
			}
			for _, p := range in {
				a.Fold(p)
				b.Fold(p)
			}
			x, y := flush(t, a), flush(t, b)
			for stat, own := range d.All() {
				if own.Subject == stats.SubjectFields {
					continue // its keys are the names
				}
				if string(x[stat]) != string(y[stat]) {
					s, twin := d.All()[stat], derived.All()[stat]
					t.Fatalf("by index %v: %s of %q by %q where %s is %x, with derived fields %q by %q where %s it is %x", byIndex,
						s.Kind, s.Field, s.GroupBy, condition.Format(s.Cond), x[stat], twin.Field, twin.GroupBy, condition.Format(twin.Cond), y[stat])
				}
			}
		}
	}
}

// renamed is a condition on fields of other names.
func renamed(n condition.Node, rename func(string) string) condition.Node {
	all := func(nodes []condition.Node) []condition.Node {
		out := make([]condition.Node, len(nodes))
		for i, n := range nodes {
			out[i] = renamed(n, rename)
		}
		return out
	}
	switch n := n.(type) {
	case *condition.And:
		return &condition.And{Nodes: all(n.Nodes)}
	case *condition.Or:
		return &condition.Or{Nodes: all(n.Nodes)}
	case *condition.Not:
		return &condition.Not{Node: renamed(n.Node, rename)}
	case *condition.Compare:
		return &condition.Compare{Field: rename(n.Field), Op: n.Op, Const: n.Const}
	}
	return n
}

// Lines whose fields are derived cost no memory once their values were seen.
func TestDerivedAllocations(t *testing.T) {
	f := compile(t, routedYAML).NewFolder()
	in := packs(statstest.Record(t, "router", 2000, 2000), 2000)
	fold := func() {
		for _, p := range in {
			f.Fold(p)
		}
		f.Flush(func(int, []byte) {})
	}
	fold()
	fold()
	if n := testing.AllocsPerRun(3, fold); n > 20 { // of what is flushed
		t.Errorf("2000 lines cost %v allocations", n)
	}
}

// routedYAML is that of router lines with the route of the path in three stats.
var routedYAML = statstest.RouterYAML + routedStats + "derive: {endpoint: route(path)}\n"

const routedStats = `  - {name: by-endpoint, rate: second, by: endpoint}
  - {name: endpoints, unique: endpoint}
  - {name: slow-endpoints, mean: service, by: endpoint, where: service > 100}
`
