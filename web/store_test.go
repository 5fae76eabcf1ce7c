package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/timing"
	"pulse/topics"
)

// two has the definitions of two stats.
func two() *stats.Definitions {
	return &stats.Definitions{Lateness: 2, Stats: []*stats.Stat{
		{Name: "a", Title: "a", Kind: "rate", Per: 1, Window: 10},
		{Name: "b", Title: "b", Kind: "mean", Window: 10},
	}}
}

func point(stat string, second int64, value string) stats.Snapshot {
	return stats.Snapshot{Stat: stat, Time: second, Value: json.RawMessage(value), Version: two().Version()}
}

func put(s *Store, points ...stats.Snapshot) {
	for _, p := range points {
		s.Upsert(p, time.Unix(p.Time, 0))
	}
}

func TestUpsertLaw(t *testing.T) {
	revision := func(n int, final bool, value string) stats.Snapshot {
		p := point("a", 1000, value)
		p.Revision, p.Final = n, final
		return p
	}
	for _, c := range []struct {
		name        string
		have, comes stats.Snapshot
		news        bool
	}{
		{"a higher revision", revision(0, false, "1"), revision(1, false, "2"), true},
		{"a lower revision", revision(1, false, "2"), revision(0, false, "1"), false},
		{"a lower revision that says it is final", revision(2, false, "2"), revision(1, true, "1"), false},
		{"the same again", revision(1, false, "2"), revision(1, false, "2"), false},
		{"the same, now final", revision(1, false, "2"), revision(1, true, "2"), true},
		{"the same final one again", revision(1, true, "2"), revision(1, true, "2"), false},
		{"the same, no longer final", revision(1, true, "2"), revision(1, false, "2"), false},
		{"a higher revision after a final one", revision(1, true, "2"), revision(2, false, "3"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewStore(two())
			put(s, c.have)
			if news := s.Upsert(c.comes, time.Now()); news != c.news {
				t.Errorf("Upsert said %v, want %v", news, c.news)
			}
			want := c.have
			if c.news {
				want = c.comes
			}
			if got, _, _ := s.Latest("a", time.Now()); !reflect.DeepEqual(got, want) {
				t.Errorf("the store has %+v, want %+v", got, want)
			}
		})
	}
}

// Whatever the order in which points come, and however often, the same remains.
func TestUpsertIsFreeOfOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	var points []stats.Snapshot
	for second := int64(5000); second < 5200; second++ {
		for revision := range 3 {
			p := point("a", second, fmt.Sprint(second*10+int64(revision)))
			p.Revision = revision
			points = append(points, p)
		}
		p := points[len(points)-1]
		p.Final = true
		points = append(points, p)
	}
	inOrder := NewStore(two())
	put(inOrder, points...)
	want := allHistory(inOrder)
	for range 20 {
		shuffled := append(append([]stats.Snapshot{}, points...), points[:len(points)/2]...)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		s := NewStore(two())
		put(s, shuffled...)
		if got := allHistory(s); got != want {
			t.Fatalf("another order gave\n%s\nwant\n%s", got, want)
		}
	}
}

// A run of seconds with one value is so many points, as far as the ring reaches.
func TestRun(t *testing.T) {
	s := NewStore(two())
	run := point("a", 100_000, "7")
	run.Since = 1000
	if !s.Upsert(run, time.Now()) || s.Upsert(run, time.Now()) {
		t.Error("a run is news once")
	}
	points, oldest := s.Range("a", 99_998, 100_001)
	if oldest != 100_000-ringSize+1 || len(points) != 3 {
		t.Errorf("the store has %d points and none before %d", len(points), oldest)
	}
	for i, p := range points {
		if want := point("a", 99_998+int64(i), "7"); !reflect.DeepEqual(p, want) {
			t.Errorf("a point is %+v, want %+v", p, want)
		}
	}
}

func TestStoreRefuses(t *testing.T) {
	s := NewStore(two())
	other := point("a", 10, "1")
	other.Version = "000000"
	if s.Upsert(other, time.Now()) || s.Refused() != 0 {
		t.Error("a point of another definitions version is neither news nor an error")
	}
	for name, p := range map[string]stats.Snapshot{
		"an unknown stat": point("c", 10, "1"),
		"no time":         point("a", 0, "1"),
		"a huge value":    point("a", 10, `"`+string(make([]byte, maxValue))+`"`),
	} {
		before := s.Refused()
		if s.Upsert(p, time.Now()) || s.Refused() != before+1 {
			t.Errorf("%s was not refused and counted", name)
		}
	}
	if _, _, ok := s.Latest("a", time.Now()); ok {
		t.Error("the store has a point, want none")
	}
}

func TestRingForgets(t *testing.T) {
	s := NewStore(two())
	for second := int64(1000 - 2*ringSize); second < 1000; second++ {
		put(s, point("a", second, "0"))
	}
	if points, _ := s.Range("a", 0, 1<<40); len(points) != ringSize {
		t.Errorf("%d points are kept, want %d", len(points), ringSize)
	}
	put(s, point("a", 1000, "1"), point("a", 1000+ringSize, "2"))
	if s.Upsert(point("a", 1000, "3"), time.Now()) {
		t.Error("a point older than the ring was taken")
	}
	points, oldest := s.Range("a", 0, 1<<40)
	if len(points) != 1 || points[0].Time != 1000+ringSize || oldest != 1000+ringSize {
		t.Errorf("Range gave %v from %d on, want the newest point alone", points, oldest)
	}
}

// allHistory is all that a store gives a new page, in one message.
func allHistory(s *Store) string {
	return string(bytes.Join(s.History(nil, []int{0, 1}, 1<<30), nil))
}

// allChanges is all that changed, in one message.
func allChanges(s *Store, sel selection, after, upTo uint64) string {
	return string(bytes.Join(s.Changes(sel, after, upTo, 1<<30, onePoint), nil))
}

func TestHistory(t *testing.T) {
	s := NewStore(two())
	gap := point("b", 1009, "null")
	gap.StaleSince = 1004
	unsure := point("a", 1003, "null")
	unsure.Covered, unsure.Of = 7, 10
	put(s, point("a", 1000, "1"), point("a", 1001, "2.5"), unsure, point("a", 1004, "0"), point("b", 1002, "3"),
		point("b", 1003, `{"0.5":1}`), gap, point("b", 1010, "7"), point("a", 1004-Window, "9"))
	// The newest five seconds of each come first.
	if got, want := allHistory(s), `,"history":[[0,1000,1,2.5],[0,1003,null,0],[1,1004,{"stale":1009}],[1,1010,7],[1,1002,3,{"0.5":1}]],"covered":[[0,1003,7]]`; got != want {
		t.Errorf("the history is\n%s, want\n%s", got, want)
	}
	if got, want := string(bytes.Join(s.History(selection{1}, []int{0}, 1<<30), nil)), `,"history":[[0,1004,{"stale":1009}],[0,1010,7],[0,1002,3,{"0.5":1}]]`; got != want {
		t.Errorf("of one stat it is\n%s, want\n%s", got, want)
	}
}

func TestChangesInPieces(t *testing.T) {
	s := NewStore(two())
	for second := int64(1000); second < 1100; second++ {
		p := point("a", second, "7")
		p.Covered, p.Of = 3, 10
		put(s, p)
	}
	all := 0
	pieces := s.Changes(nil, 0, s.Cut(), 100, onePoint)
	for _, piece := range pieces {
		if len(piece) > 200 {
			t.Errorf("a piece has %d bytes, the limit is 100: %s", len(piece), piece)
		}
		all += strings.Count(string(piece), ",7]")
		if !strings.Contains(string(piece), `"covered":[[0,`) {
			t.Errorf("a piece does not say how sure it is: %s", piece)
		}
	}
	if all != 100 || len(pieces) < 10 {
		t.Errorf("%d points are in %d pieces, want all 100 in ten or more", all, len(pieces))
	}
	if pieces := s.Changes(nil, 9, 9, 100, onePoint); len(pieces) != 1 {
		t.Errorf("nothing is in %d pieces, want an empty one", len(pieces))
	}
}

// Pieces of any size have the same history, and none is much greater than asked for.
func TestHistoryInPieces(t *testing.T) {
	s := NewStore(two())
	for second := int64(5000); second < 5400; second++ {
		for _, stat := range []string{"a", "b"} {
			if p := point(stat, second, fmt.Sprint(second*7%1000)); second%97 != 0 {
				p.Covered, p.Of = second%10, 10
				put(s, p)
			}
		}
	}
	type values map[string]string
	read := func(limit int) values {
		all := values{}
		for _, piece := range s.History(nil, []int{1, 0}, limit) {
			if len(piece) > limit+100 {
				t.Errorf("a piece has %d bytes, the limit is %d", len(piece), limit)
			}
			var m struct{ History, Covered [][]json.RawMessage }
			if err := json.Unmarshal(append([]byte(`{"":0`), append(piece, '}')...), &m); err != nil {
				t.Fatalf("%v in %s", err, piece)
			}
			for what, runs := range map[string][][]json.RawMessage{"value": m.History, "covered": m.Covered} {
				for _, run := range runs {
					first, _ := strconv.ParseInt(string(run[1]), 10, 64)
					for i, v := range run[2:] {
						all[fmt.Sprint(what, " ", string(run[0]), " ", first+int64(i))] = string(v)
					}
				}
			}
		}
		return all
	}
	want := read(1 << 30)
	if n := 2 * (Window - 3); len(want) < 2*n || len(want) > 2*n+4 {
		t.Fatalf("%d values and coverings, want about %d", len(want), 2*n)
	}
	for _, limit := range []int{1, 50, 500, 5000} {
		if got := read(limit); !reflect.DeepEqual(got, want) {
			t.Errorf("in pieces of %d bytes there are %d values, want %d", limit, len(got), len(want))
		}
	}
}

func TestChangesOfVersions(t *testing.T) {
	s := NewStore(two())
	put(s, point("a", 1000, "1"))
	first := s.Cut()
	put(s, point("a", 1001, "2"), point("b", 1001, "null"))
	if len(s.News()) == 0 {
		t.Error("there are changes, and no news")
	}
	second := s.Cut()
	amended := point("a", 1000, "5")
	amended.Revision = 1
	put(s, amended)
	third := s.Cut()
	put(s, point("a", 1002, "6")) // of no version yet
	for _, c := range []struct {
		after, upTo uint64
		want        string
	}{
		{0, third, `,"points":[[0,1000,5],[0,1001,2],[1,1001,null]]`},
		{first, second, `,"points":[[0,1001,2],[1,1001,null]]`},
		{first, third, `,"points":[[0,1000,5],[0,1001,2],[1,1001,null]]`},
		{second, third, `,"points":[[0,1000,5]]`},
		{third, third, `,"points":[]`},
	} {
		if got := allChanges(s, nil, c.after, c.upTo); got != c.want {
			t.Errorf("changes after %d up to %d are %s, want %s", c.after, c.upTo, got, c.want)
		}
	}
}

func TestCertainty(t *testing.T) {
	s := NewStore(two())
	sure := func(stat string, second, covered int64, approx float64) stats.Snapshot {
		p := point(stat, second, "7")
		p.Approx = approx
		if covered < 10 {
			p.Covered, p.Of = covered, 10
		}
		return p
	}
	put(s, sure("a", 1000, 10, 0))
	first := s.Cut()
	put(s, sure("a", 1001, 0, 0), sure("a", 1002, 1, 0.5), sure("a", 1003, 10, 0.25), sure("a", 1004, 3, 0), sure("b", 1000, 9, 0))
	second := s.Cut()
	for _, c := range []struct {
		sel         selection
		after, upTo uint64
		want        string
	}{
		{nil, 0, second, `,"points":[[0,1000,7],[0,1001,7],[0,1002,7],[0,1003,7],[0,1004,7],[1,1000,7]],"covered":[[0,1001,0,1],[0,1004,3],[1,1000,9]],"approx":[[0,1002,0.5,0.25]]`},
		{nil, first, second, `,"points":[[0,1001,7],[0,1002,7],[0,1003,7],[0,1004,7],[1,1000,7]],"covered":[[0,1001,0,1],[0,1004,3],[1,1000,9]],"approx":[[0,1002,0.5,0.25]]`},
		{selection{1}, 0, second, `,"points":[[0,1000,7]],"covered":[[0,1000,9]]`},
		{nil, 0, first, `,"points":[[0,1000,7]]`},
		{nil, second, second + 1, `,"points":[]`},
	} {
		if got := allChanges(s, c.sel, c.after, c.upTo); got != c.want {
			t.Errorf("after %d up to %d of %v: %s, want %s", c.after, c.upTo, c.sel, got, c.want)
		}
	}
}

// TestChangesTogether: points of neighboring places and one second are in one array, gaps by
// themselves, and each is as sure as where they are apart.
func TestChangesTogether(t *testing.T) {
	s := NewStore(two())
	unsure := point("b", 1001, "8")
	unsure.Covered, unsure.Of, unsure.Approx = 3, 10, 0.5
	gap := point("a", 1003, "null")
	gap.StaleSince = 1003
	put(s, point("a", 1000, "1"), point("a", 1001, "2"), gap, point("b", 1000, `{"0.5":7}`), unsure, point("b", 1002, "9"))
	want := `,"points":[[0,1003,null,1003]],"seconds":[[1000,0,1,{"0.5":7}],[1001,0,2,8],[1002,1,9]],"covered":[[1,1001,3]],"approx":[[1,1001,0.5]]`
	if got := string(bytes.Join(s.Changes(nil, 0, s.Cut(), 1<<30, together), nil)); got != want {
		t.Errorf("they are %s, want %s", got, want)
	}
	var all []byte
	for _, piece := range s.Changes(nil, 0, s.Cut(), 20, together) {
		var m struct {
			Points, Seconds [][]json.RawMessage
		}
		if err := json.Unmarshal([]byte("{"+string(piece[1:])+"}"), &m); err != nil || len(m.Points)+len(m.Seconds) == 0 {
			t.Errorf("a piece is %s: %v", piece, err)
		}
		all = append(all, piece...)
	}
	for _, value := range []string{"[1000,0,1", `{"0.5":7}]`, "1001,", "9]", "null,1003]"} {
		if !bytes.Contains(all, []byte(value)) {
			t.Errorf("the pieces %s lack %s", all, value)
		}
	}
	if got := string(bytes.Join(s.Changes(nil, s.Cut(), s.Cut(), 100, together), nil)); got != `,"points":[]` {
		t.Errorf("of nothing there is %s", got)
	}
}

func TestNotes(t *testing.T) {
	s := NewStore(two())
	if got := string(s.AppendNotes(nil, nil, 0)); got != "" {
		t.Errorf("without notes it says %s", got)
	}
	setNotes(s, map[string][]string{"b": {"1", "2", "3", "4", "5"}, "a": {`no line has had "x"`}, "nothing": {"6"}})
	if len(s.News()) == 0 {
		t.Error("notes are no news")
	}
	version := s.Cut()
	if got, want := string(s.AppendNotes(nil, nil, version-1)), `,"notes":[[0,"no line has had \"x\""],[1,"1"],[1,"2"],[1,"3"],[1,"4"]]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := string(s.AppendNotes(nil, selection{0}, 0)), `,"notes":[[0,"no line has had \"x\""]]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	setNotes(s, map[string][]string{"b": {"1", "2", "3", "4", "5"}, "a": {`no line has had "x"`}, "nothing": {"6"}})
	if got := string(s.AppendNotes(nil, nil, version)); got != "" {
		t.Errorf("without a change it says %s", got)
	}
	setNotes(s, nil)
	if got, want := string(s.AppendNotes(nil, nil, version)), `,"notes":[]`; got != want {
		t.Errorf("when they are gone it says %s, want %s", got, want)
	}
}

// Lines that a condition could not compare are told where their stat is shown, while
// there are some.
func TestNotesOfErrors(t *testing.T) {
	s := NewStore(two())
	const name = "pulse.expression-errors"
	put(s, point(name, 1000, `{"top":[{"key":"b","value":2844.25},{"key":"nothing","value":1}],"other":0,"distinct":2}`))
	const want = `,"notes":[[1,"2800 lines a minute are not counted: a field's value has another type than its condition or expression expects"]]`
	if got := string(s.AppendNotes(nil, nil, 0)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	version := s.Cut()
	put(s, point(name, 999, `{"top":[],"other":0,"distinct":0}`), point(name, 1001, `{"top":[{"key":"b","value":2796},{"key":"nothing","value":1}],"other":0,"distinct":2}`))
	if got := string(s.AppendNotes(nil, nil, version)); got != "" {
		t.Errorf("an older value, or about the same, changed the notes to %s", got)
	}
	put(s, point(name, 1002, `{"top":[],"other":0,"distinct":0}`))
	if got := string(s.AppendNotes(nil, nil, version)); got != `,"notes":[]` {
		t.Errorf("without errors it says %s", got)
	}
}

// What lines lack is told where the stats are shown for which it matters.
func TestNotesOfFields(t *testing.T) {
	d := &stats.Definitions{Stats: []*stats.Stat{
		{Name: "a", Title: "a", Kind: "mean", Field: "sise", Window: 10}, {Name: "b", Title: "b", Kind: "mean", Field: "size", Window: 10},
	}}
	s := NewStore(d)
	for name, v := range map[string]string{
		"pulse.fields":      `{"top":[{"key":"line,any","value":9},{"key":"size,any","value":8}],"other":0,"distinct":2}`,
		"pulse.text-values": `{"top":[{"key":"b","value":2043}],"other":0,"distinct":1}`,
	} {
		put(s, stats.Snapshot{Stat: name, Time: 1000, Value: json.RawMessage(v), Version: d.Version()})
	}
	put(s, stats.Snapshot{Stat: "a", Time: 1000, Value: json.RawMessage("1"), Version: d.Version(), Beyond: aggregate.Beyond{Keys: 5210, Share: 0.301}})
	const beyond = "about 5200 keys with 31 % of the lines are beyond its room"
	if got := string(s.AppendNotes(nil, nil, 0)); !strings.Contains(got, beyond) {
		t.Errorf("got %s, want %s", got, beyond)
	}
	put(s, stats.Snapshot{Stat: "a", Time: 1001, Value: json.RawMessage("1"), Version: d.Version()})
	const want = "`,\"notes\":[[0,\"no line has had `sise`; did you mean `size`?\"],[1,\"2000 values of `size` of the last minute were text or numbers too large, and are not counted\"]]`"
	if got := string(s.AppendNotes(nil, nil, 0)); got != want[1:len(want)-1] {
		t.Errorf("got %s, want %s", got, want)
	}
	// A field that lines had within the hour is one that they have.
	version := s.Cut()
	for _, second := range []int64{1001, 4599} {
		put(s, stats.Snapshot{Stat: "pulse.fields", Time: second, Value: json.RawMessage(`{"top":[{"key":"line,any","value":9}],"other":0,"distinct":1}`), Version: d.Version()})
	}
	if got := string(s.AppendNotes(nil, nil, version)); got != "" {
		t.Errorf("within the hour it says %s", got)
	}
	put(s, stats.Snapshot{Stat: "pulse.fields", Time: 4600, Value: json.RawMessage(`{"top":[{"key":"line,any","value":9}],"other":0,"distinct":1}`), Version: d.Version()})
	if got, want := string(s.AppendNotes(nil, nil, version)), "no line has had `size`"; !strings.Contains(got, want) {
		t.Errorf("after an hour it says %s, want %s", got, want)
	}
}

// What minutes say of the hour before the process began counts.
func TestRecall(t *testing.T) {
	d := &stats.Definitions{Stats: []*stats.Stat{{Name: "a", Title: "a", Kind: "mean", Field: "size", Window: 10}}}
	s := NewStore(d)
	s.Recall([]topics.Minute{
		{Time: 600, Last: json.RawMessage(`{"top":[{"key":"line,any","value":9},{"key":"size,any","value":1}],"other":0,"distinct":2}`)},
		{Time: 660, Last: json.RawMessage(`null`)},
	})
	const none = `{"top":[{"key":"line,any","value":9}],"other":0,"distinct":1}`
	put(s, stats.Snapshot{Stat: stats.FieldsStat, Time: 4258, Value: json.RawMessage(none), Version: d.Version()})
	if got := string(s.AppendNotes(nil, nil, 0)); strings.Contains(got, "size") {
		t.Errorf("within the hour it says %s", got)
	}
	put(s, stats.Snapshot{Stat: stats.FieldsStat, Time: 4259, Value: json.RawMessage(none), Version: d.Version()})
	if got, want := string(s.AppendNotes(nil, nil, 0)), "no line has had `size`"; !strings.Contains(got, want) {
		t.Errorf("after an hour it says %s, want %s", got, want)
	}
}

// TestFieldsAreBounded: forged values of pulse.fields do not fill what is remembered of
// fields, which is forgotten after an hour.
func TestFieldsAreBounded(t *testing.T) {
	s := NewStore(two())
	for second := range int64(20) {
		fields := map[string]uint64{}
		for i := range 100 {
			fields[fmt.Sprint(second, "-", i)] = 1
		}
		s.remember(fields, 1000+second)
	}
	if len(s.fields) != maxRemembered {
		t.Errorf("%d fields are remembered, want %d", len(s.fields), maxRemembered)
	}
	s.remember(map[string]uint64{"new": 1}, 1019+remembered)
	if len(s.fields) != 1 {
		t.Errorf("%d fields are remembered an hour after the others were seen, want the new one", len(s.fields))
	}
}

func TestClocks(t *testing.T) {
	s := NewStore(two())
	gen := two().Version()
	s.Clocks(topics.Clocks{Version: gen, Seconds: []int64{10, -1, 12}}, time.Now())
	s.Clocks(topics.Clocks{Version: gen, Partition: 1, Seconds: []int64{9, 11, 12}}, time.Now())
	s.Clocks(topics.Clocks{Version: "000000", Seconds: []int64{99, 99, 99, 99}}, time.Now())
	s.Clocks(topics.Clocks{Version: gen, Seconds: make([]int64, topics.MaxPartitions+1)}, time.Now())
	if got, want := string(s.AppendClocks(nil)), `"clocks":[10,11,12]`; got != want {
		t.Errorf("got %s, want the furthest that is known of each: %s", got, want)
	}
	// One partition of the merger knows whose clocks they are; the others say nothing of it.
	s.Clocks(topics.Clocks{Version: gen, Seconds: []int64{13, 13, 13}, Ingesters: []string{"b", `a"`}, Ahead: map[string]int64{"c": 90}}, time.Now())
	s.Clocks(topics.Clocks{Version: gen, Partition: 1, Seconds: []int64{13, 13, 14}}, time.Now())
	if got, want := string(s.AppendClocks(nil)), `"clocks":[13,13,14],"ingesters":["b","a\""],"ahead":{"c":90}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCurrent(t *testing.T) {
	s := NewStore(two())
	at := time.Unix(2000, 0)
	s.Upsert(point("a", 1999, "1"), at)
	if _, current, _ := s.Latest("a", at.Add(aliveFor-time.Second)); !current {
		t.Error("a point that just came is not current")
	}
	if _, current, _ := s.Latest("a", at.Add(aliveFor)); current {
		t.Error("a point is current although nothing came after it")
	}
	gap := point("a", 2000, "null")
	gap.StaleSince = 1990
	s.Upsert(gap, at)
	if _, current, _ := s.Latest("a", at); current {
		t.Error("a gap without a clock is current")
	}
}

func TestIncomplete(t *testing.T) {
	final := func(second int64) stats.Snapshot {
		p := point("a", second, "1")
		p.Final = true
		return p
	}
	stale := final(1009)
	stale.StaleSince = 1003
	for _, c := range []struct {
		name   string
		points []stats.Snapshot
		want   bool
	}{
		{"nothing", nil, false},
		{"all there", []stats.Snapshot{final(1000), final(1001), final(1002)}, false},
		{"a hole", []stats.Snapshot{final(1000), final(1002)}, true},
		{"a settled second that is not final", []stats.Snapshot{final(1000), point("a", 1001, "1"), final(1002)}, true},
		{"a second that is not final yet", []stats.Snapshot{final(1000), final(1001), point("a", 1031, "1")}, false},
		{"a gap without a clock", []stats.Snapshot{final(1002), stale, final(1010)}, false},
	} {
		s := NewStore(two())
		put(s, c.points...)
		if got := s.Incomplete(1020); got != c.want {
			t.Errorf("%s: Incomplete is %v, want %v", c.name, got, c.want)
		}
	}
}

// A log that stands still is complete when all that can be final is: no newer second comes.
func TestSettled(t *testing.T) {
	s, at := NewStore(two()), time.Unix(1005, 0)
	for second := int64(1000); second < 1005; second++ {
		p := point("a", second, "1")
		p.Final = second != 1001
		s.Upsert(p, at)
	}
	if s.Incomplete(s.Settled(2, at.Add(settledAfter*time.Second-1))) {
		t.Error("a second that may become final in time is missed")
	}
	if !s.Incomplete(s.Settled(2, at.Add(settledAfter*time.Second))) {
		t.Error("a second that nothing will make final any more is not missed")
	}
	final := point("a", 1001, "2")
	final.Final, final.Revision = true, 1
	s.Upsert(final, at)
	if s.Incomplete(s.Settled(2, at.Add(time.Hour))) {
		t.Error("the last seconds, which cannot be final, are missed")
	}
}

// TestStoreBeyond: points far beyond the clocks are refused, whether they come
// before the clocks or after; points that stay a little beyond them are taken out,
// and what is right goes on.
func TestStoreBeyond(t *testing.T) {
	clocks := func(s *Store, second int64) {
		s.Clocks(topics.Clocks{Version: two().Version(), Closed: second - 1, Seconds: []int64{second}}, time.Unix(second, 0))
	}
	newest := func(s *Store, want string) {
		t.Helper()
		p, _, _ := s.Latest("a", time.Now())
		if got := fmt.Sprintf("%d=%s of %d", p.Time, p.Value, s.Newest()); got != want {
			t.Errorf("the newest point is %s, want %s", got, want)
		}
	}
	const start = 1_700_000_000
	s := NewStore(two())
	put(s, point("a", start, "1"), point("a", timing.LastSecond, "9"))
	clocks(s, start+1)
	newest(s, fmt.Sprintf("%d=1 of %d", start, start))
	put(s, point("a", start+1, "2"), point("b", timing.LastSecond, "9"))
	newest(s, fmt.Sprintf("%d=2 of %d", start+1, start+1))
	if n := s.Refused(); n != 2 {
		t.Errorf("%d points are counted as refused, want 2", n)
	}

	put(s, point("a", start+40_000, "9"))
	if !s.DropBeyond() || s.DropBeyond() {
		t.Error("a point that stays ahead is not taken out, or twice")
	}
	clocks(s, start+3)
	put(s, point("a", start+2, "3"))
	newest(s, fmt.Sprintf("%d=3 of %d", start+2, start+2))

	// Clocks of the year 9999 hold until there are others.
	clocks(s, timing.LastSecond-1)
	put(s, point("a", start+50_000_000, "9"))
	clocks(s, start+4)
	put(s, point("a", start+3, "4"))
	newest(s, fmt.Sprintf("%d=4 of %d", start+3, start+3))
	if b := string(s.AppendClocks(nil)); !strings.HasPrefix(b, fmt.Sprintf(`"clocks":[%d]`, start+4)) {
		t.Errorf("the page is told %s", b)
	}
}
