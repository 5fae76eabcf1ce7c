//go:build !unix

package ingest

import "io/fs"

// fileID is empty where files are known by their names only.
func fileID(fs.FileInfo) string { return "" }
