package aggregate

import "testing"

func TestHistogram(t *testing.T) {
	k := newHistogram(x, []float64{-1, 0.1, 100})
	p := k.NewPartial()
	newFolder(t).fold(p, "level=info x=-1", "level=info x=-0.5", "level=info x=0.1", "level=info x=0.100000001",
		"level=info x=100", "level=info x=101", "level=info x=5000", "level=info x=word", "level=info y=1")
	if got, want := valueOf(k, p), `{"le":[-1,0.1,100],"counts":[1,2,2,2]}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for name, b := range map[string][]byte{
		"too few counts":  {1, 1, 1},
		"too many counts": {1, 1, 1, 1, 1},
		"nothing":         {0, 0, 0, 0},
		"a longer form":   {0x81, 0, 1, 1, 1},
	} {
		p := k.NewPartial()
		if p.Join(b) == nil || k.Check(b) == nil || !p.Empty() {
			t.Errorf("%s is taken", name)
		}
	}
}
