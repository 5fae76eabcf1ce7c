package topics

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	"pulse/stats/timing"
	"pulse/stats/watermark"
)

func TestMetadata(t *testing.T) {
	for _, b := range [][]byte{{}, {0}, make([]byte, 8), make([]byte, 3000), []byte("\xff\xfe\x00text"), bytes.Repeat([]byte{0xff}, 3276)} {
		text, err := EncodeMetadata(b, "")
		if err != nil {
			t.Errorf("%d bytes: %v", len(b), err)
			continue
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r < '!' || r > 'z' }) {
			t.Errorf("%q is not plain text", text)
		}
		if got, topic, err := DecodeMetadata(text); err != nil || !bytes.Equal(got, b) || topic != "" {
			t.Errorf("% .20x came back as % .20x of %q (%v)", b, got, topic, err)
		}
		const id = "AAAAAAAAAAAAAAAAAAAA_-"
		if text, err = EncodeMetadata(b, id); err != nil {
			continue // there is no room for it
		}
		if got, topic, err := DecodeMetadata(text); err != nil || !bytes.Equal(got, b) || topic != id {
			t.Errorf("% .20x of a topic came back as % .20x of %q (%v)", b, got, topic, err)
		}
	}
	if text, err := EncodeMetadata(bytes.Repeat([]byte{0xff}, CommitMetadata*4/5+1), ""); err == nil {
		t.Errorf("%d characters were taken", len(text))
	}
}

func FuzzMetadata(f *testing.F) {
	f.Add("")
	f.Add("z")
	f.Add("87cURD]i,\"Ebo80")
	f.Add("{}")
	f.Fuzz(func(t *testing.T, text string) {
		b, topic, err := DecodeMetadata(text)
		if err != nil || len(b) > 3000 || len(topic) > 22 {
			return
		}
		again, err := EncodeMetadata(b, topic)
		if err != nil {
			t.Fatal(err)
		}
		if got, of, err := DecodeMetadata(again); err != nil || !bytes.Equal(got, b) || of != topic {
			t.Errorf("% x came back as % x (%v)", b, got, err)
		}
	})
}

func FuzzReceiverState(f *testing.F) {
	clock := watermark.New()
	clock.Tick(watermark.Tick{Ingester: "a", Clock: 100})
	f.Add(ReceiverState{Domain: WallDomain, Clock: clock}.Append(nil))
	f.Add(ReceiverState{Domain: WallDomain, Clock: clock, First: 120}.Append(nil))
	f.Add([]byte{})
	f.Add([]byte{receiverVersion, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeReceiverState(b)
		if err != nil {
			return
		}
		b = s.Append(nil)
		again, err := DecodeReceiverState(b)
		if err != nil || !bytes.Equal(again.Append(nil), b) {
			t.Errorf("% x is not read as it was written: %v", b, err)
		}
	})
}

func FuzzMergerState(f *testing.F) {
	f.Add(MergerState{Final: 1_700_000_000, Ahead: 17, Sources: []SourceState{{Covered: 5, Second: 1_700_000_002}, {Covered: math.MaxInt32, Second: 1}}}.Append(nil))
	f.Add([]byte{})
	f.Add([]byte{mergerVersion, 1, 1, 64})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeMergerState(b)
		if err != nil {
			return
		}
		again, err := DecodeMergerState(s.Append(nil))
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%+v came back as %+v (%v)", s, again, err)
		}
	})
}

// TestMergerStateFits: the metadata of the worst case fits a commit, as text.
func TestMergerStateFits(t *testing.T) {
	s := MergerState{Final: timing.LastSecond, Ahead: maxOffset}
	for range MaxPartitions {
		s.Sources = append(s.Sources, SourceState{Covered: maxOffset, Second: 0})
	}
	if _, err := EncodeMetadata(s.Append(nil), strings.Repeat("x", 22)+","+strings.Repeat("x", 22)); err != nil {
		t.Error(err)
	}
}
