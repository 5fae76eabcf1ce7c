package topics

import (
	"maps"
	"strings"
	"testing"
)

func TestOrigin(t *testing.T) {
	nasty := "a b&c=d%41:\n\xff€"
	o, err := NewOrigin("input", "drain", "source", nasty, "token", "", "remote", "2001:db8::1")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"input": "drain", "source": nasty, "remote": "2001:db8::1"}
	if got := maps.Collect(o.Fields()); !maps.Equal(got, want) {
		t.Errorf("%s has %q, want %q", o, got, want)
	}
	if strings.ContainsAny(string(o), " \n") {
		t.Errorf("%q is not plain", o)
	}
	if _, err := NewOrigin("app", strings.Repeat("x", MaxOrigin)); err == nil {
		t.Error("an origin beyond its bound was made")
	}
}

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
	var runs []string
	if err := EachRun(got, func(n int64, from Origin) { runs = append(runs, strings.Repeat("x", int(n))+string(from)) }); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(runs, " "); got != "xxinput=drain x xxxinput=drain" {
		t.Errorf("runs are %q", got)
	}
	o.Add(5, "")
	if got := o.Take(); got != "" {
		t.Errorf("lines without an origin have %q", got)
	}
	for !o.Full() {
		o.Add(1<<40, Origin(strings.Repeat("k", len(o.text)%500)+"=v"))
	}
	if n := len(o.Take()); n > MaxOrigins {
		t.Errorf("origins grew to %d bytes", n)
	}
}

func TestOriginsRefused(t *testing.T) {
	for _, bad := range []string{
		"x", "1", ":a=b", "0:a=b", "-1:a=b", "1:0", "1:a=b 1:1", "1:a=b 1:-1", "1:a=b  1:0", "99999999999999999999:a=b",
		"1:a=" + strings.Repeat("b", MaxOrigin), "1:a=b" + strings.Repeat(" 1:0", MaxOrigins),
	} {
		if err := EachRun(bad, func(int64, Origin) {}); err == nil {
			t.Errorf("%.40q is taken", bad)
		}
	}
}

func FuzzOrigins(f *testing.F) {
	f.Add("2:input=drain&source=shop 1: 40:0", "k", "v")
	f.Add("1:%zz=%", "", "%")
	f.Fuzz(func(t *testing.T, text, key, value string) {
		var o Origins
		n := 0
		err := EachRun(text, func(lines int64, from Origin) {
			if lines < 1 || len(from) > MaxOrigin {
				t.Fatalf("run of %d lines from %d bytes", lines, len(from))
			}
			for range from.Fields() {
				n++
			}
			o.Add(lines, from)
		})
		if err == nil && n > len(text)*len(text) {
			t.Fatal("more fields than there can be")
		}
		from, err := NewOrigin(key, value)
		if err != nil || value == "" {
			return
		}
		if got := maps.Collect(from.Fields()); got[key] != value || len(got) != 1 {
			t.Fatalf("%q=%q came back as %q", key, value, got)
		}
	})
}
