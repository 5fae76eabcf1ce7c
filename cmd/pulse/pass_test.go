package main

import "testing"

func TestParseBatch(t *testing.T) {
	if topic, partition, offset, err := parseBatch("team.events.raw/3@2817"); topic != "team.events.raw" || partition != 3 || offset != 2817 || err != nil {
		t.Errorf("%s, %d, %d, %v", topic, partition, offset, err)
	}
	for _, wrong := range []string{"", "events.raw", "events.raw/3", "events.raw/3@", "events.raw@7", "/3@7", "events.raw/-1@7", "events.raw/3@-7", "events.raw/99999999999@7"} {
		if _, _, _, err := parseBatch(wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}
