//go:build unix

package web

import (
	"fmt"
	"os"
	"syscall"
)

// checkPrivate refuses a file that others can read, by PostgreSQL's rule for private keys: of
// root's files a group may read, too, as of a secret that Kubernetes mounts for a user with an
// fsGroup.
func checkPrivate(name string, info os.FileInfo) error {
	mode := info.Mode().Perm()
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid == 0 {
		if mode&0o037 == 0 {
			return nil
		}
		return fmt.Errorf("others can read the tokens in %s (mode %04o): chmod 640 %[1]s; of a secret in Kubernetes: defaultMode: 0440, and an fsGroup", name, mode)
	}
	if mode&0o077 == 0 {
		return nil
	}
	return fmt.Errorf("others can read the tokens in %s (mode %04o): chmod 600 %[1]s", name, mode)
}
