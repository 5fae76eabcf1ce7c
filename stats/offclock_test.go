package stats

import (
	"fmt"
	"slices"
	"testing"

	"pulse/stats/value"
)

func TestOffClocksOf(t *testing.T) {
	v, err := value.Parse([]byte(`{"top":[{"key":"ahead,,drain shop,db-1","value":90},{"key":"behind,,file,a\\,b\\\\\\,c","value":7},{"key":"behind,web-1,,","value":3600},{"key":"behind,,file,","value":5},{"key":"cut","value":1}],"other":null,"distinct":5}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"db-1 (drain shop) 90 s ahead", `a,b\,c (file) 7 s behind`, "ingester web-1 3600 s behind", "input file 5 s behind"}
	var got []string
	for _, o := range OffClocksOf(v) {
		got = append(got, fmt.Sprint(o))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
