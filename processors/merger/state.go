package merger

import (
	"encoding/binary"
	"fmt"

	"pulse/topics"
)

// A state is what a commit carries: with the offset to read from it makes a
// checkpoint.
type state struct {
	final   int64    // the first second that is not known to be published as final
	ahead   int64    // the checkpoint's offset less the one to read from
	sources []source // at the checkpoint
}

// stateVersion is the first byte of a commit's metadata.
const stateVersion = 1

// maxSecond is beyond all seconds that watermarks have, and maxOffset beyond all
// offsets.
const (
	maxSecond = 1 << 40
	maxOffset = 1 << 62
)

func (s state) append(b []byte) []byte {
	b = append(b, stateVersion)
	b = binary.AppendUvarint(b, uint64(s.final))
	b = binary.AppendUvarint(b, uint64(s.ahead))
	b = binary.AppendUvarint(b, uint64(len(s.sources)))
	for _, src := range s.sources {
		b = binary.AppendUvarint(b, uint64(src.covered))
		b = binary.AppendVarint(b, src.second-s.final)
	}
	return b
}

func decodeState(b []byte) (state, error) {
	if len(b) == 0 || b[0] != stateVersion {
		return state{}, fmt.Errorf("the commit's metadata is not of form %d, which this program reads; was it written by another version?", stateVersion)
	}
	d := reader{rest: b[1:]}
	s := state{final: d.upTo(maxSecond), ahead: d.upTo(maxOffset)}
	sources := d.upTo(topics.MaxPartitions)
	for range sources {
		src := source{covered: d.upTo(maxOffset), second: s.final + d.within(maxSecond)}
		if src.second < 0 {
			d.failed = true
		}
		s.sources = append(s.sources, src)
	}
	if d.failed || sources == 0 || len(d.rest) > 0 {
		return state{}, errState
	}
	return s, nil
}

// A reader reads numbers from the start of rest until something is wrong.
type reader struct {
	rest   []byte
	failed bool
}

// upTo reads a number from 0 to most.
func (r *reader) upTo(most int64) int64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || v > uint64(most) {
		r.failed, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return int64(v)
}

// within reads a number from -most to most.
func (r *reader) within(most int64) int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 || v > most || v < -most {
		r.failed, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}
