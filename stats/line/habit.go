package line

// Some values of JSON objects are the same in most of them: a level, a method, a status. The text
// from such a value to the next one that varies is a path. It is compared in whole, and then all
// that is wanted of it is known.

// Bounds of habits.
const (
	longestHabit = 16   // of a value, in bytes
	longestPath  = 96   // in bytes
	studyOften   = 64   // objects that are studied after a bone is new,
	studyEach    = 7    // one of so many: primes, since a log may repeat;
	studySeldom  = 1021 // and later
	usual        = 8    // the score from which on a value is a habit
	mostScore    = 2 * usual
)

// A habit is what a bone's value is in most objects.
type habit struct {
	value  [longestHabit]byte
	size   int // of the value; -1: it is too long
	often  int // a score: one more if a value is that, two less if it is not
	always int // so is this, but nine less
}

// A path is what comes most often from a value on, which often is that, over values that always are
// the same, up to one that is not.
type path struct {
	words      []uint64 // the text, but what does not fill a word
	rest, mask uint64   // that, and which of its bytes count
	size       int      // noPath: the value is not a habit any longer
	values     []extent // those that are wanted, counted from its beginning
	last       *bone    // with which it ends
}

// noPath is longer than any line.
const noPath = 1 << 30

// is reports whether the text is at b[i:].
func (p *path) is(b []byte, i int) bool {
	var differ uint64
	for _, w := range p.words {
		differ |= load(b, i) ^ w
		i += 8
	}
	return differ|(load(b, i)^p.rest)&p.mask == 0
}

// A step is a bone of an object and the value after it.
type step struct {
	bone       *bone
	start, end int
}

// study takes note of the values of the object b[i:end], which the skeletons know.
func (sc *Scanner) study(ev *Event, b []byte, i, end int, root *bone) {
	s := &sc.skeletons
	s.studied = studySeldom
	if s.often > 0 {
		s.often--
		s.studied = studyEach
	}
	steps := s.steps[:0]
	for at := root; ; {
		n := at.next(b, i, end)
		if n == nil {
			return
		}
		first := i + int(n.size)
		i = first
		switch n.value {
		case textValue:
			var escaped bool
			if i, escaped = closingQuote(b, i, end); i < 0 {
				return
			}
			if !escaped {
				n.habit.note(b[first:i])
			}
		case scalarValue:
			if i = scalar(b, i); i < 0 {
				return
			}
			n.habit.note(b[first:i])
		case arrayValue:
			if i = skipNested(b, i, end); i < 0 {
				return
			}
		}
		steps = append(steps, step{n, first, i})
		if n.value == noValue {
			if spaces(b, i) < end { // it goes on: a path knew how
				return
			}
			break
		}
		at = n
	}
	s.steps = steps
	for k, st := range steps {
		n := st.bone
		switch {
		case n.habit.often < usual/2 && n.path != nil:
			n.path.size = noPath
		case n.habit.often >= usual && n.habit.is(b[st.start:st.end]):
			if n.path == nil {
				n.path = new(path)
			}
			n.path.set(ev, b, steps[k:])
		}
	}
}

// note takes note of a value.
func (h *habit) note(value []byte) {
	if h.is(value) {
		h.often, h.always = min(h.often+1, mostScore), min(h.always+1, mostScore)
		return
	}
	h.often, h.always = h.often-2, max(h.always-9, 0)
	if h.often < 0 {
		*h = habit{size: -1}
		if len(value) <= longestHabit {
			h.size = copy(h.value[:], value)
		}
	}
}

// is reports whether a value is that of the habit.
func (h *habit) is(value []byte) bool {
	return h.size == len(value) && string(h.value[:h.size]) == string(value)
}

// set makes it the path from the value of the first step on.
func (p *path) set(ev *Event, b []byte, steps []step) {
	from := steps[0].start
	p.words, p.values = p.words[:0], p.values[:0]
	for k, st := range steps[:len(steps)-1] {
		n, after := st.bone, steps[k+1]
		if k > 0 && (n.habit.always < usual || !n.habit.is(b[st.start:st.end]) || after.start-from > longestPath) {
			break
		}
		if n.key != 0 && (n.value == textValue || isPresent(b, st.end)) {
			p.values = append(p.values, extent{st.start - from, st.end - from, n, ev.idOf(n, st.start, st.end)})
		}
		p.last, p.size = after.bone, after.start-from
	}
	for len(p.words) < p.size/8 {
		p.words = append(p.words, load(b, from+8*len(p.words)))
	}
	p.mask = lowBytes[p.size%8]
	p.rest = load(b, from+8*len(p.words)) & p.mask
}

// idOf gives the ID of a bone's value (Absent: it is not coded), or isVerbatim if more than that has to
// be done with it.
func (e *Event) idOf(n *bone, start, end int) int {
	if n.key&^slotMask != 0 || e.coded == maxCodes {
		return isVerbatim
	}
	m := e.mark()
	defer e.rewind(&m)
	e.set(keySlot(n.key), start, end, n.flags())
	if e.coded > m.coded {
		return int(e.codes[m.coded].ID())
	}
	return int(Absent)
}

// flags are those of the bone's value.
func (n *bone) flags() value {
	if n.value == textValue {
		return asText | units | exponents
	}
	return exponents
}
