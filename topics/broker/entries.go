package broker

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
)

// An entryLog is one of kfake's logs of JSON: of groups and of producers. kfake stops
// reading at an entry that is not whole, and appends behind it.
type entryLog struct {
	name    string
	raw     []byte
	entries [][]byte
	changed bool
	damaged int // bytes of entries that are not as they were written
	unwhole int // bytes of one that was not written to its end
}

// An entry is its length, a checksum, a version and JSON.
const entryHeader = 10

func (l *entryLog) read(name string) error {
	l.name = name
	raw, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for pos := 0; pos < len(raw); {
		size, ok := entryAt(raw[pos:])
		if !ok {
			from := pos
			for pos++; pos < len(raw); pos++ {
				if _, ok := entryAt(raw[pos:]); ok {
					break
				}
			}
			l.changed = true
			if pos == len(raw) && cutOff(raw[from:]) {
				l.unwhole = pos - from
			} else {
				l.damaged += pos - from
			}
			continue
		}
		l.raw = append(l.raw, raw[pos:pos+size]...)
		l.entries = append(l.entries, raw[pos+entryHeader:pos+size])
		pos += size
	}
	return nil
}

// entryAt returns the size of the whole entry that raw begins with.
func entryAt(raw []byte) (size int, ok bool) {
	if len(raw) < entryHeader {
		return 0, false
	}
	length := binary.LittleEndian.Uint32(raw)
	if length < 2 || int64(length) > int64(len(raw)-8) {
		return 0, false
	}
	size = 8 + int(length)
	return size, crc32.Checksum(raw[8:size], castagnoli) == binary.LittleEndian.Uint32(raw[4:])
}

// cutOff reports whether raw is the beginning of an entry.
func cutOff(raw []byte) bool {
	return len(raw) < entryHeader || int64(binary.LittleEndian.Uint32(raw)) > int64(len(raw)-8)
}

// add adds an entry.
func (l *entryLog) add(text []byte) {
	e := make([]byte, entryHeader, entryHeader+len(text))
	binary.LittleEndian.PutUint32(e, uint32(2+len(text)))
	binary.LittleEndian.PutUint16(e[8:], formatVersion)
	e = append(e, text...)
	binary.LittleEndian.PutUint32(e[4:], crc32.Checksum(e[8:], castagnoli))
	l.raw = append(l.raw, e...)
	l.changed = true
}

// write writes the log if it is to be different.
func (l *entryLog) write() error {
	if !l.changed {
		return nil
	}
	return replace(l.name, l.raw)
}
