//go:build unix

package broker_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"pulse/topics"
	"pulse/topics/broker"
)

// TestPrivate: nobody else reads what the broker keeps, in a folder that others
// could read before, too.
func TestPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kafka")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b, err := broker.Start("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := topics.Ensure(t.Context(), topics.Cluster{Brokers: b.Addrs()}, topics.Names{Version: "x"}, topics.Options{}); err != nil {
		t.Error(err)
	}
	b.Close()
	files := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files++
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || files < 5 {
		t.Errorf("%d files and folders (%v)", files, err)
	}
}
