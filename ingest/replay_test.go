package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/stats/line"
	"pulse/topics"
)

// record writes a recording.
func record(t testing.TB, lines ...string) *Recording {
	t.Helper()
	name := t.TempDir() + "/recording.log"
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := OpenRecording([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sinceStart tells when each record was sent, in milliseconds.
func sinceStart(records []sent, start time.Time) string {
	var times []string
	for _, r := range records {
		times = append(times, fmt.Sprint(r.at.Sub(start).Milliseconds()))
	}
	return strings.Join(times, " ")
}

func TestReplayAtItsPace(t *testing.T) {
	r := record(t, dated(at(0.25), "a"), dated(at(0.5), "b"), dated(at(1.25), "c"), dated(at(0.75), "late"),
		dated(at(4.75), "d"), "undated")
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(10*time.Second + 500*time.Millisecond)
		start := time.Now()
		o := &fakeOutput{partitions: 1}
		if err := (Replay{Recording: r, Speed: 1000, Lateness: 2}).Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		checkLaws(t, o)
		// The first line's fraction of a second stays: it is sent at 11.25.
		want := "|11/11 11:a,b |12/11 12:c,late |13/11 |14/11 |15/11 15:d,undated |16/11 |17/11 |18/11 |18/11!"
		if got := past(o.taken()); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if got, want := sinceStart(o.taken(), start), "750 1050 1500 2050 2500 3500 4500 5500 5500 6500 7500 7500"; got != want {
			t.Errorf("sent after %s ms\nwant       %s", got, want)
		}
		for _, r := range o.taken() {
			if m := r.Header.Map; m.Apply(at(0.25)) != bubble*second+11*second+second/4 {
				t.Errorf("the first line's time is mapped to %v", time.Unix(0, m.Apply(at(0.25))))
				break
			}
			if r.Header.Domain != topics.WallDomain {
				t.Errorf("the clock domain is %q", r.Header.Domain)
			}
		}
	})
}

func TestReplayAtTwiceItsPace(t *testing.T) {
	r := record(t, dated(at(0), "a"), dated(at(1), "b"), dated(at(4), "c"), dated(at(9), "d"))
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		o := &fakeOutput{partitions: 1}
		if err := (Replay{Recording: r, Speed: 2000, Lateness: 1}).Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		checkLaws(t, o)
		want := "|0/0 0:a 0:b |1/0 |2/0 2:c |3/0 |4/0 4:d |5/0 |6/0 |6/0!"
		if got := past(o.taken()); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if got, want := sinceStart(o.taken(), start), "0 300 800 1000 2000 2300 3000 4000 4800 5000 6000 6000"; got != want {
			t.Errorf("sent after %s ms\nwant       %s", got, want)
		}
	})
}

func TestReplayAtOnce(t *testing.T) {
	r := record(t, dated(at(0.25), "a"), dated(at(1.25), "b"), dated(2_147_483_647*second, "2038"), dated(at(1.5), "c"), dated(at(100.75), "d"))
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(500 * time.Millisecond)
		o := &fakeOutput{partitions: 2, newest: []topics.RawHeader{{Ingester: "x", Domain: topics.WallDomain, Clock: 1}}}
		start := time.Now()
		if err := (Replay{Recording: r, Speed: MaxSpeed, Lateness: 2}).Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		checkLaws(t, o)
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %v", took)
		}
		// The last line falls on the second that ended last at its fraction.
		for partition, want := range []string{
			"|-101/-101 -101:a |-100/-101 |-1/-101 -1:d |2/-101!",
			"|-101/-101 |-100/-101 -100:b,2038,c |-1/-101 |2/-101!",
		} {
			if got := past(o.of(int32(partition))); got != want {
				t.Errorf("partition %d got %s\nwant %s", partition, got, want)
			}
		}
		m := o.taken()[0].Header.Map
		if shift := m.To - m.From; shift%second != 0 {
			t.Errorf("times are shifted by %d ns, not by whole seconds", shift)
		}
	})
}

// TestReplayOriginalTimes sends times as they are, at any speed.
func TestReplayOriginalTimes(t *testing.T) {
	r := record(t, dated(at(0.25), "a"), dated(at(0.5), "b"), dated(at(3.25), "c"))
	d := day / second
	for _, test := range []struct {
		speed uint32
		story string
		times string
	}{
		{MaxSpeed, "|0/0 0:a,b |3/0 3:c |6/0!", "0 0 0 0 0"},
		{1000, "|0/0 0:a,b |1/0 |2/0 |3/0 3:c |6/0!", "0 300 750 1750 2750 3000 3000"},
		{10_000, "|0/0 0:a,b |1/0 |2/0 |3/0 3:c |6/0!", "0 75 75 175 275 300 300"},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			o := &fakeOutput{partitions: 1}
			if err := (Replay{Recording: r, Speed: test.speed, OriginalTimes: true, Lateness: 2}).Run(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			checkLaws(t, o)
			got := originalStory(o.taken(), d)
			if got != test.story {
				t.Errorf("speed %d: got  %s\nwant %s", test.speed, got, test.story)
			}
			if got := sinceStart(o.taken(), start); got != test.times {
				t.Errorf("speed %d: sent after %s ms, want %s", test.speed, got, test.times)
			}
			for _, r := range o.taken() {
				if !r.Header.Map.Identity() || !strings.HasPrefix(r.Header.Domain, topics.RecordingPrefix) {
					t.Errorf("the header says %+v", r.Header)
					break
				}
			}
		})
	}
}

// originalStory tells a story in seconds from d on; since stays as it is.
func originalStory(records []sent, d int64) string {
	records = slices.Clone(records)
	for i := range records {
		records[i].Header.Clock -= d * 1000
		if records[i].Header.Tick == nil {
			var words []string
			for l := range strings.SplitSeq(string(records[i].Value), "\n") {
				words = append(words, l[strings.LastIndexByte(l, ' ')+1:])
			}
			records[i].Value = []byte(strings.Join(words, "\n"))
		}
	}
	return story(records)
}

// TestReplayIsAFunctionOfTheRecording checks that each line has the same
// second of the clock at any speed, over any number of partitions and as
// PackRecording gives it, with times mapped or not.
func TestReplayIsAFunctionOfTheRecording(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var lines []string
	const count = 400
	for i := range count {
		s := float64(i)/3 - rng.Float64()*20*float64(rng.IntN(2))
		switch {
		case rng.IntN(30) == 0:
			lines = append(lines, fmt.Sprint("undated ", i))
		case rng.IntN(100) == 0:
			lines = append(lines, dated(at(s+1e8), fmt.Sprint(i)))
		default:
			lines = append(lines, dated(at(max(0, s)), fmt.Sprint(i)))
		}
	}
	r := record(t, lines...)

	seconds := func(o *fakeOutput) []string {
		var all []string
		first := int64(-1)
		final := int64(0)
		for _, r := range o.taken() {
			if first < 0 {
				first = r.Header.Second()
			}
			if r.Header.Tick == nil {
				for l := range strings.SplitSeq(string(r.Value), "\n") {
					all = append(all, fmt.Sprintf("%s@%d", l, r.Header.Second()-first))
				}
			} else if r.Header.Tick.Leaving {
				final = r.Header.Second() - first
			}
		}
		slices.Sort(all)
		return append(all, fmt.Sprint("final ", final))
	}
	plain := &fakeOutput{partitions: 1}
	p := NewPacker("i", "recording:x", 1, plain.sink)
	if _, err := PackRecording(r.Lines, nil, p, r.Modified(), 2); err != nil {
		t.Fatal(err)
	}
	want := seconds(plain)
	if len(want) != count+1 {
		t.Fatalf("PackRecording packed %d lines of %d", len(want)-1, count)
	}
	for _, replay := range []Replay{
		{Speed: MaxSpeed, OriginalTimes: true},
		{Speed: 1000, OriginalTimes: true},
		{Speed: 333_333, OriginalTimes: true},
		{Speed: MaxSpeed},
		{Speed: 1000},
	} {
		for _, partitions := range []int32{1, 3, 8} {
			synctest.Test(t, func(t *testing.T) {
				o := &fakeOutput{partitions: partitions}
				replay.Recording, replay.Lateness = r, 2
				if err := replay.Run(t.Context(), o); err != nil {
					t.Fatal(err)
				}
				checkLaws(t, o)
				if got := seconds(o); !slices.Equal(got, want) {
					t.Errorf("at speed %d, original times %v, %d partitions: %s", replay.Speed, replay.OriginalTimes, partitions, firstDifference(got, want))
				}
			})
		}
	}
}

// TestReplayLateness counts the late lines of a recording that is up to 180 s
// out of order from the records alone, and from the file alone.
func TestReplayLateness(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var lines []string
	var seconds []int64
	for i := range testkit.Size(400, 1000) {
		s := day/second + int64(i/2) - rng.Int64N(181)*rng.Int64N(2)
		seconds = append(seconds, s)
		lines = append(lines, dated(s*second+rng.Int64N(second), fmt.Sprint(i)))
	}
	r := record(t, lines...)
	for _, lateness := range []int64{0, 2, 10, 60, 120, 180} {
		want, newest := 0, int64(0)
		for _, s := range seconds {
			newest = max(newest, s)
			if s+1+lateness <= newest {
				want++
			}
		}
		for _, partitions := range []int32{1, 3} {
			o := &fakeOutput{partitions: partitions}
			replay := Replay{Recording: r, OriginalTimes: true, Lateness: lateness}
			if err := replay.Run(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			checkLaws(t, o)
			got := 0
			for partition := range partitions {
				tick := int64(-1)
				for _, r := range o.of(partition) {
					if r.Header.Tick != nil {
						tick = r.Header.Second()
						continue
					}
					if err := eachLine(r.Value, func(l []byte) error {
						at, _ := new(line.Times).Near(l, -1)
						if at/second+1+lateness <= max(r.Header.Second(), tick) {
							got++
						}
						return nil
					}); err != nil {
						t.Fatal(err)
					}
				}
			}
			if got != want || lateness == 180 && got != 0 || lateness == 0 && got == 0 {
				t.Errorf("lateness %d, %d partitions: %d late lines, want %d", lateness, partitions, got, want)
			}
		}
	}
}

func TestReplayInALoop(t *testing.T) {
	r := record(t, dated(at(0.25), "a"), dated(at(2.5), "b"))
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second+time.Millisecond)
		defer cancel()
		o := &fakeOutput{partitions: 1}
		err := Replay{Recording: r, Speed: 1000, Lateness: 2, Loop: true}.Run(ctx, o)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
		checkLaws(t, o)
		want := "|0/0 0:a |1/0 |2/0 2:b |3/0 3:a |4/0 |5/0 5:b |6/0 |6/0!"
		if got := past(o.taken()); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		packs := slices.DeleteFunc(o.taken(), func(r sent) bool { return r.Header.Tick != nil })
		if got := packs[2].Header.Map.Apply(at(0.25)); got != bubble*second+3*second+second/4 {
			t.Errorf("the first line's time is mapped to %v in the second round", time.Unix(0, got))
		}
	})
}

func TestReplayCutOff(t *testing.T) {
	r := record(t, dated(at(0), "a"), dated(at(100), "b"))
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		o := &fakeOutput{partitions: 1}
		err := Replay{Recording: r, Speed: 1000, Lateness: 2}.Run(ctx, o)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
		if got, want := past(o.taken()), "|0/0 0:a |1/0 |1/0!"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestReplayOfNothing(t *testing.T) {
	r := record(t)
	for _, speed := range []uint32{MaxSpeed, 1000} {
		o := &fakeOutput{partitions: 1}
		if err := (Replay{Recording: r, Speed: speed}).Run(t.Context(), o); err != nil {
			t.Errorf("speed %d: %v", speed, err)
		}
		if n := len(o.taken()); n > 0 {
			t.Errorf("speed %d: %d records for no line", speed, n)
		}
	}
}

func TestReplayRefuses(t *testing.T) {
	r := record(t, dated(at(0), "a"), dated(at(1), "b"))
	id, err := r.ID()
	if err != nil {
		t.Fatal(err)
	}
	own := topics.RecordingPrefix + id
	ms := int64(time.Millisecond)
	tests := []struct {
		name   string
		replay Replay
		newest []topics.RawHeader
		says   string // what the error has; "": none
	}{
		{"a wall clock's topics", Replay{OriginalTimes: true}, []topics.RawHeader{{Domain: own, Ingester: "me"}, {Domain: topics.WallDomain, Ingester: "x"}}, "--original-times"},
		{"another recording's topics", Replay{OriginalTimes: true}, []topics.RawHeader{{Domain: topics.RecordingPrefix + "x"}}, "--prefix"},
		{"it is there already", Replay{OriginalTimes: true}, []topics.RawHeader{{Domain: own, Ingester: "me", Clock: at(0)/ms + 1}}, "--prefix"},
		{"it is being sent", Replay{OriginalTimes: true}, []topics.RawHeader{{Domain: own, Ingester: "x", Clock: at(0) / ms}}, "ingester x"},
		{"it had hardly begun", Replay{OriginalTimes: true}, []topics.RawHeader{{Domain: own, Ingester: "me", Clock: at(0) / ms}}, ""},
		{"mapped into a recording's topics", Replay{}, []topics.RawHeader{{Domain: own}}, "--prefix"},
		{"mapped among others", Replay{}, []topics.RawHeader{{Domain: topics.WallDomain, Clock: at(1e9) / ms}}, ""},
		{"a loop at once", Replay{Loop: true}, nil, "loop"},
		{"a loop with original times", Replay{Loop: true, OriginalTimes: true, Speed: 1000}, nil, "loop"},
		{"an id for terminals", Replay{Ingester: "a\x1b[2J"}, nil, "letters"},
		{"a bad id", Replay{Ingester: strings.Repeat("x", 1000)}, nil, "id"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := &fakeOutput{partitions: 1, newest: test.newest}
			test.replay.Recording = r
			if test.replay.Ingester == "" {
				test.replay.Ingester = "me"
			}
			err := test.replay.Run(t.Context(), o)
			switch {
			case test.says == "" && err != nil:
				t.Errorf("got the error %v", err)
			case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
				t.Errorf("got %v, want an error with %q", err, test.says)
			}
		})
	}
}

func TestReplayProgress(t *testing.T) {
	var lines []string
	for i := range 5000 {
		lines = append(lines, dated(at(float64(i)/100), strings.Repeat("x", 100)))
	}
	r := record(t, lines...)
	for _, original := range []bool{true, false} {
		var done, total, count int64
		calls := 0
		replay := Replay{Recording: r, OriginalTimes: original, Progress: func(d, t, l int64) {
			if d < done {
				panic("went back")
			}
			done, total, count = d, t, l
			calls++
		}}
		if err := replay.Run(t.Context(), &fakeOutput{partitions: 1}); err != nil {
			t.Fatal(err)
		}
		passes := int64(2)
		if original {
			passes = 1
		}
		if calls < 4 || done != total || total != passes*r.Size() || count != 5000 {
			t.Errorf("original times %v: %d calls, at last %d of %d bytes (want %d), %d lines", original, calls, done, total, passes*r.Size(), count)
		}
	}
}

func TestRecording(t *testing.T) {
	a, b := record(t, "a"), record(t, "b")
	copied := record(t, "a")
	ids := make(map[string]int)
	for i, r := range []*Recording{a, b, copied} {
		id, err := r.ID()
		if err != nil {
			t.Fatal(err)
		}
		if len(id) != 12 {
			t.Errorf("the id %q has not 12 digits", id)
		}
		ids[id] += 1 << i
	}
	if len(ids) != 2 {
		t.Errorf("ids %v: a copy has the id of the original, another recording another", ids)
	}
	for _, names := range [][]string{nil, {t.TempDir()}, {t.TempDir() + "/none"}, make([]string, maxRecording+1)} {
		if _, err := OpenRecording(names); err == nil {
			t.Errorf("%d names, %.1q: opened without an error", len(names), names)
		}
	}
}

// What a file loses while it is read is an error, of a compressed one too.
func TestRecordingBecomesShorter(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var lines, packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for lines.Len() < 2<<20 {
		line := fmt.Appendf(nil, "2012-11-22T09:00:00Z %x\n", random.Uint64())
		lines.Write(line)
		w.Write(line)
	}
	w.Close()
	for name, content := range map[string][]byte{"plain": lines.Bytes(), "packed": packed.Bytes()} {
		for _, to := range []int{0, len(content) - 1} {
			file := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := OpenRecording([]string{file})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Lines(func(Piece) error { return nil }); err != nil {
				t.Errorf("%s, whole: %v", name, err)
			}
			err = r.Lines(func(Piece) error { return os.Truncate(file, int64(to)) })
			if !errors.Is(err, errShorter) || strings.Count(err.Error(), file) != 1 {
				t.Errorf("%s, cut to %d bytes: %v", name, to, err)
			}
			if err := r.Lines(func(Piece) error { return nil }); !errors.Is(err, errShorter) {
				t.Errorf("%s, cut to %d bytes before: %v", name, to, err)
			}
		}
	}
}

func TestNewID(t *testing.T) {
	a, b := NewID(), NewID()
	if len(a) != 8 || strings.Trim(a, "0123456789abcdef") != "" || a == b {
		t.Errorf("ids %q and %q: want eight hexadecimal digits each, and different ones", a, b)
	}
}

// BenchmarkRecording is what packing by a recording's own clock costs, which
// must look at each line's time.
func BenchmarkRecording(b *testing.B) {
	var batch []byte
	for i := range 1000 {
		batch = append(batch, dated(at(float64(i)/1000), strings.Repeat("x", 170)+"\n")...)
	}
	p := NewPacker("i", topics.WallDomain, 8, func(r Record) error { r.Done(nil); return nil })
	clock := newTimeline(0)
	emit := func(at int64, l []byte) error {
		if err := p.Advance(at); err != nil {
			return err
		}
		return p.addLine(l)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if err := eachLine(batch, func(l []byte) error { return clock.add(l, emit) }); err != nil {
			b.Fatal(err)
		}
		n += 1000
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
}
