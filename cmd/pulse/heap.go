package main

import "sync"

// ballastSize is what a receiver may have in garbage beside twice what it uses.
const ballastSize = 24 << 20

// ballast is never touched, so that it takes no memory; the garbage collector
// counts it. A receiver at full speed uses some 20 MiB and unpacks 300 MB a
// second: without ballast the heap is collected ten times a second, the buffers
// that are kept for use again are lost, and memory goes back to the system to be
// asked for anew, which took it a sixth of its time.
var ballast []byte

var loadBallast = sync.OnceFunc(func() { ballast = make([]byte, ballastSize) })

// collectSeldom makes the garbage collector wait for more garbage, unless GOGC or
// GOMEMLIMIT say what it shall do.
func collectSeldom(lookup func(string) (string, bool)) {
	_, percent := lookup("GOGC")
	_, limit := lookup("GOMEMLIMIT")
	if !percent && !limit {
		loadBallast()
	}
}
