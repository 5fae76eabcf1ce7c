package ingest

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// nextData is the offset of a file's next byte, from offset on, that is not in a hole;
// offset itself if that cannot be told. It is false if there is nothing but a hole.
func nextData(file *os.File, offset int64) (int64, bool) {
	raw, err := file.SyscallConn()
	if err != nil {
		return offset, true
	}
	data := offset
	controlled := raw.Control(func(fd uintptr) { data, err = unix.Seek(int(fd), offset, unix.SEEK_DATA) })
	switch {
	case errors.Is(err, unix.ENXIO):
		return offset, false
	case err != nil, controlled != nil:
		return offset, true
	}
	return data, true
}
