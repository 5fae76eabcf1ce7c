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

	complete, kept int64 // as a partition has them
	whole          bool  // all that open windows need comes after the offset: nothing is kept
}

// First bytes of a commit's metadata: of one whose settled seconds are kept, and
// of one by a version that kept none.
const (
	stateVersion = 2
	wholeVersion = 1
)

// maxSecond is beyond all seconds that watermarks have, and maxOffset beyond all
// offsets.
const (
	maxSecond = 1 << 40
	maxOffset = 1 << 62
)

func (s state) append(b []byte) []byte {
	version := byte(stateVersion)
	if s.whole {
		version = wholeVersion
	}
	b = append(b, version)
	b = binary.AppendUvarint(b, uint64(s.final))
	b = binary.AppendUvarint(b, uint64(s.ahead))
	if !s.whole {
		b = binary.AppendUvarint(b, uint64(s.complete))
		b = binary.AppendUvarint(b, uint64(s.kept+1))
	}
	b = binary.AppendUvarint(b, uint64(len(s.sources)))
	for _, src := range s.sources {
		b = binary.AppendUvarint(b, uint64(src.covered))
		b = binary.AppendVarint(b, src.second-s.final)
	}
	return b
}

func decodeState(b []byte) (state, error) {
	if len(b) == 0 || b[0] != stateVersion && b[0] != wholeVersion {
		return state{}, fmt.Errorf("the commit's metadata is not of form 1 or %d, which this program reads; was it written by another version?", stateVersion)
	}
	d := reader{rest: b[1:]}
	s := state{final: d.upTo(maxSecond), ahead: d.upTo(maxOffset)}
	if s.whole = b[0] == wholeVersion; !s.whole {
		s.complete, s.kept = d.upTo(maxSecond), d.upTo(maxSecond)-1
	}
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
