package window

// What the tests, which need package program for fragments, see of the inside.

const (
	FragmentVersion = fragmentVersion
	LongWindow      = longWindow
)

// Len is how many seconds are kept.
func (s *Series) Len() int { return len(s.seconds) + len(s.middle.chunks) }

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
		n += cap(s.middle.chunks[i].parts.bytes) + cap(s.middle.chunks[i].small)
	}
	return n
}

// SetSettling makes seconds of a window settle however short it is, or never.
func (s *Series) SetSettling(settling bool) {
	s.settler, s.settles = nil, false
	if settling {
		s.settle()
	}
}

// Over is how many seconds the window is of.
func (s *Series) Over() int64 { return s.over }

// Unzip and Zip change the order of bytes, and back.
var Unzip, Zip = unzip, zip
