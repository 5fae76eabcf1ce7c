package line

import "testing"

// FuzzFormats parses lines by their look and as being of a format.
func FuzzFormats(f *testing.F) {
	for i, format := range Formats {
		for _, sample := range format.Samples {
			f.Add(byte(i), []byte(sample.Line))
		}
	}
	s, names := fuzzSchema(f)
	used := s.NewScanner()
	f.Fuzz(func(t *testing.T, which byte, text []byte) {
		format := Formats[int(which)%len(Formats)]
		checkParse(t, s, used, names, "", text)
		checkParse(t, s, used, names, Origin(FormatField+"="+format.Name+"&zone=Europe/Berlin"), text)
	})
}
