package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// releaseBinary takes out of the process's memory what is there of its binary: a third is
// what only the start needed, and the kernel brings 64 KiB for each page that is touched. All
// of it stays in the kernel's cache of files, which may drop it when memory is short, and what
// is needed again comes from there without a read. It takes some 500 faults, which are less
// than a millisecond of CPU. An error changes nothing that matters.
func releaseBinary() {
	name, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range plainMappings(maps, name) {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.from, m.to-m.from, syscall.MADV_DONTNEED)
	}
}

// A mapping is some addresses of a process.
type mapping struct{ from, to uintptr }

// plainMappings is where a file is mapped that has nothing but the file's bytes, as
// /proc/self/smaps has it: nobody writes there, and nobody has, as a loader does that moves
// addresses, or a debugger.
func plainMappings(smaps []byte, name string) []mapping {
	var all []mapping
	var m mapping
	plain := false
	for lines := bufio.NewScanner(bytes.NewReader(smaps)); lines.Scan(); {
		line := lines.Text()
		var read mapping
		var mode string
		if n, _ := fmt.Sscanf(line, "%x-%x %4s ", &read.from, &read.to, &mode); n == 3 {
			m, plain = read, strings.HasSuffix(line, " "+name) && mode[0] == 'r' && mode[1] == '-'
			continue
		}
		// Anonymous is what is not the file's any more, and the last of the two is Swap.
		what, size, _ := strings.Cut(line, ":")
		if plain && (what == "Anonymous" || what == "Swap") {
			plain = strings.TrimSpace(size) == "0 kB"
			if plain && what == "Swap" {
				all = append(all, m)
			}
		}
	}
	return all
}
