package topics

import (
	"reflect"
	"testing"
)

func TestHistoryRecord(t *testing.T) {
	h := History{Version: "abc", From: 600, To: 1830, Goal: 0, Chunks: []Chunk{
		{From: 1200, Records: map[int32][2]int64{0: {4, 9}, 1: {0, 2}}}, {From: 600, Records: map[int32][2]int64{1: {2, 7}}},
	}}
	got := DecodeTableEntry(HistoryKey("abc"), h.Append(nil))
	if got.Bad != nil || got.History == nil || !reflect.DeepEqual(*got.History, h) {
		t.Errorf("%+v comes back as %+v", h, got)
	}
	for _, c := range []struct {
		partition int32
		from, to  int64
		want      []Span
	}{
		{1, 0, 5000, []Span{{2, 7}, {0, 2}}},
		{1, 1199, 1199, []Span{{2, 7}}},
		{1, 1200, 1200, []Span{{0, 2}}},
		{0, 700, 1199, nil},
		{1, 1830, 1900, nil},
		{1, 100, 599, nil},
	} {
		if got := h.Spans(c.partition, c.from, c.to); !reflect.DeepEqual(got, c.want) {
			t.Errorf("[%d, %d] of partition %d is in %v, want %v", c.from, c.to, c.partition, got, c.want)
		}
	}
	if h.Has(599) || !h.Has(600) || !h.Has(1829) || h.Has(1830) || h.Done() {
		t.Error("it has other seconds than [600, 1830), or is done")
	}
	for _, bad := range []string{
		`{"definitions":"x","from":600,"to":1830}`,
		`{"definitions":"abc","from":600,"to":500}`,
		`{"definitions":"abc","from":600,"to":1830,"goal":700}`,
		`{"definitions":"abc","from":600,"to":9223372036854775807}`,
		`{"definitions":"abc","from":600,"to":1830,"chunks":[{"from":1830}]}`,
		`{"definitions":"abc","from":600,"to":1830,"chunks":[{"from":900},{"from":1200}]}`,
		`{"definitions":"abc","from":600,"to":1830,"chunks":[{"from":900,"records":{"0":[5,4]}}]}`,
	} {
		if got := DecodeTableEntry(HistoryKey("abc"), []byte(bad)); got.Bad == nil {
			t.Errorf("%s is taken as %+v", bad, got.History)
		}
	}
}

// Who published a second is the version that began last before it, among those that began
// before another one.
func TestCatalogsBefore(t *testing.T) {
	var all Catalogs
	for _, c := range []Catalog{{Version: "b", First: 200}, {Version: "a", First: 100}, {Version: "c", First: 300}, {Version: "b", First: 220}} {
		all.Put(c)
	}
	for _, c := range []struct {
		first, second int64
		want          string
	}{{300, 299, "b"}, {300, 219, "a"}, {300, 99, ""}, {220, 250, "a"}, {400, 350, "c"}} {
		got := ""
		if found := all.Before(c.first, c.second); found != nil {
			got = found.Version
		}
		if got != c.want {
			t.Errorf("before %d second %d is of %q, want %q", c.first, c.second, got, c.want)
		}
	}
}
