package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestPlainMappings(t *testing.T) {
	const smaps = `00400000-01633000 r-xp 00000000 fe:00 107                 /usr/bin/pulse
Size:              18636 kB
Anonymous:             0 kB
Swap:                  0 kB
SwapPss:               0 kB
01633000-029d3000 r--p 01233000 fe:00 107                 /usr/bin/pulse
Anonymous:             4 kB
Swap:                  0 kB
029d3000-02af7000 r--p 025d3000 fe:00 107                 /usr/bin/pulse
Anonymous:             0 kB
Swap:                  4 kB
02b00000-02b01000 rw-p 025d3000 fe:00 107                 /usr/bin/pulse
Anonymous:             0 kB
Swap:                  0 kB
02c00000-02c01000 r--p 025d3000 fe:00 107                 /usr/bin/pulse
Anonymous:             0 kB
Swap:                  0 kB
7f1010600000-7f1010a00000 r--p 00000000 00:00 0           /usr/lib/pulse
Anonymous:             0 kB
Swap:                  0 kB
7ffd8d1f9000-7ffd8d21a000 r--p 00000000 00:00 0
Anonymous:             0 kB
Swap:                  0 kB
`
	want := []mapping{{0x400000, 0x1633000}, {0x2c00000, 0x2c01000}}
	if got := plainMappings([]byte(smaps), "/usr/bin/pulse"); !slices.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// TestReleaseBinary goes on without its own pages.
func TestReleaseBinary(t *testing.T) {
	name, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Skip(err)
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	if len(plainMappings(maps, name)) == 0 {
		t.Error("the binary is mapped nowhere")
	}
	before := residentFile(t)
	for range 3 {
		releaseBinary()
	}
	if after := residentFile(t); after >= before {
		t.Errorf("%d kB of files are resident, and %d were before", after, before)
	}
}

// residentFile is how many kB of files are in the process's memory.
func residentFile(t *testing.T) (kB int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	if _, rest, ok := strings.Cut(string(status), "\nRssFile:"); ok {
		_, err = fmt.Sscan(rest, &kB)
	}
	if err != nil || kB == 0 {
		t.Skip("the kernel does not say")
	}
	return kB
}
