//go:build !linux

package main

// releaseBinary does nothing here.
func releaseBinary() {}
