package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pulse/stats/line"
	"pulse/topics"
)

// TestPackerLaws drives a packer at random and checks that every line is in
// one pack, in order, at the second at which it came.
func TestPackerLaws(t *testing.T) {
	for seed := range seeds(20, 100) {
		rng := rand.New(rand.NewPCG(seed, 0))
		o := &fakeOutput{partitions: 1 + rng.Int32N(8)}
		p := NewPacker("i", topics.WallDomain, o.partitions, o.sink)
		clock := int64(0)
		p.Cover(0)
		var want []string // in order, with their seconds
		var ticks []int64
		for step := range 1 + rng.IntN(60) {
			if step == 0 || rng.IntN(3) == 0 {
				old := p.Second()
				clock += rng.Int64N(3 * second)
				if err := p.Advance(clock); err != nil {
					t.Fatal(err)
				}
				if p.Second() != old {
					ticks = append(ticks, p.Second())
				}
			}
			if rng.IntN(8) == 0 {
				if err := p.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			var batch []byte
			for range rng.IntN(20) {
				l := fmt.Sprintf("%d-%s", len(want), strings.Repeat("x", randomLength(rng)))
				switch rng.IntN(10) {
				case 0:
					batch = append(batch, "\n"...)
				case 1:
					batch = append(batch, "\r\n"...)
				case 2:
					l += "\r"
				}
				batch = append(append(batch, l...), '\n')
				want = append(want, fmt.Sprintf("%d %s", p.Second(), l[:min(len(l), maxLine)]))
			}
			if rng.IntN(2) == 0 {
				batch = bytes.TrimSuffix(batch, []byte{'\n'})
			}
			if err := p.Add(batch); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Leave(p.Second() + 3); err != nil {
			t.Fatal(err)
		}
		checkLaws(t, o)
		if got := int(p.Lines()); got != len(want) {
			t.Errorf("seed %d: %d lines counted, want %d", seed, got, len(want))
		}

		var got []string
		packs := int32(0)
		var gotTicks []int64
		for _, r := range o.taken() {
			if r.Header.Tick != nil {
				if r.Partition == 0 {
					gotTicks = append(gotTicks, r.Header.Second())
				}
				continue
			}
			if r.Partition != packs%o.partitions {
				t.Errorf("seed %d: pack %d went to partition %d of %d", seed, packs, r.Partition, o.partitions)
			}
			packs++
			for l := range strings.SplitSeq(string(r.Value), "\n") {
				got = append(got, fmt.Sprintf("%d %s", r.Header.Second(), l))
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: the packs do not hold the lines: %s", seed, firstDifference(got, want))
		}
		if want := append(ticks, p.Second()); !slices.Equal(gotTicks, want) {
			t.Errorf("seed %d: ticks %d, want %d", seed, gotTicks, want)
		}
	}
}

// seeds is how many random cases a test tries: few, and more in its long form.
func seeds(few, many uint64) uint64 {
	if testing.Short() {
		return few
	}
	return many
}

// randomLength is mostly short, and now and then at a bound.
func randomLength(rng *rand.Rand) int {
	if rng.IntN(20) == 0 {
		return line.MaxLen - 10 + rng.IntN(20)
	}
	if rng.IntN(60) == 0 {
		return rng.IntN(3 * line.MaxLen)
	}
	return rng.IntN(300)
}

func firstDifference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("line %d is %.60q, want %.60q", i, got[i], want[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(got), len(want))
}

func TestPackerKeepsBytes(t *testing.T) {
	long := strings.Repeat("x", line.MaxLen)
	tests := []struct {
		name, in, want string
	}{
		{"a carriage return stays", "a\r\nb\r", "a\r\nb\r"},
		{"NUL and what is not UTF-8 pass", "a\x00b\n\xff\xfe\n", "a\x00b\n\xff\xfe"},
		{"empty lines are none", "\n\na\n\r\n\nb\n\n", "a\nb"},
		{"lines of one byte", "a\nb\nc", "a\nb\nc"},
		{"the longest line", long + "\nb\n", long + "\nb"},
		{"the longest line and a carriage return", long + "\r\nb\n", long + "\r\nb"},
		{"a line that is too long by one", long + "y\nb\n", long + "y\nb"},
		{"a line that is far too long", long + "yyyy\nb\n", long + "yy\nb"},
		{"a line that is too long after a carriage return", long + "\ryyy\nb\n", long + "\ry\nb"},
		{"a last line that is too long", "b\n" + long + "yyyy", "b\n" + long + "yy"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := &fakeOutput{partitions: 1}
			p := NewPacker("i", topics.WallDomain, 1, o.sink)
			for _, err := range []error{p.Advance(0), p.Add([]byte(test.in)), p.Flush()} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if got := string(o.taken()[1].Value); got != test.want {
				t.Errorf("%.50q was packed as %.50q (%d bytes), want %.50q (%d)", test.in, got, len(got), test.want, len(test.want))
			}
		})
	}
}

func TestPackerTicks(t *testing.T) {
	o := &fakeOutput{partitions: 2}
	p := NewPacker("i", topics.WallDomain, 2, o.sink)
	steps := []func() error{
		func() error { p.Cover(6); return p.Advance(5*second + 1) },
		func() error { return p.Add([]byte("a\nb\n")) },
		func() error { return p.Advance(5*second + 2) }, // the same second
		func() error { return p.Add([]byte("c\n")) },
		func() error { return p.Advance(4 * second) }, // back: ignored
		func() error { return p.Add([]byte("d\n")) },
		func() error { return p.Advance(6 * second) },
		func() error { return p.Advance(7 * second) },
		func() error { return p.Add([]byte("e\n")) },
		func() error { return p.Advance(99 * second) }, // a jump: one tick
		func() error { p.Cover(101); return p.Advance(100 * second) },
		func() error { return p.Leave(90) },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	want := []string{
		"|5/5 5:a,b,c,d |6/6 |7/6 |99/6 |100/100 |100/100!",
		"|5/5 |6/6 |7/6 7:e |99/6 |100/100 |100/100!",
	}
	for partition := range o.partitions {
		if got := story(o.of(partition)); got != want[partition] {
			t.Errorf("partition %d got %s\nwant %s", partition, got, want[partition])
		}
	}
	checkLaws(t, o)
}

// TestPackerAcks holds acknowledgements back and gives them one by one.
func TestPackerAcks(t *testing.T) {
	refused := errors.New("refused")
	o := &fakeOutput{partitions: 1, hold: true}
	p := NewPacker("i", topics.WallDomain, 1, o.sink)
	if err := p.Advance(0); err != nil {
		t.Fatal(err)
	}
	told := make(map[string][]error)
	add := func(name, lines string) {
		end := p.Track(func(err error) { told[name] = append(told[name], err) })
		if err := p.Add([]byte(lines)); err != nil {
			t.Fatal(err)
		}
		end(nil)
	}
	expect := func(when string, want map[string]error) {
		t.Helper()
		if len(told) != len(want) {
			t.Errorf("%s: %d batches know, want %d", when, len(told), len(want))
		}
		for name, err := range want {
			if got := told[name]; len(got) != 1 || !errors.Is(got[0], err) {
				t.Errorf("%s: batch %s was told %v, want once %v", when, name, got, err)
			}
		}
	}

	add("empty", "\n\n")
	expect("a batch without a line", map[string]error{"empty": nil})

	add("a", "a\n")
	add("large", strings.Repeat(strings.Repeat("x", 9_999)+"\n", 200)) // three packs
	add("z", "z\n")
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	packs := o.taken()[1:]
	if len(packs) != 3 {
		t.Fatalf("%d packs, want 3", len(packs))
	}
	packs[0].Done(nil)
	expect("the first pack", map[string]error{"empty": nil, "a": nil})
	packs[2].Done(nil)
	expect("the last pack", map[string]error{"empty": nil, "a": nil, "z": nil})
	packs[1].Done(refused)
	expect("the pack between", map[string]error{"empty": nil, "a": nil, "z": nil, "large": refused})

	o.fail = refused
	end := p.Track(func(err error) { told["failed"] = append(told["failed"], err) })
	if err := p.Add([]byte("b\n")); err != nil {
		t.Fatal(err)
	}
	end(nil)
	if err := p.Flush(); !errors.Is(err, refused) {
		t.Errorf("Flush gave %v, want what the sink gave", err)
	}
	if got := told["failed"]; len(got) != 1 || !errors.Is(got[0], refused) {
		t.Errorf("a batch that the sink did not take was told %v", got)
	}

	end = p.Track(func(err error) { told["closed"] = append(told["closed"], err) })
	if err := p.Add([]byte("c\n")); err != nil {
		t.Fatal(err)
	}
	end(nil)
	p.Close(refused)
	if got := told["closed"]; len(got) != 1 || !errors.Is(got[0], refused) {
		t.Errorf("a batch in an open pack was told %v at Close", got)
	}
}

func TestPackerMap(t *testing.T) {
	o := &fakeOutput{partitions: 1}
	p := NewPacker("i", topics.WallDomain, 1, o.sink)
	m := line.Mapping{From: 1, To: 2, Milli: 3}
	for _, err := range []error{p.Advance(0), p.Add([]byte("a")), p.Map(m), p.Add([]byte("b")), p.Flush()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	packs := o.taken()[1:]
	if len(packs) != 2 || packs[0].Header.Map != (line.Mapping{}) || packs[1].Header.Map != m {
		t.Errorf("got %+v, want one pack before the mapping and one with it", packs)
	}
}

// BenchmarkPacker is what packing costs with a wall clock: lines per
// CPU-second, with 256 KiB batches of lines of 200 bytes.
func BenchmarkPacker(b *testing.B) {
	batch := bytes.Repeat([]byte(strings.Repeat("x", 199)+"\n"), chunkSize/200)
	lines := bytes.Count(batch, []byte{'\n'})
	p := NewPacker("i", topics.WallDomain, 8, func(r Record) error { r.Done(nil); return nil })
	if err := p.Advance(0); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(batch)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if err := p.Add(batch); err != nil {
			b.Fatal(err)
		}
		n += lines
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
}
