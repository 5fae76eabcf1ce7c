package merger

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"

	"pulse/cmd/dev/testkit"
	"pulse/processors"
	"pulse/stats"
	"pulse/stats/program"
	"pulse/topics"
)

var splits = flag.Int("splits", 0, "how many seconds TestSplits splits at random; 0: 100 in a short test, else 1500")

// splitDefinitions have every kind of stat.
const splitDefinitions = `
lateness: 2s
stats:
  - {name: rate, rate: second, over: 3s}
  - {name: minute, rate: minute, over: 5s, where: x > 0.5}
  - {name: rate-by, rate: second, by: key, over: 4s}
  - {name: sum, sum: x, over: 3s}
  - {name: sum-by, sum: x, by: [key, part], over: 3s}
  - {name: min, min: x, over: 5s}
  - {name: max, max: x, over: 5s}
  - {name: mean, mean: x, over: 2s}
  - {name: mean-by, mean: x, by: key, over: 2s}
  - {name: unique, unique: key, over: 6s}
  - {name: quantiles, quantiles: x, at: [0.01, 0.5, 0.99], over: 4s}
  - {name: quantiles-by, quantiles: x, by: key, over: 4s}
  - {name: histogram, histogram: x, buckets: [0, 1, 10], over: 3s}
  - {name: last, last: x, over: 9s}
  - {name: last-sum, last-sum: x, by: part, expire: 7s}
  - {name: last-mean, last-mean: x, by: part, expire: 7s}
  - {name: last-count, last-count: x, by: part, expire: 7s}
  - {name: last-max, last-max: x, by: part, expire: 7s}
  - {name: delta, delta: x, by: part, over: 5s}
  - {name: ratio, ratio: [sum, rate]}
  - {name: value, value: 2 * sum - rate}
  - {name: count-by, count: lines, by: key, over: 2s}
  - {name: ratio-by, ratio: [mean-by, count-by], by: key}
  - {name: value-by, value: mean-by - count-by, by: key, rank: count}
`

// splitSources is how many source partitions lines are split among.
const splitSources = 4

// TestSplits shows to a merger that joining is free of order: the lines of each second come to one
// partition by one source in one segment, and to another by several, in packs,
// bundles, orders and interleavings of every sort, segments sent twice as after a
// crash.
// Both publish the same bytes.
func TestSplits(t *testing.T) {
	definitions, err := stats.Parse("splits.yaml", []byte(splitDefinitions))
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(Config{Definitions: definitions, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	side := func() *splitSide {
		work, err := m.Partitions(1, func(string, int32, int64, func([]byte)) (bool, error) { return true, nil }, nil)(processors.Start{Committed: topics.Commit{Offset: -1}})
		if err != nil {
			t.Fatal(err)
		}
		return &splitSide{t: t, m: m, work: work.(*partition), folder: m.program.NewFolder()}
	}
	whole, split := side(), side()
	const first = 1_800_000_000
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 3))
	seconds, published, amended := cmp.Or(*splits, testkit.Size(100, 1500)), 0, 0
	for i := range int64(seconds) {
		second := first + i
		lines := splitLines(r, second)
		var segments [splitSources][]splitRecord
		for p := range segments {
			own := []string(nil)
			if p == 0 {
				own = lines
			}
			segments[p] = whole.records(int32(p), i, second, [][]string{own}, 0)
		}
		whole.process(slices.Concat(segments[:]...))

		var packs [splitSources][][]string
		for p := range packs {
			packs[p] = make([][]string, 1+r.IntN(3))
		}
		r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		for _, l := range lines {
			own := packs[r.IntN(splitSources)]
			pack := &own[r.IntN(len(own))]
			*pack = append(*pack, l)
		}
		for p := range segments {
			segments[p] = split.records(int32(p), i, second, packs[p], r.IntN(8))
		}
		split.process(disordered(r, segments))

		if !bytes.Equal(whole.published, split.published) {
			t.Fatalf("seed %d, second %d: the whole publishes\n%.4000s\nand the split\n%.4000s", seed, i, whole.published, split.published)
		}
		published += bytes.Count(whole.published, []byte("\n"))
		amended += bytes.Count(whole.published, []byte(`"revision":1,`))
		whole.published, split.published = whole.published[:0], split.published[:0]
	}
	if least := seconds * len(definitions.Stats); published < least {
		t.Errorf("%d snapshots were published, want at least %d", published, least)
	}
	if amended == 0 {
		t.Error("no second was amended")
	}
	if n := m.metrics.Bad.Load(); n > 0 {
		t.Errorf("%d records made no sense", n)
	}
}

// splitLines are some of a second, or of the one before, which amend it.
func splitLines(r *rand.Rand, second int64) []string {
	lines := make([]string, r.IntN(12))
	for i := range lines {
		lines[i] = fmt.Sprintf("time=%d.%06d key=k%d part=p%d", second-r.Int64N(2), r.IntN(1_000_000), r.IntN(20), r.IntN(6))
		if r.IntN(8) > 0 {
			lines[i] += fmt.Sprintf(" x=%.*f", r.IntN(10), r.NormFloat64()*20)
		}
	}
	return lines
}

type splitRecord struct {
	key   string
	value []byte
}

// A splitSide is a merger's partition and what it has published since that was
// last looked at.
type splitSide struct {
	t         *testing.T
	m         *Merger
	work      *partition
	folder    *program.Folder
	next      int64
	published []byte
}

// records are the fragments of a segment of a source, so many of them bundled at a
// time, 0: none, and last its cover.
func (s *splitSide) records(source int32, offset, second int64, packs [][]string, bundled int) []splitRecord {
	c := topics.Cover{Partition: source, Partitions: splitSources, Start: offset - 1, End: offset, Before: second, After: second + 1}
	if offset == 0 {
		c.Before, c.First = -1, second
	}
	for _, lines := range packs {
		var b bytes.Buffer
		for _, l := range lines {
			b.WriteString(l + "\n")
		}
		s.folder.Fold(program.Pack{Lines: b.Bytes(), Second: second, Floor: second})
	}
	var out []splitRecord
	c.Earliest, c.Latest = s.folder.Flush(func(stat int, data []byte) {
		name := s.work.stats[stat].Name
		switch {
		case bundled == 0:
			f := topics.Fragment{Partition: source, End: offset, Parts: 1, Data: data}
			out = append(out, splitRecord{name, f.Append(nil)})
		case c.Fragments%bundled == 0:
			u := topics.Bundle{Partition: source, End: offset}
			out = append(out, splitRecord{"bundle", topics.AppendNamed(u.Append(nil), name, data)})
		default:
			last := &out[len(out)-1]
			last.value = topics.AppendNamed(last.value, name, data)
		}
		c.Fragments++
	})
	return append(out, splitRecord{"cover", c.Append(nil)})
}

// disordered interleaves segments. Fragments of one come in any order and some
// segments begin more than once, as when their receiver crashed; their covers come
// last, and some once more.
func disordered(r *rand.Rand, segments [splitSources][]splitRecord) (all []splitRecord) {
	for p := range segments {
		fragments, cover := segments[p][:len(segments[p])-1], segments[p][len(segments[p])-1]
		var own []splitRecord
		for range r.IntN(2) {
			own = append(own, fragments[:r.IntN(len(fragments)+1)]...)
		}
		r.Shuffle(len(fragments), func(i, j int) { fragments[i], fragments[j] = fragments[j], fragments[i] })
		own = append(append(own, fragments...), cover)
		if r.IntN(4) == 0 {
			own = append(append(own, fragments...), cover)
		}
		segments[p] = own
	}
	for {
		var left []int
		for p := range segments {
			if len(segments[p]) > 0 {
				left = append(left, p)
			}
		}
		if len(left) == 0 {
			return all
		}
		p := left[r.IntN(len(left))]
		n := 1 + r.IntN(len(segments[p]))
		all, segments[p] = append(all, segments[p][:n]...), segments[p][n:]
	}
}

func (s *splitSide) process(records []splitRecord) {
	for _, r := range records {
		_, err := s.work.Process(processors.Record{Offset: s.next, Key: r.key, Value: r.value}, func(topic, _ string, value []byte) {
			if topic == s.work.merged {
				s.published = append(append(s.published, value...), '\n')
			}
		})
		if err != nil {
			s.t.Fatal(err)
		}
		s.next++
	}
}
