//go:build !unix

package main

import "os"

// lockFile does nothing where there is no flock.
func lockFile(*os.File) error { return nil }

func keepOwner(*os.File, os.FileInfo) error { return nil }

func syncFolder(string) error { return nil }
