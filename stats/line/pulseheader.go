package line

import "pulse/stats/fixed"

// A pulseHeader is what a Pulse line has between its host and its message, with what that
// gives the line: programs write a few of them over and over, so that most are known by
// their bytes. Only those are kept whose bytes alone decide how they are read.
type pulseHeader struct {
	size, source   uint8 // of the text, and where in it the source is
	fields, coded  uint8
	nginx, varnish bool
	numbered       int16 // the field whose value is known to be a number; -1: none
	text           [longestHeader]byte
	slots          [headerFields]uint16
	codes          [headerFields]Code
	values         [headerFields]value // with positions in the text
	codeHash       uint64              // if there are no codes before them
	low            uint64              // the bits of the slots below 64, as most are
	number         fixed.Number        // that of the field numbered
}

// Bounds of the headers that a scanner remembers.
const (
	shortestHeader = 48 // what is looked at to find one
	longestHeader  = 72
	headerFields   = 6 // level, source, ps, slot, instance_id and cloud
	headerBits     = 9 // of a hash
	maxHeaders     = 1 << headerBits
	headerMiss     = 32   // lines in a row whose headers are not known, after which none is looked for
	headerRest     = 4096 // in so many lines
	headerRelearn  = 1 << 14
)

// headers are those that came first, and where they are by a hash of their first bytes.
type headers struct {
	kept    []pulseHeader
	places  [maxHeaders][2]uint16 // 1 + the positions in kept, that which came last first
	missed  int                   // lines in a row
	resting int
	unknown int // headers for which there was no room
}

// find gives the header at b[i:end], which are shortestHeader bytes or more, nil if it is not
// known, and the place where it is to be kept.
func (hs *headers) find(b []byte, i, end int) (h *pulseHeader, place int) {
	// All begin with a facility.
	p := (*[shortestHeader]byte)(b[i:])
	x := fold(load(p[:], 8)^prime2, load(p[:], 16)^prime3) ^ fold(load(p[:], 24)^prime1, load(p[:], 32)^prime2) ^ load(p[:], 40)
	place = int(x * prime1 >> (64 - headerBits))
	at := &hs.places[place]
	if n := int(at[0]) - 1; uint(n) < uint(len(hs.kept)) && hs.kept[n].is(b, i, end) {
		hs.missed = 0
		return &hs.kept[n], place
	}
	if n := int(at[1]) - 1; uint(n) < uint(len(hs.kept)) && hs.kept[n].is(b, i, end) {
		at[0], at[1] = at[1], at[0]
		hs.missed = 0
		return &hs.kept[n], place
	}
	if hs.missed++; hs.missed == headerMiss {
		hs.missed, hs.resting = 0, headerRest
	}
	return nil, place
}

// is reports whether the header is at b[i:end], which are shortestHeader bytes or more.
func (h *pulseHeader) is(b []byte, i, end int) bool {
	n := int(h.size)
	p, q := (*[shortestHeader]byte)(b[i:]), (*[shortestHeader]byte)(h.text[:])
	differ := (load(p[:], 0) ^ load(q[:], 0)) | (load(p[:], 8) ^ load(q[:], 8)) | (load(p[:], 16) ^ load(q[:], 16)) |
		(load(p[:], 24) ^ load(q[:], 24)) | (load(p[:], 32) ^ load(q[:], 32)) | (load(p[:], 40) ^ load(q[:], 40))
	return differ == 0 && n <= end-i && string(b[i+shortestHeader:i+n]) == string(h.text[shortestHeader:n])
}

// put gives the event what the header at i gives.
func (h *pulseHeader) put(ev *Event, i int) {
	for k := range int(h.fields) % (headerFields + 1) {
		s := h.slots[k] % MaxFields
		ev.values[s] = h.values[k] + value(i)<<startShift
		if s >= 64 {
			ev.present[s/64] |= 1 << (s % 64)
		}
	}
	ev.present[0] |= h.low
	if h.numbered >= 0 {
		ev.numbers[h.numbered] = h.number
	}
	if ev.coded == 0 {
		*(*[headerFields]Code)(ev.codes[:]) = h.codes
		ev.coded, ev.codeHash = int(h.coded), h.codeHash
		return
	}
	for _, c := range h.codes[:h.coded] {
		ev.push(c)
	}
}

// keep remembers the header b[i:end], which gave what the event has, with codes from a
// position on.
func (sc *Scanner) keep(ev *Event, b []byte, i, end, place, coded int, source int, w *who) {
	hs := &sc.headers
	if end-i < shortestHeader || end-i > longestHeader || ev.overflow || ev.coded-coded > headerFields {
		return
	}
	if len(hs.kept) == maxHeaders {
		if hs.unknown++; hs.unknown < headerRelearn {
			return
		}
		hs.forget()
	}
	h := pulseHeader{size: uint8(end - i), source: uint8(source - i), nginx: w.nginx, varnish: w.varnish, numbered: int16(None)}
	copy(h.text[:], b[i:end])
	for _, f := range [headerFields]given{ofLevel, ofSource, ofPs, ofSlot, ofInstance, ofCloud} {
		s := sc.schema.at[f]
		if !ev.Has(s) {
			continue
		}
		v := ev.values[s]
		if first, last := v.bounds(); v>>textShift&3 != 0 || first < i || last > end { // an outer line's
			continue
		}
		if v&isNumber != 0 {
			if h.numbered >= 0 {
				return
			}
			h.numbered, h.number = int16(s), ev.numbers[s]
		}
		h.slots[h.fields], h.values[h.fields] = uint16(s), v-value(i)<<startShift
		h.fields++
		if s < 64 {
			h.low |= 1 << s
		}
	}
	h.coded = uint8(copy(h.codes[:], ev.codes[coded:ev.coded]))
	for _, c := range h.codes[:h.coded] {
		h.codeHash = hashCode(h.codeHash, c)
	}
	hs.kept = append(hs.kept, h)
	hs.places[place] = [2]uint16{uint16(len(hs.kept)), hs.places[place][0]}
}

// forget makes headers that know none.
func (hs *headers) forget() { *hs = headers{kept: hs.kept[:0]} }
