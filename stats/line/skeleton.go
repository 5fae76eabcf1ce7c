package line

import "encoding/binary"

// What is between the values of a JSON object is its skeleton: keys, quotes, colons, commas and
// braces, and whatever blanks there are. A logger writes a few skeletons, over and over, so that
// most objects are read by comparing what is between two values in whole, instead of key by
// key. Skeletons say at each value what its key is: what is read by them is what nested reads.

// Bounds of what a scanner remembers.
const (
	maxBones     = 512
	longestBone  = 32
	mostSiblings = 8
	skeletonMiss = 32   // objects in a row that no skeleton fits, after which none is tried
	skeletonRest = 1024 // for so many objects

	// skeletonRelearn is the number of objects for which there was no room, after which all
	// begins anew.
	skeletonRelearn = 1 << 14
)

// skeletons are a tree of bones, of which each path from a root is a skeleton. The first are
// roots, one for each kind of body, since keys mean something else in each.
type skeletons struct {
	bones   []bone
	missed  int // objects in a row
	resting int
	unknown int // objects for which there was no room

	// While nested reads an object that no skeleton fits:
	at   int32 // the last bone; noBone: it is not remembered
	from int   // where the next begins
}

// A bone is the text between two values, of up to 32 bytes, and what the second one is.
type bone struct {
	words, masks [longestBone / 8]uint64 // the text, and which of its bytes count
	size         int32
	key          uint32
	child        int32 // the bones after it, that which came last first; noBone: there are none yet
	sibling      int32 // the next of the bones after the same one
	value        valueKind
	top          bool // the value is a member of the object itself
}

// A valueKind is what comes after a bone.
type valueKind uint8

const (
	textValue valueKind = iota // the bone has its quote
	scalarValue
	arrayValue
	noValue // the object ends with the bone
)

const noBone = -1

// forget makes skeletons that know none.
func (s *skeletons) forget() {
	if s.bones == nil {
		s.bones = make([]bone, bodies)
	}
	s.bones = s.bones[:bodies]
	for i := range s.bones {
		s.bones[i] = bone{child: noBone, sibling: noBone}
	}
	s.unknown, s.missed, s.resting = 0, 0, 0
}

// bySkeleton reads the JSON object b[i:end] by a skeleton. If none fits it leaves the event and the
// members as they were.
func (sc *Scanner) bySkeleton(ev *Event, b []byte, i, end int, kind bodyKind) bool {
	s := &sc.skeletons
	if s.resting > 0 {
		s.resting--
		return false
	}
	if s.bones[kind].child == noBone {
		return false
	}
	m, members := ev.mark(), sc.members
	second, nanos, dated, zoneless := ev.lineSecond, ev.lineNanos, ev.dated, ev.zoneless
	if sc.walk(ev, b, i, end, int32(kind)) {
		s.missed = 0
		return true
	}
	ev.rewind(&m)
	sc.members = members
	ev.lineSecond, ev.lineNanos, ev.dated, ev.zoneless = second, nanos, dated, zoneless
	if s.missed++; s.missed == skeletonMiss {
		s.missed, s.resting = 0, skeletonRest
	}
	return false
}

// walk reads an object from bone to bone, as long as one comes next.
func (sc *Scanner) walk(ev *Event, b []byte, i, end int, at int32) bool {
	bones := sc.skeletons.bones
	for {
		child := bones[at].child
		if child == noBone {
			return false
		}
		n := &bones[child]
		next := i + int(n.size)
		p := (*[longestBone]byte)(b[i:])
		differ := (binary.LittleEndian.Uint64(p[:8])^n.words[0])&n.masks[0] |
			(binary.LittleEndian.Uint64(p[8:16])^n.words[1])&n.masks[1]
		if differ != 0 || n.size > 16 && !n.isLong(p) || next > end || n.value != textValue && !n.precedes(b[next]) {
			if n = sc.skeletons.next(at, b, i, end); n == nil {
				return false
			}
			child = bones[at].child
			next = i + int(n.size)
		}
		at, i = child, next
		switch n.value {
		case textValue:
			close, escaped := closingQuote(b, i, end)
			if close < 0 {
				return false
			}
			if n.key != 0 {
				sc.jsonMember(ev, b, i, close, escaped, n.key, n.top)
			}
			i = close
		case scalarValue:
			last := scalar(b, i)
			if last < 0 || last > end {
				return false
			}
			if n.key != 0 {
				sc.jsonScalar(ev, b, i, last, n.key)
			}
			i = last
		case arrayValue:
			last := skipNested(b, i, end)
			if last < 0 {
				return false
			}
			sc.jsonNested(ev, i, last, b[i], n.key, n.top)
			i = last
		case noValue:
			return spaces(b, i) >= end
		}
	}
}

// next gives the bone at b[i:end] after another, and puts it before its siblings.
func (s *skeletons) next(at int32, b []byte, i, end int) *bone {
	before := int32(noBone)
	for n := s.bones[at].child; n != noBone; n = s.bones[n].sibling {
		k := &s.bones[n]
		if k.is(b, i, end) {
			if before != noBone {
				s.bones[before].sibling = k.sibling
				k.sibling, s.bones[at].child = s.bones[at].child, n
			}
			return k
		}
		before = n
	}
	return nil
}

// is reports whether the bone is at b[i:end], with a value of its kind after it.
func (n *bone) is(b []byte, i, end int) bool {
	p := (*[longestBone]byte)(b[i:])
	differ := (binary.LittleEndian.Uint64(p[:8])^n.words[0])&n.masks[0] |
		(binary.LittleEndian.Uint64(p[8:16])^n.words[1])&n.masks[1]
	next := i + int(n.size)
	return differ == 0 && n.isLong(p) && next <= end && n.precedes(b[next])
}

// isLong is is of what comes after 16 bytes.
func (n *bone) isLong(p *[longestBone]byte) bool {
	return (binary.LittleEndian.Uint64(p[16:24])^n.words[2])&n.masks[2]|
		(binary.LittleEndian.Uint64(p[24:])^n.words[3])&n.masks[3] == 0
}

// precedes reports whether a value of the bone's kind can begin with c.
func (n *bone) precedes(c byte) bool {
	switch n.value {
	case scalarValue:
		return c != '"' && c != '{' && c != '['
	case arrayValue:
		return c == '['
	}
	return true
}

// begin remembers the object at i from now on.
func (s *skeletons) begin(i int, kind bodyKind) {
	s.at, s.from = int32(kind), i
	if s.unknown >= skeletonRelearn {
		s.forget()
	}
}

// trim makes room for one more bone after another: the one that matched longest ago may go.
func (s *skeletons) trim(at int32) {
	n := s.bones[at].child
	for i := 1; n != noBone; i++ {
		if i == mostSiblings-1 {
			s.bones[n].sibling = noBone
		}
		n = s.bones[n].sibling
	}
}

// learn remembers the bone up to b[i], before a value that ends before b[next].
func (s *skeletons) learn(b []byte, i, next, end int, value valueKind, key uint32, top bool) {
	if s.at == noBone {
		return
	}
	first, size := s.from, i-s.from
	s.from = next
	if size > longestBone {
		s.at = noBone
		return
	}
	if n := s.next(s.at, b, first, end); n != nil && n.value == value && int(n.size) == size {
		s.at = s.bones[s.at].child
		return
	}
	if len(s.bones) == maxBones {
		s.unknown++
		s.at = noBone
		return
	}
	s.trim(s.at)
	n := bone{size: int32(size), value: value, top: top, key: key, child: noBone, sibling: s.bones[s.at].child}
	for i := range n.words {
		n.masks[i] = lowBytes[max(0, min(8, size-8*i))]
		n.words[i] = load(b, first+8*i) & n.masks[i]
	}
	s.bones[s.at].child = int32(len(s.bones))
	s.at = int32(len(s.bones))
	s.bones = append(s.bones, n)
}
