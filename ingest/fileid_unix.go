//go:build unix

package ingest

import (
	"fmt"
	"io/fs"
	"syscall"
)

// A fileNumber is what a file is known by as long as it exists, whatever its name.
type fileNumber struct{ device, inode uint64 }

func (n fileNumber) text() string { return fmt.Sprintf("%d:%d", n.device, n.inode) }

// fileID is the number of the file that a name led to.
func fileID(_ string, info fs.FileInfo) fileNumber {
	s := info.Sys().(*syscall.Stat_t) // os says so
	return fileNumber{uint64(s.Dev), uint64(s.Ino)}
}

// mostDescriptors is how many files the process may have open.
func mostDescriptors() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return leastDescriptors
	}
	return int(min(limit.Cur, 1<<20))
}
