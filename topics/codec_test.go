package topics

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pulse/stats"
	"pulse/stats/line"
	"pulse/stats/timing"
	"pulse/stats/watermark"
)

func getHeader(h RawHeader) func(string) []byte {
	values := map[string][]byte{}
	for _, header := range h.Headers() {
		values[header.Key] = header.Value
	}
	return func(key string) []byte { return values[key] }
}

var rawHeaders = []RawHeader{
	{Ingester: "a", Clock: 1353576694123, Domain: WallDomain},
	{Ingester: "web-1", Clock: 0, Domain: RecordingPrefix + "3f", Map: line.Mapping{From: -5, To: 1 << 60, Milli: 2500}},
	{Ingester: "a", Clock: 1353576695000, Domain: WallDomain, Tick: &RawTick{Since: 1353576600, Partitions: 8}},
	{Ingester: "a", Clock: 1353576695000, Domain: WallDomain, Tick: &RawTick{Partitions: 64, Leaving: true}},
	{Ingester: "a", Clock: 1353576695000, Domain: WallDomain, Growth: &Growth{From: 8, To: 16, Clock: clockAt(1353576695)}},
}

// clockAt is the watermark of a partition that begins at a second, with one member.
func clockAt(second int64) *watermark.Watermark {
	w := watermark.New()
	w.Tick(watermark.Tick{Ingester: "a", Clock: second - 6, Since: second - 60})
	return w.BeginningAt(second)
}

func TestGrowthRefuses(t *testing.T) {
	good := getHeader(rawHeaders[len(rawHeaders)-1])
	for _, bad := range []struct{ key, value string }{
		{headerGrown, "8"}, {headerGrown, "8 8"}, {headerGrown, "0 8"}, {headerGrown, "8 65"}, {headerGrown, "x 8"},
		{headerClocks, ""}, {headerClocks, "!"}, {headerClocks, "AAAA"}, {headerClock, "1353576694000"},
	} {
		get := func(key string) []byte {
			if key == bad.key {
				return []byte(bad.value)
			}
			return good(key)
		}
		if h, err := ParseRawHeader(get); err == nil {
			t.Errorf("a growth with %s=%q was taken: %+v", bad.key, bad.value, h)
		}
	}
}

func TestRawHeader(t *testing.T) {
	for _, want := range rawHeaders {
		got, err := ParseRawHeader(getHeader(want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v came back as %+v (%v)", want, got, err)
		}
	}
}

func TestRawHeaderRefuses(t *testing.T) {
	good := map[string]string{"ingester": "a", "clock": "1353576695000", "domain": "wall", "since": "1", "partitions": "8"}
	for _, bad := range []struct{ key, value string }{
		{"ingester", ""}, {"ingester", strings.Repeat("x", MaxIngester+1)}, {"ingester", "a\x1b[2J"}, {"ingester", "é"}, {"ingester", "a b"},
		{"clock", ""}, {"clock", "x"}, {"clock", "-1"}, {"clock", "1353576695001"}, {"clock", "999999999999999999"},
		{"domain", ""}, {"domain", "moon"}, {"domain", RecordingPrefix + string(make([]byte, MaxDomain))},
		{"map", ""}, {"map", "1 2"}, {"map", "1 2 -3"}, {"map", "a 2 3"},
		{"since", ""}, {"since", "-1"}, {"partitions", "0"}, {"partitions", "65"}, {"partitions", "x"},
	} {
		get := func(key string) []byte {
			if key == bad.key {
				return []byte(bad.value)
			}
			if v, ok := good[key]; ok {
				return []byte(v)
			}
			return nil
		}
		if h, err := ParseRawHeader(get); err == nil {
			t.Errorf("a header with %s=%q was taken: %+v", bad.key, bad.value, h)
		}
	}
}

func FuzzRawHeader(f *testing.F) {
	f.Add("a", "1353576695000", "wall", "1 2 3", "5", "8", "true")
	f.Add("a", "1", "recording:x", "", "", "", "")
	f.Fuzz(func(t *testing.T, ingester, clock, domain, mapping, since, partitions, leaving string) {
		values := map[string]string{"ingester": ingester, "clock": clock, "domain": domain, "map": mapping,
			"since": since, "partitions": partitions, "leaving": leaving}
		h, err := ParseRawHeader(func(key string) []byte {
			if values[key] == "" {
				return nil
			}
			return []byte(values[key])
		})
		if err != nil {
			return
		}
		again, err := ParseRawHeader(getHeader(h))
		if h.Map.Identity() {
			h.Map = line.Mapping{}
		}
		if err != nil || !reflect.DeepEqual(again, h) {
			t.Errorf("%+v came back as %+v (%v)", h, again, err)
		}
	})
}

var messages = []Message{
	{Fragment: &Fragment{Partition: 7, End: 123456, Part: 0, Parts: 1, Data: []byte("partial")}},
	{Fragment: &Fragment{Partition: 0, End: 0, Part: 2, Parts: 3, Data: []byte{}}},
	{Bundle: &Bundle{Partition: 7, End: 123456, Data: AppendNamed(AppendNamed(nil, "a", []byte("partial")), "b", nil)}},
	{Cover: &Cover{Partition: 0, Partitions: 1, Start: -1, End: 0, Before: -1, After: 1353576695, First: 1353576690}},
	{Cover: &Cover{Partition: 7, Partitions: 8, Start: 17, End: 400, Fragments: 31, Before: 100, After: 900,
		Stale: []timing.Interval{{From: 100, To: 200}, {From: 300, To: 900}}, Lost: Lost{From: 18, To: 300}}},
	{Cover: &Cover{Partition: 3, Partitions: 8, Start: 5, End: 6, Before: 100, After: 100}},
	{Cover: &Cover{Partition: 3, Partitions: 8, Start: 5, End: 6, Before: 100, After: 101, FromSavepoint: true, First: 170}},
	{Cover: &Cover{Partition: 3, Partitions: 8, Start: 5, End: 6, Before: 100, After: 103, Ended: true, Earliest: 98, Latest: 104}},
	{Savepoint: &Savepoint{Partition: 63, Offset: 123456, State: []byte("state")}},
}

func appendMessage(m Message) []byte {
	switch {
	case m.Fragment != nil:
		return m.Fragment.Append(nil)
	case m.Bundle != nil:
		return m.Bundle.Append(nil)
	case m.Savepoint != nil:
		return m.Savepoint.Append(nil)
	}
	return m.Cover.Append(nil)
}

func TestMessage(t *testing.T) {
	for _, want := range messages {
		if got := DecodeMessage(appendMessage(want)); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v %+v %+v came back as %+v %+v %+v (%v)", want.Fragment, want.Cover, want.Savepoint, got.Fragment, got.Cover, got.Savepoint, got.Bad)
		}
	}
}

// TestMessageCutShort: no cover that lost bytes passes for one.
func TestMessageCutShort(t *testing.T) {
	whole := appendMessage(messages[4])
	lossless := len(appendMessage(Message{Cover: func() *Cover { c := *messages[4].Cover; c.Lost = Lost{}; return &c }()}))
	for n := range whole {
		if m := DecodeMessage(whole[:n]); m.Bad == nil && n != lossless {
			t.Errorf("%d of %d bytes were taken for %+v", n, len(whole), m.Cover)
		}
	}
	if m := DecodeMessage(append(whole, 0)); m.Bad == nil {
		t.Errorf("a byte too many was taken for %+v", m.Cover)
	}
}

func FuzzMessage(f *testing.F) {
	for _, m := range messages {
		f.Add(appendMessage(m))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		m := DecodeMessage(value)
		if m.Bad != nil {
			return
		}
		if c := m.Cover; c != nil && (c.Start < -1 || c.End <= c.Start || c.Before < -1 || c.After < c.Before ||
			c.After > timing.LastSecond || c.Partition >= c.Partitions || c.Fragments < 0 || c.FromSavepoint && c.Before < 0) {
			t.Fatalf("a cover out of bounds: %+v", c)
		}
		if again := DecodeMessage(appendMessage(m)); !reflect.DeepEqual(again, m) {
			t.Errorf("%+v %+v %+v came back as %+v %+v %+v", m.Fragment, m.Cover, m.Savepoint, again.Fragment, again.Cover, again.Savepoint)
		}
	})
}

func TestTableEntry(t *testing.T) {
	want := []stats.Snapshot{
		{Stat: "a", Time: 1353576694, Value: json.RawMessage("17.5"), Revision: 2, Final: true, Version: "3f9a2c"},
		{Stat: "a", Time: 1353576699, Value: json.RawMessage("null"), Version: "3f9a2c", StaleSince: 1353576696},
	}
	if got := DecodeTableEntry("a", AppendTableSnapshots(nil, want)); !reflect.DeepEqual(got.Snapshots, want) {
		t.Errorf("snapshots came back as %+v (%v)", got.Snapshots, got.Bad)
	}
	clocks := Clocks{Version: "3f9a2c", Partition: 3, Closed: 1353576694, Seconds: []int64{1353576695, -1}, Ingesters: []string{"web-1-4711"}}
	if got := DecodeTableEntry(ClocksKey(3), clocks.Append(nil)); got.Clocks == nil || !reflect.DeepEqual(*got.Clocks, clocks) {
		t.Errorf("clocks came back as %+v (%v)", got.Clocks, got.Bad)
	}
	catalog := Catalog{Version: "3f9a2c", First: 1353576600, Stats: map[string]string{"a": "0123456789abcdef", "b": "00"}}
	if got := DecodeTableEntry(CatalogKey(catalog.Version), catalog.Append(nil)); got.Catalog == nil || !reflect.DeepEqual(*got.Catalog, catalog) {
		t.Errorf("a catalog came back as %+v (%v)", got.Catalog, got.Bad)
	}
	if got := DecodeTableEntry(CatalogKey("other"), catalog.Append(nil)); got.Bad == nil {
		t.Errorf("a catalog under another definitions version's key was taken for %+v", got)
	}
	for _, bad := range []string{"", "x", "{}", "[1]", "[" + string(bytes.Repeat([]byte(`{"stat":"a","time":"2012-11-22T09:31:34Z"},`), MaxTableSnapshots)) + `{"stat":"a","time":"2012-11-22T09:31:34Z"}]`} {
		if got := DecodeTableEntry("a", []byte(bad)); got.Bad == nil {
			t.Errorf("%.40q was taken for %+v", bad, got)
		}
	}
}

// TestClocksBounds: numbers of clocks that no merger can mean are refused.
func TestClocksBounds(t *testing.T) {
	for _, bad := range []string{
		`{"definitions":"x","partition":-1,"closed":5,"seconds":[6]}`,
		`{"definitions":"x","partition":64,"closed":5,"seconds":[6]}`,
		`{"definitions":"x","partition":1,"closed":-2,"seconds":[6]}`,
		`{"definitions":"x","partition":1,"closed":253402300799,"seconds":[6]}`,
		`{"definitions":"x","partition":1,"closed":5,"seconds":[6,253402300799]}`,
		`{"definitions":"x","partition":1,"closed":5,"seconds":[-2]}`,
	} {
		if got := DecodeTableEntry(ClocksKey(1), []byte(bad)); got.Bad == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func FuzzTableEntry(f *testing.F) {
	f.Add("a", []byte(`[{"stat":"a","time":"2012-11-22T09:31:34Z","value":1,"revision":0,"final":false,"definitions":"x"}]`))
	f.Add("pulse.clocks.1", []byte(`{"definitions":"x","partition":1,"closed":5,"seconds":[6,-1]}`))
	f.Add("pulse.definitions version.x", []byte(`{"definitions":"x","first":5,"stats":{"a":"0"}}`))
	f.Add("pulse.history.x", []byte(`{"definitions":"x","from":60,"to":125,"goal":0,"chunks":[{"from":60,"records":{"1":[3,9]}}]}`))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		e := DecodeTableEntry(key, value)
		if e.Bad == nil && e.Clocks == nil && len(e.Snapshots) > 0 {
			if again := DecodeTableEntry(key, AppendTableSnapshots(nil, e.Snapshots)); again.Bad != nil || len(again.Snapshots) != len(e.Snapshots) {
				t.Errorf("%+v came back as %+v", e, again)
			}
		}
	})
}
