package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pulse/topics"
)

// inputFunc is an input that a test writes down.
type inputFunc func(ctx context.Context, take func(context.Context, Batch) error) error

func (f inputFunc) Run(ctx context.Context, take func(context.Context, Batch) error) error {
	return f(ctx, take)
}

// A cue is what a scripted input does some time after the start.
type cue struct {
	at    time.Duration
	lines string
}

// script is an input that gives lines at their times and then, if it stays,
// waits for the end.
func script(start time.Time, stays bool, cues ...cue) Input {
	return inputFunc(func(ctx context.Context, take func(context.Context, Batch) error) error {
		for _, c := range cues {
			select {
			case <-time.After(time.Until(start.Add(c.at))):
			case <-ctx.Done():
				return nil
			}
			if err := take(ctx, Batch{Lines: []byte(c.lines)}); err != nil {
				return err
			}
		}
		if stays {
			<-ctx.Done()
		}
		return nil
	})
}

// bubble is where a synctest's clock starts, in whole seconds.
const bubble = 946_684_800

// short makes a story of synctest's seconds short.
func short(story string) string {
	for s := range 200 {
		story = strings.ReplaceAll(story, fmt.Sprint(bubble+s), fmt.Sprint(s))
	}
	return story
}

// run runs l for a while and returns what it returned.
func run(t *testing.T, l Live, o *fakeOutput, d time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	err := l.Run(ctx, o)
	checkLaws(t, o)
	return err
}

func TestLiveTicksAndPacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(300 * time.Millisecond)
		start := time.Now()
		o := &fakeOutput{partitions: 1}
		input := script(start, true,
			cue{100 * time.Millisecond, "a\n"},
			cue{150 * time.Millisecond, "b\n"},  // goes with a
			cue{699 * time.Millisecond, "c\n"},  // the last of its second
			cue{700 * time.Millisecond, "d\n"},  // the first of the next
			cue{1950 * time.Millisecond, "e\n"}, // after a second's end
		)
		if err := run(t, Live{Inputs: []Input{input}}, o, 3500*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		got := short(story(o.taken()))
		want := "|0/0 0:a,b 0:c |1/1 1:d |2/1 2:e |3/1 |3/1!"
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		var times []string
		for _, r := range o.taken() {
			times = append(times, fmt.Sprint(r.at.Sub(start).Milliseconds()))
		}
		// A pack goes 100 ms after its first line or at its second's end.
		if got, want := strings.Join(times, " "), "0 200 700 700 800 1700 2050 2700 3500"; got != want {
			t.Errorf("sent after %s ms, want %s", got, want)
		}
	})
}

func TestLiveTicksEveryPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &fakeOutput{partitions: 3}
		input := script(time.Now(), true, cue{0, "a\n"}, cue{1500 * time.Millisecond, "b\n"})
		if err := run(t, Live{Inputs: []Input{input}}, o, 2500*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		for partition, want := range []string{
			"|0/0 0:a |1/0 |2/0 |2/0!",
			"|0/0 |1/0 1:b |2/0 |2/0!",
			"|0/0 |1/0 |2/0 |2/0!",
		} {
			if got := short(story(o.of(int32(partition)))); got != want {
				t.Errorf("partition %d got %s, want %s", partition, got, want)
			}
		}
	})
}

// TestLivePause stops the loop, as SIGSTOP or a Kafka that takes nothing does.
func TestLivePause(t *testing.T) {
	tests := []struct {
		pause time.Duration
		want  string
	}{
		{1500 * time.Millisecond, "|0/0 |1/0 1:a |2/0 |3/0 |4/0 |5/0 |5/0!"}, // until 3.0: 1 s late for the tick of 2
		{1501 * time.Millisecond, "|0/0 |1/0 1:a |3/3 |4/4 |5/4 |5/4!"},      // a moment more
		{2700 * time.Millisecond, "|0/0 |1/0 1:a |4/4 |5/5 |5/5!"},           // until 4.2
	}
	for _, test := range tests {
		t.Run(test.pause.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				o := &fakeOutput{partitions: 1, block: make(chan struct{})}
				go func() { // takes all but from 1.5 s on for the pause
					deadline := time.After(1499 * time.Millisecond)
					for {
						select {
						case o.block <- struct{}{}:
							continue
						case <-deadline:
						case <-t.Context().Done():
							return
						}
						time.Sleep(time.Until(start.Add(1500*time.Millisecond + test.pause)))
						deadline = nil
					}
				}()
				input := script(start, true, cue{1400 * time.Millisecond, "a\n"})
				if err := run(t, Live{Inputs: []Input{input}}, o, 5500*time.Millisecond); err != nil {
					t.Fatal(err)
				}
				if got := short(story(o.taken())); got != test.want {
					t.Errorf("got  %s\nwant %s", got, test.want)
				}
			})
		})
	}
}

// TestLiveStall: while Kafka acknowledges nothing, and a while longer, packs go out
// and no ticks do.
func TestLiveStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		o := &fakeOutput{partitions: 1}
		var cues []cue
		for i := range 12 {
			cues = append(cues, cue{time.Duration(i)*time.Second + 500*time.Millisecond, fmt.Sprintf("%c\n", 'a'+i)})
		}
		input := script(start, true, cues...)
		time.AfterFunc(1400*time.Millisecond, o.keep)
		time.AfterFunc(5400*time.Millisecond, o.release)
		ctx, cancel := context.WithTimeout(t.Context(), 11700*time.Millisecond)
		defer cancel()
		if err := (Live{Inputs: []Input{input}}).Run(ctx, o); err != nil {
			t.Fatal(err)
		}
		got := short(story(o.taken()))
		want := "|0/0 0:a |1/0 1:b |2/0 2:c 3:d 4:e 5:f 6:g 7:h 8:i |9/0 9:j |10/0 10:k |11/0 11:l |11/0!"
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestLiveClockNeverStepsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		now := func() time.Time {
			if since := time.Since(start); since > 2500*time.Millisecond {
				return start.Add(since - 2*time.Second) // set back
			}
			return time.Now()
		}
		o := &fakeOutput{partitions: 1}
		input := script(start, true, cue{2600 * time.Millisecond, "a\n"}, cue{4900 * time.Millisecond, "b\n"}, cue{5100 * time.Millisecond, "c\n"})
		if err := run(t, Live{Inputs: []Input{input}, Now: now}, o, 6500*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if got, want := short(story(o.taken())), "|0/0 |1/0 |2/0 2:a 2:b |3/0 3:c |4/0 |4/0!"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// An hour is not waited for with lines: they are handed on at the second that the clock had.
func TestLiveClockSetBackFar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		now := func() time.Time {
			if since := time.Since(start); since > 2500*time.Millisecond {
				return start.Add(since - time.Hour)
			}
			return time.Now()
		}
		o := &fakeOutput{partitions: 1}
		input := script(start, true, cue{2600 * time.Millisecond, "a\n"}, cue{9 * time.Second, "b\n"})
		before := make(chan string, 1)
		time.AfterFunc(8*time.Second, func() { before <- short(story(o.taken())) })
		if err := run(t, Live{Inputs: []Input{input}, Now: now}, o, 10*time.Second); err != nil {
			t.Fatal(err)
		}
		if got, want := <-before, "|0/0 |1/0 |2/0 2:a"; got != want {
			t.Errorf("before the next line it is %q, want %q", got, want)
		}
		if got, want := short(story(o.taken())), "|0/0 |1/0 |2/0 2:a 2:b |2/0!"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestLiveBacklog(t *testing.T) {
	ago := func(seconds float64, text string) string {
		return dated(bubble*second-int64(seconds*float64(second)), text) + "\n"
	}
	const ms = time.Millisecond
	tests := []struct {
		name string
		cues []cue
		for_ time.Duration
		want string // seconds before the start are negative
	}{
		{
			"nothing comes", nil, 2500 * ms,
			"|1/0 |2/0 |2/0!",
		},
		{
			"lines of the past, then quiet", []cue{{0, ago(30, "a") + ago(28, "b") + ago(28, "c")}, {2100 * ms, "d\n"}}, 2500 * ms,
			"|-30/-30 -30:a |-28/-30 -28:b,c |1/-30 |2/-30 2:d |2/-30!",
		},
		{
			"a switch over more than a minute", []cue{{0, ago(90, "a") + ago(89, "b")}}, 2500 * ms,
			"|-90/-90 -90:a |-89/-90 -89:b |1/1 |2/1 |2/1!",
		},
		{
			"a switch over a minute", []cue{{0, ago(90, "a") + ago(59, "b")}}, 2500 * ms,
			"|-90/-90 -90:a |-59/-90 -59:b |1/-90 |2/-90 |2/-90!",
		},
		{
			"it catches up with the wall clock", []cue{{500 * ms, ago(10, "a") + ago(5, "b") + ago(1.5, "c") + ago(9, "d")}}, 1500 * ms,
			"|-10/-10 -10:a |-5/-10 -5:b |0/-10 0:c,d |1/-10 |1/-10!",
		},
		{
			"it is no backlog at all", []cue{{200 * ms, ago(0, "a") + ago(-0.1, "b")}}, 1500 * ms,
			"|0/0 0:a,b |1/0 |1/0!",
		},
		{
			"one line of now waits for a second", []cue{{200 * ms, ago(0, "a")}}, 2500 * ms,
			"|1/0 1:a |2/0 |2/0!",
		},
		{
			"one line of the past", []cue{{200 * ms, ago(50, "a")}}, 2500 * ms,
			"|-50/-50 -50:a |1/-50 |2/-50 |2/-50!",
		},
		{
			"no line is dated", []cue{{0, "a\n"}, {400 * ms, "b\n"}, {800 * ms, "c\n"}, {1200 * ms, "d\n"}}, 2500 * ms,
			"|1/0 1:a,b,c 1:d |2/0 |2/0!",
		},
		{
			"undated lines go on after a dated one", []cue{{0, ago(50, "a") + ago(50, "b")}, {600 * ms, "c\n"}, {1100 * ms, "d\n"}}, 1500 * ms,
			"|-50/-50 -50:a,b -50:c |1/-50 1:d |1/-50!",
		},
		{
			"a jump to now that only the wall clock bears out", []cue{{0, ago(9000, "a") + ago(9000, "b") + ago(0, "c")}}, 1500 * ms,
			"|-9000/-9000 -9000:a,b |1/1 1:c |1/1!",
		},
		{
			"a line of the far future", []cue{{0, ago(20, "a") + ago(20, "b") + ago(-9e8, "z") + "c\n"}}, 1500 * ms,
			"|-20/-20 -20:a,b -20:z,c |1/-20 |1/-20!",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &fakeOutput{partitions: 1}
				l := Live{Inputs: []Input{script(time.Now(), true, test.cues...)}, Backlog: true, Lateness: 2}
				if err := run(t, l, o, test.for_); err != nil {
					t.Fatal(err)
				}
				if got := past(o.taken()); got != test.want {
					t.Errorf("got  %s\nwant %s", got, test.want)
				}
			})
		})
	}
}

// past tells a story with seconds from the synctest's start on, negative ones
// before it, and of each line its last word.
func past(records []sent) string {
	records = slices.Clone(records)
	for i := range records {
		r := &records[i]
		r.Header.Clock -= bubble * 1000
		if r.Header.Clock < 0 {
			r.Header.Clock -= 999 // Second rounds to zero, not down
		}
		if tick := r.Header.Tick; tick != nil {
			c := *tick
			c.Since -= bubble
			r.Header.Tick = &c
		}
		var words []string
		for l := range strings.SplitSeq(string(r.Value), "\n") {
			words = append(words, l[strings.LastIndexByte(l, ' ')+1:])
		}
		r.Value = []byte(strings.Join(words, "\n"))
	}
	return story(records)
}

// TestLiveEnds lets inputs end: the seconds of their lines become final, and those after
// their end are not covered.
func TestLiveEnds(t *testing.T) {
	broken := errors.New("broken")
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			name    string
			input   Input
			backlog bool
			took    time.Duration
			want    string
			err     error
		}{
			{
				"it waits until its lines' seconds are final", script(time.Now(), false, cue{1200 * time.Millisecond, "a\n"}), false,
				9 * time.Second, "|0/0 |1/0 1:a |2/2 |3/3 |4/4 |5/5 |6/6 |7/7 |8/8 |9/9 |9/9!", nil,
			},
			{"it had no line", script(time.Now(), false), false, 0, "|0/0 |0/0!", nil},
			{"a backlog had no line", script(time.Now(), false), true, 0, "", nil},
			{
				"a backlog is final at once",
				script(time.Now(), false, cue{0, dated((bubble-50)*second, "a") + "\n" + dated((bubble-40)*second, "b")}), true,
				0, "|-50/-50 -50:a |-40/-50 -40:b |-39/-50 |-37/-37!", nil,
			},
			{
				"a backlog of one line",
				script(time.Now(), false, cue{0, dated((bubble-50)*second, "a")}), true,
				0, "|-50/-50 -50:a |-49/-50 |-47/-47!", nil,
			},
			{
				"a backlog without a date is of now, and waits as lines of now do",
				script(time.Now(), false, cue{0, "a\n"}), true,
				8 * time.Second, "|0/0 0:a |1/1 |2/2 |3/3 |4/4 |5/5 |6/6 |7/7 |8/8 |8/8!", nil,
			},
			{
				"a backlog of one line of now",
				script(time.Now(), false, cue{0, dated(bubble*second, "a")}), true,
				8 * time.Second, "|0/0 0:a |1/1 |2/2 |3/3 |4/4 |5/5 |6/6 |7/7 |8/8 |8/8!", nil,
			},
			{
				"one input fails", inputFunc(func(ctx context.Context, take func(context.Context, Batch) error) error {
					return errors.Join(take(ctx, Batch{Lines: []byte("a")}), broken)
				}), false, 0, "|0/0 0:a |0/0!", broken,
			},
		} {
			// Each begins at a whole second, at which a script is rebased.
			start := time.Now()
			o := &fakeOutput{partitions: 1}
			l := Live{Inputs: []Input{test.input}, Backlog: test.backlog, Lateness: 2}
			if start.Unix() != bubble {
				offset := start.Sub(time.Unix(bubble, 0))
				l.Now = func() time.Time { return time.Now().Add(-offset) }
				l.Inputs = []Input{inputFunc(func(ctx context.Context, take func(context.Context, Batch) error) error {
					return test.input.Run(ctx, take)
				})}
			}
			err := run(t, l, o, time.Minute)
			if !errors.Is(err, test.err) {
				t.Errorf("%s: got the error %v, want %v", test.name, err, test.err)
			}
			if got := past(o.taken()); got != test.want {
				t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
			}
			if took := time.Since(start); took != test.took {
				t.Errorf("%s: it took %v, want %v", test.name, took, test.took)
			}
		}
	})
}

// TestLiveAcks checks that a batch is told when all its lines are in Kafka,
// those that a backlog holds included.
func TestLiveAcks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &fakeOutput{partitions: 1}
		var told []string
		input := inputFunc(func(ctx context.Context, take func(context.Context, Batch) error) error {
			for _, text := range []string{"a", "b", "c"} {
				b := Batch{
					Lines: []byte(dated((bubble-50)*second, text)),
					Acked: func(err error) { told = append(told, fmt.Sprint(text, err, len(o.records))) },
				}
				if err := take(ctx, b); err != nil {
					return err
				}
				time.Sleep(300 * time.Millisecond)
			}
			<-ctx.Done()
			return nil
		})
		l := Live{Inputs: []Input{input}, Backlog: true, Lateness: 2}
		if err := run(t, l, o, 2*time.Second); err != nil {
			t.Fatal(err)
		}
		// The first is held until the second bears it out: record 1 is a tick.
		if got, want := fmt.Sprint(told), "[a<nil> 2 b<nil> 2 c<nil> 3]"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
	})
}

func TestLiveStopsWhenOutputFails(t *testing.T) {
	broken := errors.New("broken")
	synctest.Test(t, func(t *testing.T) {
		o := &fakeOutput{partitions: 1}
		var acked, refused error
		input := inputFunc(func(ctx context.Context, take func(context.Context, Batch) error) error {
			if err := take(ctx, Batch{Lines: []byte("a"), Acked: func(err error) { acked = err }}); err != nil {
				return err
			}
			o.mu.Lock()
			o.fail = broken
			o.mu.Unlock()
			time.Sleep(5 * time.Second)
			refused = take(ctx, Batch{Lines: []byte("b")})
			return refused
		})
		if err := run(t, Live{Inputs: []Input{input}}, o, time.Minute); !errors.Is(err, broken) {
			t.Errorf("Run returned %v, want the output's error", err)
		}
		if !errors.Is(acked, broken) {
			t.Errorf("the batch was told %v, want the output's error", acked)
		}
		if refused == nil {
			t.Error("a batch was taken after the end")
		}
	})
}

// TestLiveNeverAcksWhatIsLost fails the output while batches are under way:
// one in a pack that is full, one in the batch that fills it, one that the
// backlog holds.
func TestLiveNeverAcksWhatIsLost(t *testing.T) {
	broken := errors.New("broken")
	for _, backlog := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			o := &fakeOutput{partitions: 1}
			told := make(map[int]error)
			input := inputFunc(func(ctx context.Context, take func(context.Context, Batch) error) error {
				for i := range 100 {
					line := dated((bubble-50)*second, strings.Repeat("x", 60_000))
					if backlog && i == 40 { // a jump, which is held
						line = dated((bubble-10)*second-8000*second, "x")
					}
					b := Batch{Lines: []byte(line), Acked: func(err error) { told[i] = err }}
					if err := take(ctx, b); err != nil {
						told[i] = err
						return nil
					}
					if i == 2 {
						o.mu.Lock()
						o.fail = broken
						o.mu.Unlock()
					}
				}
				return nil
			})
			l := Live{Inputs: []Input{input}, Backlog: backlog, Lateness: 2}
			if err := run(t, l, o, time.Minute); !errors.Is(err, broken) {
				t.Errorf("backlog %v: Run returned %v, want the output's error", backlog, err)
			}
			if len(told) < 10 {
				t.Errorf("backlog %v: %d batches were told", backlog, len(told))
			}
			for i, err := range told {
				if !errors.Is(err, broken) {
					t.Errorf("backlog %v: batch %d was told %v, want the output's error", backlog, i, err)
				}
			}
		})
	}
}

// TestLiveGivesUpWhenKafkaIsAway is told to stop while the output blocks.
func TestLiveGivesUpWhenKafkaIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &fakeOutput{partitions: 1, block: make(chan struct{})}
		start := time.Now()
		err := run(t, Live{}, o, time.Second)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v, want that it was canceled", err)
		}
		if took := time.Since(start); took != time.Second+topics.LeaveTimeout {
			t.Errorf("it took %v, want %v", took, time.Second+topics.LeaveTimeout)
		}
	})
}

func TestLiveRefusesARecordingsTopics(t *testing.T) {
	o := &fakeOutput{partitions: 1, newest: []topics.RawHeader{{Domain: topics.RecordingPrefix + "x"}}}
	err := Live{}.Run(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "--prefix") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
	if err := (Live{Ingester: strings.Repeat("x", 1000)}).Run(t.Context(), o); err == nil {
		t.Error("an id of 1000 bytes was taken")
	}
}

func TestStdin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &fakeOutput{partitions: 2}
		in := Stdin{From: strings.NewReader("a\nb\n\nc")}
		if err := run(t, Live{Inputs: []Input{in}, Lateness: 1}, o, time.Minute); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(o.lines()); got != "[a b c]" {
			t.Errorf("got %s", got)
		}
	})
}
