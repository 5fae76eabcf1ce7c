//go:build !linux

package program

import "time"

var began = time.Now()

// threadTime is the time that has passed: other systems have no CPU time of a
// thread in package syscall.
func threadTime() time.Duration { return time.Since(began) }
