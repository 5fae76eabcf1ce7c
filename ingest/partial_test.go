package ingest

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func docker(text, stream string) string {
	return `{"log":"` + text + `","stream":"` + stream + `","time":"2012-11-22T09:31:34.1Z"}` + "\n"
}

func TestJoiner(t *testing.T) {
	part := strings.Repeat("x", dockerPart)
	quotes := strings.Repeat(`\"`, dockerPart)
	long := strings.Repeat("y", line16)
	for _, test := range []struct{ name, in, want string }{
		{"whole lines", cri + "stdout F 1\n" + cri + "stderr F  P 2\n", cri + "stdout F 1\n" + cri + "stderr F  P 2\n"},
		{"parts", cri + "stdout P a b \n" + cri + "stdout P c\n" + cri + "stdout F  d\n", cri + "stdout F a b c d\n"},
		{"empty parts", cri + "stdout P \n" + cri + "stdout F \n", cri + "stdout F \n"},
		{
			"two streams", cri + "stdout P 1\n" + cri + "stderr P a\n" + cri + "stderr F b\n" + cri + "stdout F 2\n",
			cri + "stderr F ab\n" + cri + "stdout F 12\n",
		},
		{
			"a zone", "2012-11-22T09:31:34.123456789+00:00 stdout P 1\n2012-11-22T09:31:34Z stdout F 2\n",
			"2012-11-22T09:31:34.123456789+00:00 stdout F 12\n",
		},
		{"no end", cri + "stdout P 1\n" + cri + "stderr P 2\n", cri + "stderr F 2\n" + cri + "stdout F 1\n"},
		{"no line feed", cri + "stdout P 1\n" + cri + "stdout F 2", cri + "stdout F 12\n"},
		{"another word", cri + "stdlog P 1\n" + cri + "stdout X 2\n", cri + "stdlog P 1\n" + cri + "stdout X 2\n"},
		{"no container's", "a P b\n", "a P b\n"},
		{"a log that begins otherwise", "a\n" + cri + "stdout P 1\n" + cri + "stdout F 2\n", "a\n" + cri + "stdout P 1\n" + cri + "stdout F 2\n"},
		{"Docker's", docker(part, "stdout") + docker(part, "stdout") + docker(`end\n`, "stdout"), docker(part+part+`end\n`, "stdout")},
		{
			"Docker's of two streams", docker(part, "stdout") + docker(`a\n`, "stderr") + docker(quotes, "stdout") + docker(`\\\n`, "stdout"),
			docker(`a\n`, "stderr") + docker(part+quotes+`\\\n`, "stdout"),
		},
		{"Docker's with a backslash before n", docker(part+`\\n`, "stdout") + docker(`\n`, "stdout"), docker(part+`\\n\n`, "stdout")},
		{"short and without a line feed", docker("a", "stdout") + docker("b", "stdout") + docker(part+`\n`, "stdout"), docker("a", "stdout") + docker("b", "stdout") + docker(part+`\n`, "stdout")},
		{"JSON alike", `{"log":"` + part + `","level":"info"}` + "\n", `{"log":"` + part + `","level":"info"}` + "\n"},
		{"JSON cut short", `{"log":"` + part + "\n", `{"log":"` + part + "\n"},
		{
			"longer than a line may be", strings.Repeat(cri+"stdout P "+long+"\n", 10) + cri + "stdout F z\n" + cri + "stdout F 1\n",
			(cri + "stdout F " + strings.Repeat("y", 10*line16))[:maxLine] + "\n" + cri + "stdout F 1\n",
		},
	} {
		for name, from := range map[string]io.Reader{"": strings.NewReader(test.in), ", byte by byte": iotest.OneByteReader(strings.NewReader(test.in))} {
			var got bytes.Buffer
			if err := Lines(from, "")(func(p Piece) error { got.Write(p.Lines); return nil }); err != nil {
				t.Fatal(err)
			}
			if got.String() != test.want {
				t.Errorf("%s%s: got %.200q (%d bytes), want %.200q (%d)", test.name, name, &got, got.Len(), test.want, len(test.want))
			}
		}
	}
}

const line16 = 16 << 10

// FuzzJoiner joins anything: whole lines stay as they are, and nothing is lost but
// beyond what a line may hold.
func FuzzJoiner(f *testing.F) {
	f.Add([]byte(cri + "stdout P a\n" + cri + "stdout F b\n"))
	f.Add([]byte(docker(strings.Repeat("x", dockerPart), "stdout") + docker(`end\n`, "stdout")))
	f.Add([]byte(`{"log":"\`))
	f.Fuzz(func(t *testing.T, in []byte) {
		joined := func(in []byte) []byte {
			var j joiner
			return append(bytes.Clone(j.join(in)), j.end(nil)...)
		}
		out := joined(in)
		if bytes.Count(out, []byte("\n")) > bytes.Count(in, []byte("\n"))+1 {
			t.Errorf("%q became %q, of more lines", in, out)
		}
		if again := joined(out); !bytes.Equal(again, out) {
			t.Errorf("%q, joined, is joined again to %q", out, again)
		}
	})
}
