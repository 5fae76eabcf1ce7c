package ingest

import (
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// compressed is what a program makes of data.
func compressed(t testing.TB, ext string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch ext {
	case ".gz":
		w = gzip.NewWriter(&b)
	case ".zst":
		w, err = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	case ".lz4":
		packer := lz4.NewWriter(&b)
		err = packer.Apply(lz4.BlockSizeOption(lz4.Block64Kb)) // a reader allocates whole blocks
		w = packer
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bzip2Of123 is "1\n2\n3\n" as bzip2 compresses it, which Go does not.
const bzip2Of123 = "425a6839314159265359125d9f8a000001c800001038002000219a68334d1cb78bb9229c2848092ecfc500"

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (f folder) read(name string) []byte {
	f.t.Helper()
	data, err := os.ReadFile(f.name(name))
	f.do(err)
	return data
}

// write writes a file anew, in place, as who truncates it does.
func (f folder) write(name string, data []byte) {
	f.t.Helper()
	f.do(os.WriteFile(f.name(name), data, 0o600))
	f.stamp(name)
}

// stamp makes a file's time of change another one, as it is where two changes are not
// within a few milliseconds.
func (f folder) stamp(name string) {
	f.t.Helper()
	stamps++
	f.do(os.Chtimes(f.name(name), time.Time{}, time.Unix(1_700_000_000+stamps, 0)))
}

var stamps int64

func (f folder) packed(from, to, ext string) {
	f.t.Helper()
	f.write(to, compressed(f.t, ext, f.read(from)))
}

// TestRecordingCompressed: a recording is read as what it is.
func TestRecordingCompressed(t *testing.T) {
	f := folder{t, t.TempDir()}
	text := dated(at(1), "1") + "\n" + dated(at(3), "3") + "\n"
	for _, ext := range []string{".gz", ".zst", ".lz4"} {
		f.write("a.log", []byte(text))
		f.packed("a.log", "a"+ext, ext)
		f.write("b.log", []byte(dated(at(2), "2")+"\n"))
		r, err := OpenRecording([]string{f.name("a" + ext), f.name("b.log")})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if err := r.Lines(func(p Piece) error {
			return eachLine(p.Lines, func(l []byte) error { got = append(got, string(l[len(l)-1:])); return nil })
		}); err != nil || strings.Join(got, " ") != "1 2 3" {
			t.Errorf("%s: got %q, %v", ext, got, err)
		}
		if r.Size() != 0 {
			t.Errorf("%s: its size is said to be %d", ext, r.Size())
		}
	}
	f.write("a.bz2", unhex(t, bzip2Of123))
	r, err := OpenRecording([]string{f.name("a.bz2")})
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	if err := r.Lines(func(p Piece) error { got = append(got, p.Lines...); return nil }); err != nil || string(got) != "1\n2\n3\n" {
		t.Errorf("bzip2: got %q, %v", got, err)
	}
	for name, data := range map[string][]byte{"half.gz": compressed(t, ".gz", []byte(text))[:30], "x.xz": []byte("\xfd7zXZ\x00")} {
		f.write(name, data)
		r, err := OpenRecording([]string{f.name(name)})
		if err == nil {
			err = r.Lines(func(Piece) error { return nil })
		}
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s gives %v, want an error that names it", name, err)
		}
	}
}
