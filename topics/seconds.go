package topics

import (
	"encoding/binary"
	"errors"

	"pulse/stats/cursor"
	"pulse/stats/timing"
)

// A Second is one that is complete, as a merger keeps it for its successors: all
// that the stats of one partition had come by in it, or a part of that. Seconds in
// which nothing was are left out, so that each says which one was before it.
type Second struct {
	Second      int64 // Unix time
	Before      int64 // the second kept before it; -1: none was
	Stale       int64 // so many seconds, through this one, are not covered
	Part, Parts int   // which part this is, from 0, and how many there are
	Data        []byte
}

// kindSecond is the first byte of a record. A new form gets a new one.
const kindSecond = 'S'

// Append appends the record's value.
func (s *Second) Append(b []byte) []byte {
	b = append(b, kindSecond)
	b = binary.AppendUvarint(b, uint64(s.Second))
	b = binary.AppendUvarint(b, uint64(s.Second-s.Before))
	b = binary.AppendUvarint(b, uint64(s.Stale))
	b = binary.AppendUvarint(b, uint64(s.Part))
	b = binary.AppendUvarint(b, uint64(s.Parts))
	return append(b, s.Data...)
}

// DecodeSecond reads a record's value. Data is part of it.
func DecodeSecond(value []byte) (Second, error) {
	if len(value) == 0 || value[0] != kindSecond {
		return Second{}, errors.New("record of a second: of another kind")
	}
	d := cursor.New(value[1:])
	s := Second{Second: d.Uint(timing.LastSecond)}
	s.Before = s.Second - d.Uint(s.Second+1)
	s.Stale = d.Uint(s.Second + 1)
	s.Part, s.Parts = int(d.Uint(maxParts)), int(d.Uint(maxParts))
	s.Data = d.Rest()
	if !d.OK() || s.Before >= s.Second || s.Part >= s.Parts || len(s.Data) > MaxPart {
		return Second{}, errors.New("record of a second: out of bounds")
	}
	return s, nil
}

// AppendNamed appends bytes under a stat's name, as the Data of a Second and of a
// Bundle has them one after the other.
func AppendNamed(b []byte, stat string, data []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(stat)))
	b = append(b, stat...)
	b = binary.AppendUvarint(b, uint64(len(data)))
	return append(b, data...)
}

// EachNamed calls do with what AppendNamed appended, until it fails.
func EachNamed(b []byte, do func(stat, data []byte) error) error {
	d := cursor.New(b)
	for d.More() {
		stat, data := d.Bytes(MaxPart), d.Bytes(MaxPart)
		if !d.OK() {
			return errors.New("a stat's name or its bytes end too early")
		}
		if err := do(stat, data); err != nil {
			return err
		}
	}
	return nil
}
