package topics

import (
	"reflect"
	"testing"
)

func TestSecond(t *testing.T) {
	for _, want := range []Second{
		{Second: 1353576695, Before: 1353576690, Part: 0, Parts: 1, Data: AppendNamed(AppendNamed(nil, "a", []byte("partial")), "b", []byte("x"))},
		{Second: 5, Before: -1, Part: 2, Parts: 3, Data: []byte{}},
		{Second: 500, Before: 20, Stale: 300, Parts: 1, Data: []byte{}},
	} {
		got, err := DecodeSecond(want.Append(nil))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v came back as %+v (%v)", want, got, err)
		}
	}
}

func FuzzSecond(f *testing.F) {
	s := Second{Second: 5, Before: -1, Parts: 1, Data: AppendNamed(nil, "a", []byte("partial"))}
	f.Add(s.Append(nil))
	f.Fuzz(func(t *testing.T, value []byte) {
		s, err := DecodeSecond(value)
		if err != nil {
			return
		}
		if again, err := DecodeSecond(s.Append(nil)); err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%+v came back as %+v (%v)", s, again, err)
		}
		var out []byte
		if EachNamed(s.Data, func(stat, data []byte) error { out = AppendNamed(out, string(stat), data); return nil }) != nil {
			return
		}
		if err := EachNamed(out, func(_, _ []byte) error { return nil }); err != nil {
			t.Errorf("what was read of %q cannot be read again: %v", s.Data, err)
		}
	})
}
