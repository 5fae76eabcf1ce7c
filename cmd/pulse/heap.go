package main

import (
	"context"
	"runtime/debug"
	"time"
)

// ballastSize is what a receiver may have in garbage beside twice what it uses.
const ballastSize = 16 << 20

// ballast makes the garbage collector wait for more garbage for as long as it is
// kept alive, unless GOGC or GOMEMLIMIT say what it is to do. It is never touched,
// so that it takes no memory; the collector counts it. A receiver at full speed
// uses some 20 MiB and unpacks 300 MB a second: without ballast the heap is
// collected ten times a second, the buffers that are kept for use again are lost,
// and memory goes back to the system to be asked for anew, which took it a sixth
// of its time.
func ballast(lookup func(string) (string, bool)) []byte {
	if collectorIsSet(lookup) {
		return nil
	}
	return make([]byte, ballastSize)
}

// collectorIsSet reports whether the environment says what the garbage collector is to do.
func collectorIsSet(lookup func(string) (string, bool)) bool {
	_, percent := lookup("GOGC")
	_, limit := lookup("GOMEMLIMIT")
	return percent || limit
}

// A thrift says how much garbage there may be, in percent of what is used. With few lines
// little comes, and it costs next to nothing to collect it early; with many collecting early
// is collecting all the time.
type thrift int

const (
	thriftyPercent thrift = 25
	plainPercent   thrift = 100 // Go's default
	plentyPercent  thrift = 300 // while a recording is read: it is over soon

	thriftEvery = 10 * time.Second
)

// next is what there may be after so many collections in thriftEvery, of which there are four
// times as many at thriftyPercent.
func (t thrift) next(collections int64) thrift {
	switch {
	case t == plentyPercent && collections <= 4:
		return plainPercent
	case t == plainPercent && collections <= 2:
		return thriftyPercent
	case t == thriftyPercent && collections > 15:
		return plainPercent
	}
	return t
}

// beThrifty sets the garbage collector, at first to now and then by how much there is to
// collect, until ctx is done, unless the environment does. When little begins to come,
// what only the start needed of the binary is released as well.
func beThrifty(ctx context.Context, lookup func(string) (string, bool), now thrift) {
	if collectorIsSet(lookup) {
		return
	}
	debug.SetGCPercent(int(now))
	defer debug.SetGCPercent(int(plainPercent))
	every := time.NewTicker(thriftEvery)
	defer every.Stop()
	for before := collections(); ; {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		all := collections()
		if next := now.next(all - before); next != now {
			debug.SetGCPercent(int(next))
			if now = next; now == thriftyPercent {
				releaseBinary()
			}
		}
		before = all
	}
}

// collections is how often garbage was collected.
func collections() int64 {
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	return stats.NumGC
}
