package mark

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"pulse/stats/value"
)

// A set is the same in whatever order marks come, and however often.
func TestSetIsFreeOfOrder(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		var all []Mark
		for range 300 {
			all = append(all, Mark{Time: 600 + r.Int64N(180), Name: fmt.Sprint("n", r.IntN(3)), Text: fmt.Sprint("v", r.IntN(9)), Lines: uint64(r.IntN(3))})
		}
		var once, often Set
		once.Add(all...)
		for range 3 {
			for _, i := range r.Perm(len(all)) {
				often.Add(all[i])
			}
			often.More(610, "n1", 4)
		}
		once.More(610, "n1", 4)
		wantMarks, wantMore := once.Between(0, 1000)
		if marks, more := often.Between(0, 1000); !reflect.DeepEqual(marks, wantMarks) || more != wantMore {
			t.Fatalf("seed %d: %d marks and %d more, want %d and %d", seed, len(marks), more, len(wantMarks), wantMore)
		}
	}
}

// Of a minute the first hundred are shown and the others counted, whatever part of it is
// asked for.
func TestMinuteIsBounded(t *testing.T) {
	var s Set
	for i := range int64(150) {
		s.Add(Mark{Time: 600 + i%60, Name: "deploy", Text: fmt.Sprintf("v%03d", i)})
	}
	s.Add(Mark{Time: 660, Name: "deploy", Text: "next"})
	marks, more := s.Between(600, 700)
	if len(marks) != MaxMinute+1 || more != 50 || !s.Full(659) || s.Full(660) {
		t.Errorf("there are %d marks and %d more", len(marks), more)
	}
	if last := marks[MaxMinute]; last.Text != "next" {
		t.Errorf("the last mark is %v", last)
	}
	early, _ := s.Between(600, 610)
	late, beyond := s.Between(611, 659)
	if len(early)+len(late) != MaxMinute || beyond != 50 {
		t.Errorf("in two parts there are %d and %d marks, and %d more", len(early), len(late), beyond)
	}
}

// A set does not grow without end: the oldest minutes go.
func TestSetForgets(t *testing.T) {
	var s Set
	for i := range int64(maxKept + 5) {
		s.Add(Mark{Time: i, Name: "n"})
	}
	if marks, _ := s.Between(0, maxKept+10); s.kept > maxKept || len(s.minutes) > maxKept/60+1 || marks[len(marks)-1].Time != maxKept+4 {
		t.Errorf("%d marks are kept in %d minutes", s.kept, len(s.minutes))
	}
	// Long ones are fewer, and counts of more are no way around it.
	link := strings.Repeat("x", 4096)
	for i := range int64(maxKept / 2) {
		s.Add(Mark{Time: i * minute, Name: "n", Link: link}, Mark{Time: i * minute, Name: "n", Link: link + "y"})
	}
	bytes := 0
	for _, of := range s.minutes {
		for _, m := range of.marks {
			bytes += m.Size()
		}
	}
	if bytes != s.bytes || bytes > maxBytes || bytes < maxBytes/2 {
		t.Errorf("marks of %d bytes are kept, as %d", bytes, s.bytes)
	}
	for i := range int64(2 * maxKept) {
		s.More(i*minute, "n", 1)
	}
	if len(s.minutes) > maxKept {
		t.Errorf("counts of more are kept in %d minutes", len(s.minutes))
	}
}

// What is only counted is forgotten too.
func TestCountsAreForgotten(t *testing.T) {
	var s Set
	for i := range int64(2 * maxKept) {
		s.More(i%60, fmt.Sprint(i), 1)
		s.More(60*i, "n", 1)
	}
	n := 0
	for _, of := range s.minutes {
		n += len(of.more)
	}
	if n > maxKept || n != s.kept {
		t.Errorf("%d counts are kept, %d by the account", n, s.kept)
	}
}

func TestOf(t *testing.T) {
	k := Kind{Name: "deploy", Link: "https://ci.example/{text}?x"}
	marks, more := k.Of(7, &value.Keyed{Top: []value.Key{{Key: "v2 b/c", Value: value.Count(3)}, {Key: "v1", Value: value.Count(1)}}, Distinct: 5})
	want := []Mark{{7, "deploy", "v1", "https://ci.example/v1?x", 1}, {7, "deploy", "v2 b/c", "https://ci.example/v2%20b%2Fc?x", 3}}
	if !reflect.DeepEqual(marks, want) || more != 3 {
		t.Errorf("the marks are %+v and %d more", marks, more)
	}
	if marks, _ := k.Of(7, value.Count(0)); marks != nil {
		t.Errorf("no line is the mark %v", marks)
	}
	if marks, _ := k.Of(7, value.Count(2)); len(marks) != 1 || marks[0].Lines != 2 || marks[0].Text != "" {
		t.Errorf("two lines without a text are %v", marks)
	}
	if long := Cut(strings.Repeat("é", 200)); len(long) != MaxText {
		t.Errorf("a long text has %d bytes", len(long))
	}
}
