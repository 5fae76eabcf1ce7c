package window_test

import (
	"bytes"
	"testing"

	"pulse/stats/window"
)

func FuzzUnzip(f *testing.F) {
	for _, s := range []string{"", "\x01", "\x80", "\x01\x02", "\x81\x01\x02\x03", "\x01\x80\x80", "\xff\xff\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := window.Zip(window.Unzip(b)); !bytes.Equal(got, b) {
			t.Errorf("%x came back as %x", b, got)
		}
	})
}
