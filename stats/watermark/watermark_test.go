package watermark

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pulse/stats/timing"
)

// ticks gives a watermark the ticks of a script and returns the watermark after
// each, and the gaps of all. A step is an ingester and its clock, since when it
// covers if that is not 0, and "." if it leaves: "a100", "b100/90.".
func ticks(t *testing.T, w *Watermark, script string) (seconds []int64, gaps []timing.Interval) {
	t.Helper()
	for step := range strings.FieldsSeq(script) {
		tick := Tick{Ingester: step[:1], Leaving: strings.HasSuffix(step, ".")}
		step = strings.TrimSuffix(step[1:], ".")
		if clock, since, ok := strings.Cut(step, "/"); ok {
			fmt.Sscan(since, &tick.Since)
			step = clock
		}
		if _, err := fmt.Sscan(step, &tick.Clock); err != nil {
			t.Fatal(err)
		}
		before, after, more := w.Tick(tick)
		if len(seconds) > 0 && before != seconds[len(seconds)-1] || after != w.Second() {
			t.Fatalf("%s: from %d to %d, the watermark is %d", step, before, after, w.Second())
		}
		seconds = append(seconds, after)
		gaps = append(gaps, more...)
	}
	return seconds, gaps
}

func TestWatermark(t *testing.T) {
	for _, test := range []struct {
		name   string
		script string
		want   []int64
	}{
		{"one ingester", "a100 a101 a102", []int64{100, 101, 102}},
		{"the least clock of the members", "a100 b100 a101 b101", []int64{100, 100, 100, 101}},
		{"the greatest less a second", "a100 b100 a101 a102 a103", []int64{100, 100, 100, 101, 102}},
		{"one joins at its first tick", "a100 a101 b101 a102 b102", []int64{100, 101, 101, 101, 102}},
		{"one that joins behind holds back", "a100 a101 b99 a102 b100 a103", []int64{100, 101, 101, 101, 101, 102}},
		{"one leaves, counted, then gone", "a100 b100 b101. a101 a102", []int64{100, 100, 100, 101, 102}},
		{"the greatest leaves: it counted", "a100 b100 b103. a101", []int64{100, 100, 102, 102}},
		{"all leave", "a100 a101.", []int64{100, 101}},
		{"one comes back with a new id", "a100 a101. b105", []int64{100, 101, 105}},
		{
			"one that is 10 s behind has left", // and then holds nobody back
			"a100 b100 c100 a102 b102 a104 b104 a106 b106 a108 b108 a109 b109 a110 b110 a111 b111",
			[]int64{100, 100, 100, 101, 101, 103, 103, 105, 105, 107, 107, 108, 108, 109, 110, 110, 111},
		},
		{
			"far ahead is not the greatest", // 6 s and more, and another one ticks
			"a100 b100 b107 b108 a101 b109 a102",
			[]int64{100, 100, 100, 100, 101, 101, 102},
		},
		{
			"5 s ahead is",
			"a100 b100 b105 a101",
			[]int64{100, 100, 104, 104},
		},
		{
			"far ahead until the others have missed ten ticks",
			"a100 b106 b107 b108 b109 b110 b111 b112 b113 b114 b115 b116",
			[]int64{100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 114, 116},
		},
		{
			"a tick of another one counts anew",
			"a100 b106 b107 b108 b109 b110 b111 b112 b113 b114 a101 b115 b116",
			[]int64{100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 101, 101, 101},
		},
		{
			"a ticking one keeps one that is an hour ahead from counting",
			"a100 b3700 a101 b3701 a102 b3702 a103",
			[]int64{100, 100, 101, 101, 102, 102, 103},
		},
		{
			"those that are far ahead do not cover each other", // b died, and c is its successor
			"a100 b3700 a101 c3701 a102 c3702 a103",
			[]int64{100, 100, 101, 101, 102, 102, 103},
		},
		{
			"those that are far ahead count when the other one has stopped",
			"a100 b3700 c3700 b3701 c3701 b3702 c3702 b3703 c3703 b3704 c3704 b3705 c3705 b3706 c3706 b3707 c3707 b3708 c3708 b3709 c3709",
			[]int64{100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 3708, 3709},
		},
		{
			"one that is an hour ahead, and silent, keeps nobody from missing others", // a died, b is its successor
			"a100 x3700 b150 b151 b152 b153 b154 b155 b156 b157 b158 b159 b160",
			[]int64{100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 158, 160},
		},
		{
			"nor do several, at different hours, that tick",
			"a100 x3700 y7200 z3701 b150 b151 b152 b153 y7201 b154 b155 b156 b157 b158 b159 b160",
			[]int64{100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 158, 160},
		},
		{
			"one that is behind others that are silent and far ahead", // all restarted two hours later
			"a100 x3700 b7200 b7201 b7202 b7203 b7204 b7205 b7206 b7207 b7208 b7209 b7210 b7211 b7212 b7213 b7214 b7215 b7216 b7217 b7218 b7219 b7220",
			[]int64{100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 7209, 7211, 7212, 7213, 7214, 7215, 7216, 7217, 7218, 7219, 7220},
		},
		{
			"the ticks of one that is far ahead of another one that is do not count", // a stalls for a while
			"a100 x3700 y7200 y7201 y7202 y7203 y7204 y7205 y7206 y7207 a101 a102",
			[]int64{100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 101, 102},
		},
		{
			"one that is far ahead does not count at once when all others have left",
			"a100 x3700 a101. x3701 b103 x3702 b104",
			[]int64{100, 100, 101, 101, 102, 102, 103},
		},
		{
			"one that goes on alone is not far ahead", // the other one died
			"a100 b100 b101 b102 b103 b104 b105 b106 b107 b108 b109 b110 b111",
			[]int64{100, 100, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 111},
		},
		{
			"one an hour behind never joins",
			"a3700 b100 a3701 b101 a3702",
			[]int64{3700, 3700, 3701, 3701, 3702},
		},
		{"it never steps back", "a100 b50 c60 d100", []int64{100, 100, 100, 100}},
		{"a clock never steps back", "a100 b100 a102 b103 a101", []int64{100, 100, 101, 102, 102}},
	} {
		got, _ := ticks(t, New(), test.script)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %s\n got %d\nwant %d", test.name, test.script, got, test.want)
		}
	}
	if got := New().Second(); got != -1 {
		t.Errorf("before the first tick the watermark is %d, want -1", got)
	}
}

// TestDoubted: one whose clock is far ahead is a member that does not count. When it
// has been silent for ten ticks it is forgotten, and what it covers counts for
// nothing.
func TestDoubted(t *testing.T) {
	w := New()
	names := func() (all string) {
		for _, m := range w.Members() {
			all += m.Ingester
			if m.Doubted {
				all += "?"
			}
		}
		return all
	}
	ticks(t, w, "a100/100 b100/100 x3700 a101/100 b101/100")
	if got := names(); got != "abx?" {
		t.Errorf("the members are %s, want x to be doubted", got)
	}
	ticks(t, w, "a102/100 a103/100 a104/100 a105/100 a106/100 a107/100 a108/100 a109/100")
	if got := names(); got != "abx?" {
		t.Errorf("after nine ticks without x the members are %s", got)
	}
	ticks(t, w, "a110/100")
	if got := names(); got != "ab" && got != "a" {
		t.Errorf("after ten ticks without x the members are %s", got)
	}
	ticks(t, w, "a111/100 x3720 a112/100")
	if got := names(); got != "ax?" {
		t.Errorf("when x is back the members are %s", got)
	}
	if _, gaps := ticks(t, w, "a120/119"); !slices.Equal(gaps, []timing.Interval{{From: 112, To: 119}}) {
		t.Errorf("the gaps are %d: x covers no seconds while it is doubted", gaps)
	}
}

func TestGaps(t *testing.T) {
	for _, test := range []struct {
		name   string
		script string
		want   []timing.Interval
	}{
		{"what was before the first tick nobody covers", "a100/90", []timing.Interval{{From: 0, To: 90}}},
		{"a first tick covers nothing", "a100/101", []timing.Interval{{From: 0, To: 100}}},
		{"one that goes on", "a100 a101/90 a105/90", nil},
		{"one that begins anew", "a100 a110/105", []timing.Interval{{From: 100, To: 105}}},
		{"another one covers", "a100 b103/80 a108/105", []timing.Interval{{From: 103, To: 105}}},
		{"one that has left does not", "a100 b103/80. a110/105", []timing.Interval{{From: 102, To: 105}}},
		{"members overlap", "a100 b102/99 a110/101", nil},
		{"a new one after none", "a100. b200/150", []timing.Interval{{From: 100, To: 150}}},
		{"nobody at all", "a100. b200/200", []timing.Interval{{From: 100, To: 200}}},
		{"a recording covers everything", "a100 a5000", nil},
		{"the gap is that of the tick that passes it", "a100 b100 a104/103 b104/90", []timing.Interval{{From: 100, To: 103}}},
		{"it covers nothing beyond its clock", "a100 a110/300", []timing.Interval{{From: 100, To: 110}}},
	} {
		if _, got := ticks(t, New(), test.script); !slices.Equal(got, test.want) {
			t.Errorf("%s: %s: %d, want %d", test.name, test.script, got, test.want)
		}
	}
}

func TestRefusedTicksChangeNothing(t *testing.T) {
	w := New()
	for i := range MaxMembers {
		w.Tick(Tick{Ingester: fmt.Sprint("i", i), Clock: 100})
	}
	before := w.AppendBinary(nil)
	for i, tick := range []Tick{
		{Ingester: "one more", Clock: 101},
		{Ingester: "", Clock: 101},
		{Ingester: strings.Repeat("x", MaxIngester+1), Clock: 101},
		{Ingester: "i0", Clock: -1},
		{Ingester: "i0", Clock: timing.LastSecond + 1},
	} {
		from, to, gaps := w.Tick(tick)
		if from != 100 || to != 100 || gaps != nil || !bytes.Equal(w.AppendBinary(nil), before) {
			t.Errorf("%+v: from %d to %d, %v", tick, from, to, gaps)
		}
		if w.Refused() != int64(i+1) {
			t.Errorf("%+v: %d refused, want %d", tick, w.Refused(), i+1)
		}
	}
}

// randomTick is of one of a few ingesters around a time, with all that may be
// wrong with them.
func randomTick(r *rand.Rand, now int64) Tick {
	t := Tick{Ingester: string(rune('a' + r.IntN(4))), Clock: now + r.Int64N(4) - 2}
	switch r.IntN(40) {
	case 0:
		t.Leaving = true
	case 1:
		t.Clock += 3600
	case 2:
		t.Clock -= r.Int64N(30)
	case 3:
		t.Ingester = string(rune('e' + r.IntN(20)))
	}
	t.Clock = max(t.Clock, 0)
	t.Since = max(t.Clock-r.Int64N(40), 0)
	return t
}

// TestWatermarkNeverStepsBack, and its gaps are within what it passed, apart
// from each other and covered by nobody.
func TestWatermarkNeverStepsBack(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		w, now := New(), int64(1000)
		for range 300 {
			now += r.Int64N(2)
			if r.IntN(50) == 0 {
				now += r.Int64N(40)
			}
			tick := randomTick(r, now)
			members := w.Members()
			before, after, gaps := w.Tick(tick)
			if after < before || after != w.Second() {
				t.Fatalf("seed %d: from %d to %d", seed, before, after)
			}

			// What the members cover, second by second.
			i := slices.IndexFunc(members, func(m Member) bool { return m.Ingester == tick.Ingester })
			if i < 0 {
				members = append(members, Member{Ingester: tick.Ingester, Clock: -1})
				i = len(members) - 1
			}
			if m := &members[i]; tick.Clock >= m.Clock {
				since := tick.Since
				if m.Doubted {
					since = max(since, m.Since)
				}
				if m.Doubted && tick.Clock-m.Clock > timing.Quiet {
					since = tick.Clock
				}
				m.Clock, m.Since = tick.Clock, since
			}
			for s := before; before >= 0 && s < after; s++ {
				// The clocks that count are at most the watermark and what one may be behind.
				covering := slices.ContainsFunc(members, func(m Member) bool {
					return m.Since <= s && s < m.Clock && m.Clock <= after+timing.HoldBack
				})
				inGap := slices.ContainsFunc(gaps, func(g timing.Interval) bool { return g.From <= s && s < g.To })
				if covering == inGap {
					t.Fatalf("seed %d: second %d from %d to %d: covered %v, in a gap %v of %d", seed, s, before, after, covering, inGap, gaps)
				}
			}
			for j, g := range gaps {
				if g.From >= g.To || g.From < before || g.To > after || j > 0 && g.From <= gaps[j-1].To {
					t.Fatalf("seed %d: gaps %d from %d to %d", seed, gaps, before, after)
				}
			}
		}
	}
}

// TestDecodedGoesOnAlike is what a receiver's restart is: at any tick the state
// through its binary form continues as if nothing had happened.
func TestDecodedGoesOnAlike(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		stays, restarts, now := New(), New(), int64(1000)
		for range 300 {
			now += r.Int64N(2)
			tick := randomTick(r, now)
			wantBefore, wantAfter, wantGaps := stays.Tick(tick)
			before, after, gaps := restarts.Tick(tick)
			if before != wantBefore || after != wantAfter || !slices.Equal(gaps, wantGaps) {
				t.Fatalf("seed %d: %+v brings the restarted from %d to %d, %d, want from %d to %d, %d", seed, tick, before, after, gaps, wantBefore, wantAfter, wantGaps)
			}
			if r.IntN(3) == 0 {
				b := restarts.AppendBinary(nil)
				var err error
				if restarts, err = Decode(b); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if again := restarts.AppendBinary(nil); !bytes.Equal(again, b) || !bytes.Equal(stays.AppendBinary(nil), b) {
					t.Fatalf("seed %d: %x is %x again", seed, b, again)
				}
			}
		}
	}
}

// TestBinaryFits fills a watermark with the longest members there can be.
func TestBinaryFits(t *testing.T) {
	w := New()
	id := func(i int) string { return fmt.Sprintf("%0*d", MaxIngester, i) }
	for i := range MaxMembers - 1 {
		w.Tick(Tick{Ingester: id(i), Clock: timing.LastSecond - 100 - int64(i%9)})
	}
	w.Tick(Tick{Ingester: id(MaxMembers), Clock: timing.LastSecond})
	if n := len(w.Members()); n != MaxMembers {
		t.Fatalf("%d members", n)
	}
	if n := len(w.AppendBinary(nil)); n > MaxBinary {
		t.Errorf("%d bytes, want %d at most", n, MaxBinary)
	}
}

func FuzzDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 3))
	w := New()
	f.Add([]byte{})
	f.Add(w.AppendBinary(nil))
	for i := range 40 {
		w.Tick(randomTick(r, int64(1000+i)))
		b := w.AppendBinary(nil)
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := Decode(b)
		if err != nil {
			return
		}
		// There may be other forms of a state (a number with zeros at its end),
		// but the one that is written is read as the same.
		again, err := Decode(w.AppendBinary(nil))
		if err != nil || !reflect.DeepEqual(again, w) {
			t.Fatalf("%x: %+v is %+v again, %v", b, w, again, err)
		}
		before := w.Second()
		if from, to, _ := w.Tick(Tick{Ingester: "a", Clock: 1000}); from != before || to < before {
			t.Fatalf("%x: from %d to %d", b, from, to)
		}
	})
}

// TestDoubtedCoversSteps: one that was doubted and comes to count covers the seconds of its
// own ticks, and neither what was before them nor what it has leapt over.
func TestDoubtedCoversSteps(t *testing.T) {
	for _, test := range []struct {
		name   string
		script string
		want   []timing.Interval
	}{
		{
			"it was there in steps",
			"a100/90 b3700/10 b3701/10 b3702/10 b3703/10 b3704/10 b3705/10 b3706/10 b3707/10 b3708/10 b3709/10 b3710/10",
			[]timing.Interval{{From: 0, To: 90}, {From: 100, To: 3700}},
		},
		{
			"it has leapt a day with each tick",
			"a100/90 b100000/10 b200000/10 b300000/10 b400000/10 b500000/10 b600000/10 b700000/10 b800000/10 b900000/10 b1000000/10",
			[]timing.Interval{{From: 0, To: 90}, {From: 100, To: 999999}},
		},
		{
			"it counted, and left ticks out with all others", // Kafka was away, and c died meanwhile
			"a100/90 c100/90 a101/90 a400/90 a401/90 a402/90 a403/90 a404/90 a405/90 a406/90 a407/90 a408/90 a409/90",
			[]timing.Interval{{From: 0, To: 90}},
		},
	} {
		if _, got := ticks(t, New(), test.script); !slices.Equal(got, test.want) {
			t.Errorf("%s: %s: %d, want %d", test.name, test.script, got, test.want)
		}
	}
}

// TestFrozenAhead: an ingester whose clock was an hour ahead has died, and then the
// only right one. The next one, after a pause, is not doubted for ever.
func TestFrozenAhead(t *testing.T) {
	w := New()
	for s := int64(1000); s < 1010; s++ {
		w.Tick(Tick{Ingester: "right", Clock: s, Since: 1000})
	}
	w.Tick(Tick{Ingester: "ahead", Clock: 4610, Since: 4600})
	w.Tick(Tick{Ingester: "right", Clock: 1010, Since: 1000})
	for s := int64(1030); s < 1060; s++ {
		w.Tick(Tick{Ingester: "next", Clock: s, Since: 1030})
	}
	if w.Second() != 1059 {
		t.Errorf("the watermark is %d, want 1059: %+v", w.Second(), w.Members())
	}
}
