package ingest

import (
	"slices"
	"testing"
	"time"
)

// Times without a year have one from when the recording was written, and from
// its clock then, also over the turn of a year. Their zone is not guessed: an
// hour later is not another zone.
func TestTimelineGuessesYears(t *testing.T) {
	written := time.Date(2013, 1, 20, 8, 0, 0, 0, time.UTC)
	clock := newTimeline(written.UnixNano())
	var got []string
	emit := func(at int64, _ []byte) error {
		got = append(got, time.Unix(0, at).UTC().Format(time.DateTime))
		return nil
	}
	for _, l := range []string{
		"<34>Dec 31 23:00:00 h1 cron: a", "<34>Dec 31 23:59:59 h1 cron: b", "<34>Jan  1 00:59:59 h1 cron: c", "Jan  1 00:59:58 h1 cron: d",
	} {
		if err := clock.add([]byte(l), emit); err != nil {
			t.Fatal(err)
		}
	}
	if err := clock.settle(emit); err != nil {
		t.Fatal(err)
	}
	want := []string{"2012-12-31 23:00:00", "2012-12-31 23:59:59", "2013-01-01 00:59:59", "2013-01-01 00:59:59"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
