package stats

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pulse/stats/aggregate"
	"pulse/stats/timing"
)

func TestSnapshotJSON(t *testing.T) {
	for _, test := range []struct {
		snapshot Snapshot
		want     string
	}{
		{
			Snapshot{Stat: "nginx-requests-per-second", Time: 1795343465, Value: json.RawMessage("1234.5"), Version: "3f9a2c"},
			`{"stat":"nginx-requests-per-second","time":"2026-11-22T10:31:05Z","value":1234.5,"revision":0,"final":false,"definitions":"3f9a2c"}`,
		},
		{
			Snapshot{Stat: `a"b\é` + "\n", Time: 0, Value: json.RawMessage(`{"0.5":18,"0.95":90}`), Revision: 12, Final: true, Version: "000000"},
			`{"stat":"a\"b\\é\n","time":"1970-01-01T00:00:00Z","value":{"0.5":18,"0.95":90},"revision":12,"final":true,"definitions":"000000"}`,
		},
		{
			Snapshot{Stat: "a", Time: 1709164800, Value: json.RawMessage("null"), Final: true, Version: "3f9a2c", StaleSince: 1709164799},
			`{"stat":"a","time":"2024-02-29T00:00:00Z","value":null,"revision":0,"final":true,"definitions":"3f9a2c","stale_since":"2024-02-28T23:59:59Z"}`,
		},
		{
			Snapshot{Stat: "a", Time: 1709164800, Value: json.RawMessage("2999.5"), Version: "3f9a2c", Covered: 44, Of: 60, Approx: 0.0065, Beyond: aggregate.Beyond{Keys: 5210, Share: 0.301}},
			`{"stat":"a","time":"2024-02-29T00:00:00Z","value":2999.5,"revision":0,"final":false,"definitions":"3f9a2c","covered":44,"of":60,"approx":0.0065,"beyond_room":{"keys":5210,"share":0.301}}`,
		},
	} {
		got, err := json.Marshal(test.snapshot)
		if err != nil || string(got) != test.want {
			t.Errorf("%s, %v, want %s", got, err, test.want)
		}
		var again Snapshot
		if err := json.Unmarshal(got, &again); err != nil || !reflect.DeepEqual(again, test.snapshot) {
			t.Errorf("%+v, %v, want %+v", again, err, test.snapshot)
		}
	}
	if got := string(Snapshot{Stat: "a"}.AppendJSON(nil)); !strings.Contains(got, `"value":null`) {
		t.Errorf("a snapshot without a value: %s", got)
	}
}

func TestSnapshotTime(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		second := r.Int64N(timing.LastSecond + 1)
		if got, want := string(appendTime(nil, second)), time.Unix(second, 0).UTC().Format(time.RFC3339); got != want {
			t.Fatalf("second %d is %s, want %s", second, got, want)
		}
	}
	for second, want := range map[int64]string{-5: "1970-01-01T00:00:00Z", timing.LastSecond + 5: "9999-12-31T23:59:59Z"} {
		if got := string(appendTime(nil, second)); got != want {
			t.Errorf("second %d, out of bounds, is %s, want %s", second, got, want)
		}
	}
}

func TestSnapshotRefuses(t *testing.T) {
	for _, in := range []string{
		``, `{}`, `[]`, `{"stat":"","time":"2026-11-22T10:31:05Z"}`, `{"stat":"a","time":"2026-11-22T10:31:05.5Z"}`,
		`{"stat":"a","time":"yesterday"}`, `{"stat":"a"}`, `{"stat":"a","time":"2026-11-22T10:31:05Z","revision":-1}`,
		`{"stat":"a","time":"1969-11-22T10:31:05Z"}`, `{"stat":"a","time":"2026-11-22T10:31:05Z","stale_since":"1969-11-22T10:31:05Z"}`,
		`{"stat":"a","time":"2026-11-22T10:31:05Z","covered":61,"of":60}`, `{"stat":"a","time":"2026-11-22T10:31:05Z","covered":-1,"of":60}`,
		`{"stat":"a","time":"2026-11-22T10:31:05Z","approx":-0.1}`,
	} {
		var s Snapshot
		if err := json.Unmarshal([]byte(in), &s); err == nil {
			t.Errorf("%s was taken: %+v", in, s)
		}
	}
}

func FuzzSnapshot(f *testing.F) {
	f.Add([]byte(`{"stat":"a","time":"2026-11-22T10:31:05Z","value":1234.5,"revision":0,"final":false,"definitions":"3f9a2c"}`))
	f.Add([]byte(`{"stat":"é\u0000","time":"2026-11-22T11:31:05+01:00","value":{"a":[1]},"stale_since":"2026-11-22T10:31:04Z"}`))
	f.Add([]byte(`{"stat":"a","time":"2026-11-22T10:31:05Z","value":7,"covered":44,"of":60,"approx":0.006}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again Snapshot
		if json.Unmarshal(b, &s) != nil {
			return
		}
		text := s.AppendJSON(nil)
		if !json.Valid(text) {
			t.Fatalf("%+v is written as %s", s, text)
		}
		if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(again, s) {
			t.Fatalf("%+v is %+v again, %v", s, again, err)
		}
	})
}

// ParseSnapshot takes what UnmarshalJSON takes, and reads the same.
func FuzzParseSnapshot(f *testing.F) {
	for _, s := range []Snapshot{
		{Stat: "a-b", Time: 1795343465, Value: json.RawMessage("1234.5"), Version: "3f9a2c"},
		{Stat: "a", Time: 1709164800, Value: json.RawMessage(`{"top":[{"key":"x\",\"revision\":1","value":1}],"other":0}`), Final: true, Revision: 12, Version: "3f9a2c", Covered: 44, Of: 60, Approx: 0.0065},
		{Stat: "a", Time: 1709164800, Value: json.RawMessage("null"), Final: true, Version: "3f9a2c", StaleSince: 1709164799},
		{Stat: "é", Time: 5, Value: json.RawMessage("0"), Version: "3f9a2c", Since: 3, Beyond: aggregate.Beyond{Keys: 5, Share: 0.3}},
	} {
		f.Add(s.AppendJSON(nil))
	}
	f.Add([]byte(`{"stat":"a","time":"2026-02-30T10:31:05Z","value":{"revision":1,"revision":2},"revision":00,"final":true,"definitions":"3f9a2c","covered":61,"of":60}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var want Snapshot
		failed := json.Unmarshal(b, &want)
		got, err := ParseSnapshot(b)
		if (err == nil) != (failed == nil) || err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("%s is %+v, %v; want %+v, %v", b, got, err, want, failed)
		}
		array := slices.Concat([]byte("["), b, []byte(","), b, []byte("]"))
		var wants []Snapshot
		failed = json.Unmarshal(array, &wants)
		gots, err := ParseSnapshots(array)
		if (err == nil) != (failed == nil) || err == nil && !reflect.DeepEqual(gots, wants) {
			t.Fatalf("%s is %+v, %v; want %+v, %v", array, gots, err, wants, failed)
		}
	})
}

func BenchmarkParseSnapshot(b *testing.B) {
	text := Snapshot{Stat: "nginx-requests-per-second", Time: 1_700_000_000, Value: json.RawMessage("1234.5"), Version: "3f9a2c", Final: true}.AppendJSON(nil)
	for name, parse := range map[string]func([]byte) (Snapshot, error){
		"fast": ParseSnapshot,
		"json": func(b []byte) (s Snapshot, err error) { return s, json.Unmarshal(b, &s) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSnapshotAppendJSON(b *testing.B) {
	s := Snapshot{Stat: "nginx-requests-per-second", Time: 1_700_000_000, Value: json.RawMessage("1234.5"), Version: "3f9a2c", Final: true}
	var buf []byte
	for b.Loop() {
		buf = s.AppendJSON(buf[:0])
	}
}

// TestAlertingOfUncovered: alerts know a second whose window is covered, or a day of it.
func TestAlertingOfUncovered(t *testing.T) {
	for _, test := range []struct {
		covered, of, staleSince int64
		known                   bool
	}{{0, 0, 0, true}, {59, 60, 0, false}, {86_399, 86_400, 0, false}, {86_399, 90_000, 0, false}, {86_400, 2_592_000, 0, true}, {0, 0, 1, false}} {
		s := Snapshot{Stat: "a", Time: 1, Value: json.RawMessage("1"), Covered: test.covered, Of: test.of, StaleSince: test.staleSince}
		if p, err := s.Alerting(); err != nil || p.Known != test.known {
			t.Errorf("%+v: known is %t, %v", test, p.Known, err)
		}
	}
}
