package program

import (
	"syscall"
	"time"
)

// threadTime is the CPU time that this thread has spent.
func threadTime() time.Duration {
	const rusageThread = 1
	var r syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
