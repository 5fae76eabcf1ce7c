package line

import "golang.org/x/sys/cpu"

var hasStops = cpu.X86.HasAVX2

// findStops sets for each of the first n bytes of b, rounded up to 32, a bit of each mask if it is not
// in that class. It reads as many bytes. n is 1 at least.
//
//go:noescape
func findStops(b []byte, n int, of *byteClasses, s *stops)
