//go:build linux || darwin

package broker

import "syscall"

// freeIn is how many bytes this process may still write to a folder's disk.
func freeIn(dir string) (bytes uint64, known bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true // #nosec G115 -- a block has a size
}
