//go:build unix

package broker

import "syscall"

// keepPrivate makes what this process creates readable by its user alone: kfake's
// files hold log lines.
func keepPrivate() { syscall.Umask(0o077) }
