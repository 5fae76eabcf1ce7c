//go:build unix

package ingest

import (
	"fmt"
	"io/fs"
	"syscall"
)

// fileID is what a file is known by as long as it exists, whatever its name.
func fileID(info fs.FileInfo) string {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d", s.Dev, s.Ino)
	}
	return ""
}
