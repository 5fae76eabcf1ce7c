package testkit

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// served tells how much of the CPU time that this process asked for it got. The
// kernel counts both by thread: /proc/self/task/*/schedstat has nanoseconds on a
// CPU, and nanoseconds of waiting for one.
type served struct{ ran, waited uint64 }

func startServed() *served {
	s := &served{}
	tasks, _ := filepath.Glob("/proc/self/task/*/schedstat") // the pattern is right
	for _, task := range tasks {
		b, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		if f := bytes.Fields(b); len(f) == 3 {
			ran, _ := strconv.ParseUint(string(f[0]), 10, 64)
			waited, _ := strconv.ParseUint(string(f[1]), 10, 64)
			s.ran += ran
			s.waited += waited
		}
	}
	return s
}

// starved says so if less than half was got since then, and nothing else.
func (s *served) starved() string {
	if s == nil {
		return ""
	}
	now := startServed()
	if now.ran <= s.ran || now.waited <= s.waited {
		return ""
	}
	ran, waited := now.ran-s.ran, now.waited-s.waited
	if waited <= ran {
		return ""
	}
	return fmt.Sprintf(" (starved: the process got %d %% of the CPU time that it asked for; a greater %s waits longer)",
		100*ran/(ran+waited), PatienceVariable)
}
