package alert

import (
	"fmt"
	"strings"
	"testing"
)

func briefly(all []Incident) string {
	var texts []string
	for _, i := range all {
		text := fmt.Sprintf("%s %d-%d", i.Kind, i.Since, i.Until)
		if i.Withdrawn {
			text += " withdrawn"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

// A board tells what each transition begins, ends and takes back, once.
func TestBoard(t *testing.T) {
	b := NewBoard(8)
	put := func(second int64, state State, revision int, withdrawn bool) string {
		return briefly(b.Put(Transition{Subject: Subject{Alert: "a"}, Second: second, State: state, Revision: revision, Withdrawn: withdrawn}))
	}
	for i, c := range []struct{ got, want string }{
		{put(10, Pending, 0, false), ""},
		{put(12, Firing, 0, false), "firing 12-0"},
		{put(12, Firing, 0, false), ""},
		{put(13, Recovering, 0, false), ""},
		{put(14, Firing, 0, false), ""},
		{put(15, StateUnknown, 0, false), "unknown 15-0"},
		{put(17, Firing, 0, false), "unknown 15-17"},
		{put(20, OK, 0, false), "firing 12-20"},
		{put(20, OK, 1, true), "firing 12-0"},
		{put(21, OK, 0, false), "firing 12-21"},
		{put(30, Firing, 0, false), "firing 30-0"},
		{put(30, Firing, 1, true), "firing 30-30 withdrawn"},
		{put(29, Firing, 0, false), "firing 29-0"},
	} {
		if c.got != c.want {
			t.Errorf("step %d: %s, want %s", i, c.got, c.want)
		}
	}
	if state, since := b.State(Subject{Alert: "a"}); state != Firing || since != 29 {
		t.Errorf("it is %s since %d", state, since)
	}
	if got, want := briefly(b.Incidents()), "firing 29-0, firing 30-30 withdrawn"; got != want {
		t.Errorf("it remembers %s, want %s", got, want)
	}
}

// However long something goes on and on, a board remembers when it began, and no more than
// it is to.
func TestBoardIsBounded(t *testing.T) {
	b := NewBoard(8)
	b.Put(Transition{Subject: Subject{Alert: "a"}, Second: 1, State: Firing})
	for second := range int64(1000) {
		if got := b.Put(Transition{Subject: Subject{Alert: "a"}, Second: 2 + second, State: []State{Recovering, Firing}[second%2]}); got != nil {
			t.Fatalf("at %d: %s", second, briefly(got))
		}
	}
	if got := briefly(b.Incidents()); got != "firing 1-0" || len(b.of[Subject{Alert: "a"}].transitions) > 8 {
		t.Errorf("it remembers %s, by %d transitions", got, len(b.of[Subject{Alert: "a"}].transitions))
	}
	for n := range MaxSubjects + 2 {
		b.Put(Transition{Subject: Subject{Alert: "a", Keyed: true, Key: fmt.Sprint(n)}, Second: 1, State: Firing})
	}
	if n := len(b.Subjects()); n != MaxSubjects || b.Missed() != 3 {
		t.Errorf("it has %d subjects, and left out %d", n, b.Missed())
	}
}

// What flaps for longer than a board remembers makes no news when its transitions become
// final, each a revision of what was forgotten.
func TestBoardForgets(t *testing.T) {
	b := NewBoard(8)
	put := func(second int64, revision int) []Incident {
		return b.Put(Transition{Subject: Subject{Alert: "a"}, Second: second, State: []State{OK, Firing}[second%2], Revision: revision, Final: revision > 0})
	}
	for second := range int64(100) {
		put(1+second, 0)
	}
	for second := range int64(100) {
		if got := put(1+second, 1); got != nil {
			t.Fatalf("the final revision of %d: %s", 1+second, briefly(got))
		}
	}
	if got := briefly(put(101, 0)); got != "firing 101-0" {
		t.Errorf("then %s", got)
	}
}

// Keys that have been ok for longest make room for others, so that none is lost.
func TestBoardMakesRoom(t *testing.T) {
	b := NewBoard(8)
	for n := range int64(MaxSubjects + 10_000) {
		s := Subject{Alert: "a", Keyed: true, Key: fmt.Sprint(n)}
		if got := briefly(b.Put(Transition{Subject: s, Second: n, State: Firing, Final: true})); got != fmt.Sprintf("firing %d-0", n) {
			t.Fatalf("key %d: %q", n, got)
		}
		if n%100 != 0 { // one of a hundred goes on
			b.Put(Transition{Subject: s, Second: n + 1, State: OK, Was: Firing, Final: true})
		}
	}
	state, _ := b.State(Subject{Alert: "a", Keyed: true, Key: "0"})
	if n := len(b.Subjects()); state != Firing || n > MaxSubjects || n < MaxSubjects/2 || b.Missed() != 0 {
		t.Errorf("the first is %s; there are %d subjects, %d were left out", state, n, b.Missed())
	}
}
