package main

// ballastSize is what a receiver may have in garbage beside twice what it uses.
const ballastSize = 24 << 20

// ballast makes the garbage collector wait for more garbage for as long as it is
// kept alive, unless GOGC or GOMEMLIMIT say what it is to do. It is never touched,
// so that it takes no memory; the collector counts it. A receiver at full speed
// uses some 20 MiB and unpacks 300 MB a second: without ballast the heap is
// collected ten times a second, the buffers that are kept for use again are lost,
// and memory goes back to the system to be asked for anew, which took it a sixth
// of its time.
func ballast(lookup func(string) (string, bool)) []byte {
	_, percent := lookup("GOGC")
	_, limit := lookup("GOMEMLIMIT")
	if percent || limit {
		return nil
	}
	return make([]byte, ballastSize)
}
