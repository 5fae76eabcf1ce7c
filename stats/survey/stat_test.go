package survey

import (
	"fmt"
	"testing"
)

// The stat of paths goes by their routes, and there is none of what each line has for itself.
func TestStatOfIDs(t *testing.T) {
	s := New(NewReader(nil, 0))
	for i := range 400 {
		text := fmt.Sprintf("path=/users/%d/cart url-of=/a/%d id=r%dx user=u%d", i, i%200, i, i%150)
		if err := s.Add("", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{
		"path": `{name: "by-path", count: lines, by: route(path)}`, "url-of": `{name: "different-url-of", unique: "url-of"}`,
		"id": "", "user": `{name: "different-user", unique: "user"}`,
	}
	for _, f := range s.Formats(MostFields)[0].Fields {
		if stat, ok := want[f.Name]; ok && f.Stat != stat {
			t.Errorf("%s has the stat %s, want %s", f.Name, f.Stat, stat)
		}
	}
}
