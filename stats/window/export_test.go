package window

// What the tests, which need package program for fragments, see of the inside.

const (
	FragmentVersion = fragmentVersion
	LongWindow      = longWindow
	PackAge         = packAge
)

// SetPackAge changes how old seconds are packed.
func (s *Series) SetPackAge(age int64) { s.packAge = age }

// Len is how many seconds are kept.
func (s *Series) Len() int { return len(s.seconds) + len(s.middle.chunks) }

// Packed says of each second that is kept whether it is packed.
func (s *Series) Packed() map[int64]bool {
	packed := make(map[int64]bool)
	for _, e := range s.seconds {
		packed[e.second] = e.partial == nil && e.packed != nil
	}
	return packed
}

// EachPartial calls f with each second and partial of a fragment.
func EachPartial(fragment []byte, f func(second int64, partial []byte)) error {
	r := newFragmentReader(fragment)
	for r.next() {
		f(r.second, r.partial)
	}
	return r.err
}

// Middle is how many chunks of minutes there are.
func (s *Series) Middle() int { return len(s.middle.chunks) }

// Bytes is what these take.
func (s *Series) Bytes() (n int) {
	for i := range s.middle.chunks {
		n += cap(s.middle.chunks[i].minutes.bytes)
	}
	return n
}
