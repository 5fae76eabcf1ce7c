package line

import (
	"encoding/binary"
	"math/bits"
)

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
	roots   [bodies]bone
	bones   int // besides them
	missed  int // objects in a row
	resting int
	unknown int      // objects for which there was no room
	found   []extent // the values of the object that is read
	last    *bone    // with which the object ends that was read; nil: it is not remembered

	// Of habits.
	studied int    // objects until the next one is studied
	often   int    // so many are studied soon one after another
	steps   []step // of the one that is studied

	// While nested reads an object that no skeleton fits:
	at   *bone // the last bone; nil: it is not remembered
	from int   // where the next begins
}

// An extent is where a value is that is wanted, and the bone before it.
type extent struct {
	start, end int
	bone       *bone
	is         int // its ID, if it is known; else isVerbatim or isEscaped
}

const (
	isVerbatim = -1
	isEscaped  = -2
)

// A bone is the text between two values, of up to 32 bytes, and what the second one is.
type bone struct {
	words, masks [longestBone / 8]uint64 // the text, and which of its bytes count
	size         int32
	key          uint32
	child        *bone // the bones after it, that which came last first; nil: there are none yet
	sibling      *bone // the next of the bones after the same one
	habit        habit // of the value
	path         *path // nil: the value has not been a habit yet
	value        valueKind
	top          bool // the value is a member of the object itself
	asked        bool // whether isAllText was asked of the objects that end with it
	allText      bool // what it said
}

// A valueKind is what comes after a bone.
type valueKind uint8

const (
	textValue valueKind = iota // the bone has its quote
	scalarValue
	arrayValue
	noValue // the object ends with the bone
)

// forget makes skeletons that know none.
func (s *skeletons) forget() {
	s.roots = [bodies]bone{}
	s.bones, s.unknown, s.missed, s.resting = 0, 0, 0, 0
}

// bySkeleton reads the JSON object b[i:end] by a skeleton. If none fits it leaves the event and the
// members as they were.
func (sc *Scanner) bySkeleton(ev *Event, b []byte, i, end int, kind bodyKind) bool {
	s := &sc.skeletons
	if s.resting > 0 {
		s.resting--
		return false
	}
	root := &s.roots[kind]
	if root.child == nil {
		return false
	}
	sc.stops.find(b, i, end, jsonClasses)
	if !s.walk(b, i, end, root, &sc.stops) {
		if s.missed++; s.missed == skeletonMiss {
			s.missed, s.resting = 0, skeletonRest
		}
		return false
	}
	s.missed = 0
	if s.studied--; s.studied <= 0 {
		sc.study(ev, b, i, end, root)
	}
	for i := range s.found {
		f := &s.found[i]
		n := f.bone
		if f.is >= 0 {
			ev.putID(keySlot(n.key), f.start, f.end, n.flags(), ID(f.is))
			continue
		}
		if n.key&^slotMask == 0 && n.value == textValue && f.is == isVerbatim { // as most are
			ev.set(keySlot(n.key), f.start, f.end, asText|units|exponents)
			continue
		}
		switch n.value {
		case textValue:
			sc.jsonMember(ev, b, f.start, f.end, f.is == isEscaped, n.key, n.top)
		case scalarValue:
			sc.jsonScalar(ev, b, f.start, f.end, n.key)
		default:
			sc.jsonNested(ev, f.start, f.end, b[f.start], n.key, n.top)
		}
	}
	return true
}

// walk finds the values of an object that are wanted, from bone to bone, as long as one comes next.
func (s *skeletons) walk(b []byte, i, end int, at *bone, ends *stops) bool {
	found := s.found[:0]
	for {
		n := at.child
		if n == nil {
			return false
		}
		next := i + int(n.size)
		p := (*[longestBone]byte)(b[i:])
		differ := (binary.LittleEndian.Uint64(p[:8])^n.words[0])&n.masks[0] |
			(binary.LittleEndian.Uint64(p[8:16])^n.words[1])&n.masks[1]
		if differ != 0 || n.size > 16 && !n.isLong(p) || next > end || n.value != textValue && !n.precedes(b[next]) {
			if n = at.next(b, i, end); n == nil {
				return false
			}
			next = i + int(n.size)
		}
		for p := n.path; p != nil && next+p.size <= end && p.is(b, next); p = n.path {
			if p.last.value != textValue && !p.last.precedes(b[next+p.size]) {
				break
			}
			for k := range p.values {
				v := &p.values[k]
				found = append(found, extent{next + v.start, next + v.end, v.bone, v.is})
			}
			n, next = p.last, next+p.size
		}
		at, i = n, next
		is := isVerbatim
		switch n.value {
		case textValue:
			first := i
			if i += bits.TrailingZeros64(^ends.in(ends.first, i)); i == first && !hasStops {
				i = textEnd(b, i)
			}
			if i >= end || b[i] != '"' {
				escaped := false
				if i, escaped = closingQuote(b, i, end); i < 0 {
					return false
				}
				if escaped {
					is = isEscaped
				}
			}
		case scalarValue:
			if i = scalarEnd(b, i); i < 0 || i > end {
				return false
			}
		case arrayValue:
			if i = skipNested(b, i, end); i < 0 {
				return false
			}
		case noValue:
			s.found, s.last = found, n
			return spaces(b, i) >= end
		}
		if n.key != 0 {
			found = append(found, extent{next, i, n, is})
		}
	}
}

// next gives the bone at b[i:end] after n, and puts it before its siblings.
func (n *bone) next(b []byte, i, end int) *bone {
	var before *bone
	for k := n.child; k != nil; k = k.sibling {
		if k.is(b, i, end) {
			if before != nil {
				before.sibling = k.sibling
				k.sibling, n.child = n.child, k
			}
			return k
		}
		before = k
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
	if s.unknown >= skeletonRelearn {
		s.forget()
	}
	s.at, s.from = &s.roots[kind], i
}

// trim makes room for one more bone after n: the one that matched longest ago may go.
func (n *bone) trim() {
	k := n.child
	for i := 1; k != nil; i++ {
		if i == mostSiblings-1 {
			k.sibling = nil
		}
		k = k.sibling
	}
}

// learn remembers the bone up to b[i], before a value that ends before b[next].
func (s *skeletons) learn(b []byte, i, next, end int, value valueKind, key uint32, top bool) {
	if s.at == nil {
		return
	}
	first, size := s.from, i-s.from
	s.from = next
	if size > longestBone {
		s.at = nil
		return
	}
	if n := s.at.next(b, first, end); n != nil && n.value == value && int(n.size) == size {
		s.at = n
		return
	}
	if s.bones == maxBones {
		s.unknown++
		s.at = nil
		return
	}
	s.at.trim()
	s.bones++
	s.studied, s.often = studyEach, studyOften
	n := &bone{size: int32(size), value: value, top: top, key: key, sibling: s.at.child}
	for i := range n.words {
		n.masks[i] = lowBytes[max(0, min(8, size-8*i))]
		n.words[i] = load(b, first+8*i) & n.masks[i]
	}
	s.at.child, s.at = n, n
}

// end remembers how the object ends, before b[i].
func (s *skeletons) end(b []byte, i, end int) {
	s.learn(b, i, i, end, noValue, 0, false)
	s.last = s.at
}

// isAllText is isAllText of the object at i that was read just now: that depends on its
// skeleton alone.
func (s *skeletons) isAllText(b []byte, i int) bool {
	n := s.last
	if n == nil {
		return isAllText(b, i)
	}
	if !n.asked {
		n.asked, n.allText = true, isAllText(b, i)
	}
	return n.allText
}
