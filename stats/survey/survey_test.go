package survey

import (
	"fmt"
	"strings"
	"testing"
)

// A hole of a shape is a value as one would name it.
func TestPatternOf(t *testing.T) {
	for text, want := range map[string]string{
		"at 10:00:07 user 'u4' paid 4.50 EUR": "at <f1> user '<f2>' paid <f3> EUR",
		`from 10.0.0.1:80 to "/a" in 5ms`:     `from <f1> to "<f2>" in <f3>ms`,
		"v1.2.3 on h0.example.com":            "v<f1> on h<f2>.example.com",
	} {
		s := New(NewReader(nil, 0))
		s.addShape(text)
		if got := patternOf(s.heaviest()[0]); got != want {
			t.Errorf("%s has the pattern %s, want %s", text, got, want)
		}
	}
}

// What is remembered of a log has bounds.
func TestBounds(t *testing.T) {
	s := New(NewReader(nil, 0))
	for i := range mostShapes + 100 {
		letters := strings.NewReplacer("0", "a", "1", "g", "2", "h", "3", "i", "4", "j", "5", "k", "6", "l", "7", "m", "8", "n", "9", "o").Replace(fmt.Sprint(i))
		key := "key"
		if i < MostFields+100 { // each new one takes a while: it is read from then on
			key += letters
		}
		for _, text := range []string{fmt.Sprintf("level=info x=%d %s=1", i, key), "no format fits " + letters} {
			if err := s.Add("", []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	f := s.found["logfmt"]
	if len(f.fields) > MostFields || !f.more || len(f.fields["x"].values) != MostDistinct || !f.fields["x"].many {
		t.Errorf("%d fields, %d values of x", len(f.fields), len(f.fields["x"].values))
	}
	if len(s.shapes) > mostShapes || !s.dropped {
		t.Errorf("%d shapes", len(s.shapes))
	}
}

// A field is told by its types, its values of most lines and its first ones, with a stat.
func TestFormats(t *testing.T) {
	s := New(NewReader(nil, 0))
	for i := range 300 {
		text := fmt.Sprintf("level=%s ms=%d path=/a/%d", []string{"info", "warn", "info"}[i%3], i, i%7)
		if i%10 == 0 {
			text = fmt.Sprintf("user %d left", i)
		}
		if err := s.Add("", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	formats := s.Formats(2)
	if len(formats) != 2 || formats[0].Name != "logfmt" || formats[0].Lines != 270 || !formats[0].More || len(formats[0].Fields) != 2 {
		t.Fatalf("the formats are %+v", formats)
	}
	got := fmt.Sprintf("%+v", formats[0].Fields)
	want := `[{Name:level Lines:270 Types:[text] Distinct:2 Many:false Top:[{Value:info Lines:180} {Value:warn Lines:90}] Examples:[warn info] Stat:{name: "by-level", count: lines, by: "level"}} ` +
		`{Name:ms Lines:270 Types:[number] Distinct:270 Many:false Top:[{Value:1 Lines:1} {Value:101 Lines:1} {Value:102 Lines:1} {Value:103 Lines:1} {Value:104 Lines:1}] Examples:[1 2 3] Stat:{name: "ms", quantiles: "ms"}}]`
	if got != want {
		t.Errorf("the fields are\n%s\nwant\n%s", got, want)
	}
	shapes, rough := s.Shapes()
	if len(shapes) != 1 || rough || shapes[0] != (Shape{30, "user 0 left", "user <f1> left"}) {
		t.Errorf("the shapes are %+v", shapes)
	}
}
