package topics

import (
	"slices"
	"strings"
	"testing"

	"pulse/stats/line"
)

func TestOrigins(t *testing.T) {
	var o Origins
	o.Add(2, "input=drain")
	o.Add(1, "")
	o.Add(3, "input=drain")
	const want = "2:input=drain 1: 3:0"
	got := o.Take()
	if got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	runs, err := ParseOrigins(got)
	if want := []line.Run{{Lines: 2, From: "input=drain"}, {Lines: 1}, {Lines: 3, From: "input=drain"}}; err != nil || !slices.Equal(runs, want) {
		t.Errorf("runs are %v (%v), want %v", runs, err, want)
	}
	o.Add(5, "")
	if got := o.Take(); got != "" {
		t.Errorf("lines without an origin have %q", got)
	}
	for !o.Full() {
		o.Add(1<<40, line.Origin(strings.Repeat("k", len(o.text)%500)+"=v"))
	}
	if n := len(o.Take()); n > MaxOrigins {
		t.Errorf("origins grew to %d bytes", n)
	}
}

func TestOriginsRefused(t *testing.T) {
	for _, bad := range []string{
		"x", "1", ":a=b", "0:a=b", "-1:a=b", "1:0", "1:a=b 1:1", "1:a=b 1:-1", "1:a=b  1:0", "99999999999999999999:a=b",
		"1:a=" + strings.Repeat("b", line.MaxOrigin), "1:a=b" + strings.Repeat(" 1:0", MaxOrigins),
	} {
		if _, err := ParseOrigins(bad); err == nil {
			t.Errorf("%.40q is taken", bad)
		}
	}
}

func FuzzOrigins(f *testing.F) {
	f.Add("2:input=drain&source=shop 1: 40:0")
	f.Add("1:%zz=% 1:0")
	f.Fuzz(func(t *testing.T, text string) {
		runs, err := ParseOrigins(text)
		if err != nil {
			return
		}
		var o Origins
		n := 0
		for _, r := range runs {
			if r.Lines < 1 || len(r.From) > line.MaxOrigin {
				t.Fatalf("run of %d lines from %d bytes", r.Lines, len(r.From))
			}
			for range r.From.Fields() {
				n++
			}
			o.Add(r.Lines, r.From)
		}
		if n > len(text)*len(text) {
			t.Fatal("more fields than there can be")
		}
	})
}
