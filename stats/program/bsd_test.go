package program

import (
	"testing"
	"time"

	"pulse/stats/internal/statstest"
	"pulse/stats/line"
)

// A line whose time has no year and no zone counts at the second that they are
// guessed to be by its record's, in a replay by the second of the recording.
func TestFoldGuessesYearAndZone(t *testing.T) {
	const text = "<34>Nov 22 10:31:30 h1 su[12]: hello\n"
	recorded := time.Date(2012, 11, 22, 9, 31, 34, 0, time.UTC).Unix()
	for name, test := range map[string]struct {
		pack Pack
		want int64
	}{
		"as it comes": {Pack{Second: recorded, Floor: recorded - 10}, recorded - 4},
		"replayed":    {Pack{Second: statstest.Epoch + 2, Floor: statstest.Epoch - 10, Map: line.Mapping{From: recorded * 1e9, To: statstest.Epoch * 1e9, Milli: 2000}}, statstest.Epoch - 2},
		"recorded":    {Pack{Second: recorded, Floor: recorded - 10, Recorded: true}, recorded}, // an hour ahead, and no zone is guessed
	} {
		f := compile(t, "lateness: 20s\nstats: [{name: all, rate: second}]").NewFolder()
		test.pack.Lines = []byte(text)
		f.Fold(test.pack)
		if got := partials(t, flush(t, f)[0]); len(got) != 1 || got[test.want] == "" {
			t.Errorf("%s: at %v, want %d", name, got, test.want)
		}
	}
}
