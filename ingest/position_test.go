package ingest

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"pulse/stats/line"
)

// TestForgedPosition: a position that names a file elsewhere, with hashes that fit it, does
// not make an ingester read it.
func TestForgedPosition(t *testing.T) {
	logs, secrets := t.TempDir(), t.TempDir()
	secret := filepath.Join(secrets, "secret")
	if err := os.WriteFile(secret, []byte("password\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(secret)
	if err != nil {
		t.Fatal(err)
	}
	for name, forged := range map[string]filePosition{
		fileKey(secret, info): {Name: secret, Head: fingerprint(nil)},
		fileKeys + "x":        {Name: secret, Offset: 1, Head: fingerprint([]byte("p"))},
	} {
		followed := newTails(Files{
			Globs: []string{filepath.Join(logs, "*.log")}, Positions: Positions{name: position(forged)}, Counts: new(FileCounts), Log: slog.New(slog.DiscardHandler),
		}, func(_ line.Origin, lines []byte, _ Positions) error {
			if len(lines) > 0 {
				t.Errorf("%s: read %q", name, lines)
			}
			return nil
		})
		if err := followed.look(); err != nil {
			t.Fatal(err)
		}
		if len(followed.open) > 0 {
			t.Errorf("%s: %s is followed", name, followed.open[0].name)
		}
		followed.close()
	}
}

func FuzzPositions(f *testing.F) {
	f.Add([]byte(`{"file":"a","offset":3,"head":"x","to":3,"open":{"o":{"text":"YQ=="}},"events":{"s":null,"u":{"lines":-1,"order":9}}}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, p := range readPositions(Positions{fileKeys + "1": value}) {
			if p.Offset < 0 || p.From < 0 || p.From > p.To {
				t.Fatalf("%+v", p)
			}
			var nowhere line.Origin
			j := Reading{Join: "traceback"}.joiner(nowhere)
			j.resume(p.Events)
			j.rest([]byte("a\n b\n"))
			parts := joiner{open: p.Open}
			parts.end([]byte("x"))
			if again := position(p); !json.Valid(again) || !utf8.Valid(again) {
				t.Fatalf("%q", again)
			}
		}
	})
}
