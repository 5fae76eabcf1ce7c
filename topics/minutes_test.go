package topics

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

func TestMinute(t *testing.T) {
	m := Minute{
		Stat: "a\"<b>", Version: "abc123", Time: 1764000000, Seconds: 58, Uncovered: 3, Clockless: 1,
		Min: json.RawMessage("0.000000001"), Max: json.RawMessage(`{"0.5":12}`), Last: json.RawMessage("null"),
		Numbers: 5, Digest: []byte{0, 1, 255},
	}
	line, err := AppendMinute(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(line, MinutePrefix(m.Stat)) || bytes.HasPrefix(line, MinutePrefix("a")) || bytes.Count(line, []byte("\n")) != 1 {
		t.Errorf("the line is %s", line)
	}
	got, err := DecodeMinute(line)
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("read %+v, %v; want %+v", got, err, m)
	}
	if _, err := AppendMinute(nil, Minute{Stat: "a", Last: json.RawMessage("{")}); err == nil {
		t.Error("a value that is no JSON was written")
	}
	// Of the final values and of the numbers what is of more holds.
	more := Minute{Stat: m.Stat, Version: m.Version, Time: m.Time, Seconds: 58, Clockless: 2, Max: json.RawMessage("7"), Numbers: 4, Digest: []byte{1}}
	want := more
	want.Numbers, want.Digest = m.Numbers, m.Digest
	for _, pair := range [][2]Minute{{m, more}, {more, m}, {want, m}} {
		got := pair[0]
		if got.Join(pair[1]); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v joined with %+v is %+v, want %+v", pair[0], pair[1], got, want)
		}
	}
}

func FuzzDecodeMinute(f *testing.F) {
	line, _ := AppendMinute(nil, Minute{Stat: "a", Version: "abc123", Time: 1764000000, Seconds: 60, Min: json.RawMessage("1"), Max: json.RawMessage("2"), Last: json.RawMessage("1")})
	f.Add(line)
	f.Add([]byte(`{"stat":"a","time":"2026-11-22T10:31:05Z","seconds":60}`))
	line, _ = AppendMinute(nil, Minute{Stat: "a", Version: "abc123", Time: 1764000000, Numbers: 3, Digest: []byte{1, 2, 3}})
	f.Add(line)
	f.Add([]byte(`{"stat":"a","seconds":61}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := DecodeMinute(line)
		if err != nil {
			return
		}
		if m.Time%60 != 0 || m.Seconds+m.Clockless > 60 || m.Stat == "" {
			t.Errorf("%q was read as %+v", line, m)
		}
		again, err := AppendMinute(nil, m)
		if err != nil {
			t.Fatalf("%+v cannot be written: %v", m, err)
		}
		if n, err := DecodeMinute(again); err != nil || n.Time != m.Time || n.Stat != m.Stat {
			t.Errorf("%s was read as %+v, %v; want %+v", again, n, err, m)
		}
	})
}
