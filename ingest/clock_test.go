package ingest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// clocks runs lines through a timeline and tells with which second, counted
// from the tests' day, each comes out.
func clocks(t *testing.T, lines []string) string {
	t.Helper()
	var out []string
	clock := newTimeline(at(-100))
	emit := func(clock int64, l []byte) error {
		out = append(out, fmt.Sprintf("%s@%d", l[strings.LastIndexByte(string(l), ' ')+1:], (clock-at(0))/second))
		return nil
	}
	for _, l := range lines {
		if err := clock.add([]byte(l), emit); err != nil {
			t.Fatal(err)
		}
	}
	if err := clock.settle(emit); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func TestTimeline(t *testing.T) {
	const hour = 3600
	year2038 := dated(2_147_483_647*second, "z")
	line := func(seconds float64, text string) string { return dated(at(seconds), text) }
	tests := []struct {
		name  string
		lines []string
		want  string
	}{
		{"nothing", nil, ""},
		{"the running maximum", []string{line(1, "a"), line(3, "b"), line(2, "c"), line(3.9, "d")}, "a@1 b@3 c@3 d@3"},
		{"one line", []string{line(1, "a")}, "a@1"},
		{"an undated line has the clock", []string{line(1, "a"), "b", line(5, "c"), "d"}, "a@1 b@1 c@5 d@5"},
		{"undated lines at first wait for a time", []string{"a", "b", line(5, "c"), "d", line(6, "e")}, "a@5 b@5 c@5 d@5 e@6"},
		{"no time at all", []string{"a", "b"}, "a@-100 b@-100"},
		{"an hour is no jump", []string{line(1, "a"), line(1+hour, "b"), line(2, "c")}, "a@1 b@3601 c@3601"},
		{"a jump that is borne out", []string{line(1, "a"), line(2+hour, "b"), "c", line(3+hour, "d")}, "a@1 b@3602 c@3602 d@3603"},
		{"borne out by a line an hour before it", []string{line(1, "a"), line(2+2*hour, "b"), line(2+hour, "c")}, "a@1 b@7202 c@7202"},
		{"not borne out", []string{line(1, "a"), line(2+2*hour, "b"), "c", line(1+hour, "d"), line(2, "e")}, "a@1 b@1 c@1 d@3601 e@3601"},
		{"2038 amid a recording", []string{line(1, "a"), year2038, "c", line(2, "d"), line(3, "e")}, "a@1 z@1 c@1 d@2 e@3"},
		{"a jump that was the last", []string{line(-9000, "a"), line(-200, "b"), "c"}, "a@-9000 b@-200 c@-200"},
		{"a jump that was the last, by less than a jump after all was written", []string{line(-9000, "a"), line(3000, "b")}, "a@-9000 b@3000"},
		{"2038 at the end", []string{line(1, "a"), line(2, "b"), year2038}, "a@1 b@2 z@2"},
		{"2038 at first", []string{year2038, "b", line(2, "c"), line(3, "d")}, "z@2 b@2 c@2 d@3"},
		{"2038 at first, then one line", []string{year2038, line(2, "c")}, "z@2 c@2"},
		{"jump after jump", []string{line(1, "a"), line(2*hour, "b"), line(4*hour, "c"), line(4*hour, "d")}, "a@1 b@7200 c@14400 d@14400"},
		{"a false jump, then a true one", []string{line(1, "a"), year2038, line(2*hour, "c"), line(2*hour+1, "d")}, "a@1 z@1 c@7200 d@7201"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := clocks(t, test.lines); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestTimelineBounds holds more than a timeline may.
func TestTimelineBounds(t *testing.T) {
	undated := strings.Repeat("u", 60_000) + " u"
	var lines []string
	for range maxHeld/60_000 + 10 {
		lines = append(lines, undated)
	}
	got := clocks(t, append(append([]string{}, lines...), dated(at(-50), "a"), dated(at(-40), "b")))
	if !strings.HasPrefix(got, "u@-100") || !strings.HasSuffix(got, "a@-50 b@-40") {
		t.Errorf("a recording that shows no time for long goes on as %.20s…%.20s", got, got[len(got)-20:])
	}
	got = clocks(t, append(append([]string{dated(at(1), "a"), dated(at(9999), "j")}, lines...), dated(at(2), "b")))
	if !strings.HasPrefix(got, "a@1 j@1 u@1") || !strings.HasSuffix(got, "u@1 b@2") {
		t.Errorf("a jump that nothing bears out for long goes on as %.20s…%.20s", got, got[len(got)-20:])
	}
	clock := newTimeline(0)
	huge := []byte(strings.Repeat("h", 3*maxHeld))
	for range 30 {
		if err := clock.add(huge, func(int64, []byte) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if len(clock.held) > maxHeld+maxLine+1 {
			t.Fatalf("a timeline holds %d bytes", len(clock.held))
		}
	}
}

// TestTimelineIsTheRunningMaximum compares with a plain calculation, where
// no jump is in question.
func TestTimelineIsTheRunningMaximum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var lines []string
	var want []string
	newest := int64(-1)
	for i := range 2000 {
		text := fmt.Sprint(i)
		if rng.IntN(5) == 0 {
			lines = append(lines, "undated "+text)
		} else {
			s := int64(1000 + i - rng.IntN(180))
			newest = max(newest, s)
			lines = append(lines, dated(at(float64(s)), text))
		}
		want = append(want, fmt.Sprintf("%s@%d", text, newest))
	}
	for i := range want { // lines before the first dated one have its time
		if !strings.HasSuffix(want[i], "@-1") {
			_, s, _ := strings.Cut(want[i], "@")
			for j := range i {
				want[j] = fmt.Sprintf("%d@%s", j, s)
			}
			break
		}
	}
	if got := clocks(t, lines); got != strings.Join(want, " ") {
		t.Error("the clock is not the running maximum of the lines' times")
	}
}
