//go:build !unix

package ingest

import "io/fs"

// A fileNumber is a file's name where files have no numbers.
type fileNumber struct{ name string }

func (n fileNumber) text() string { return "" }

func fileID(name string, _ fs.FileInfo) fileNumber { return fileNumber{name} }

func mostDescriptors() int { return leastDescriptors }
