package line

import "encoding/binary"

// A keyTable maps texts to small numbers. It is open-addressed by a text's
// first eight bytes, last eight bytes and length, so that a text of up to 16
// bytes is found by comparing three words.
type keyTable struct {
	shift   uint8
	begins  [64]uint32 // of texts of n bytes, or of 63 and more: bit c%32 for each first byte c
	entries []keyEntry
	texts   []string // of the entries
}

type keyEntry struct {
	first, last uint64
	size        uint32 // the length plus 1; 0: free
	value       uint32
}

// Odd constants with well mixed bits (xxHash64's primes).
const (
	prime1 = 0x9E3779B185EBCA87
	prime2 = 0xC2B2AE3D27D4EB4F
	prime3 = 0x165667B19E3779F9
)

// lowBytes masks the first n bytes of a little-endian word.
var lowBytes = [16]uint64{
	0, 1<<8 - 1, 1<<16 - 1, 1<<24 - 1, 1<<32 - 1, 1<<40 - 1, 1<<48 - 1, 1<<56 - 1,
	1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1,
}

// load gives the eight bytes at i as a little-endian word.
func load(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i : i+8]) }

// ends gives the first and the last eight bytes of b[start:end], which has
// eight bytes after it. A text of up to eight is the first alone.
func ends(b []byte, start, end int) (first, last uint64) {
	if n := end - start; n <= 8 {
		return load(b, start) & lowBytes[n&15], 0
	}
	return load(b, start), load(b, end-8)
}

// hash gives the place where a text is looked for first.
func (t *keyTable) hash(first, last uint64, size uint32) uint64 {
	return (first ^ last>>7 ^ uint64(size)<<56) * prime1 >> t.shift
}

// newKeyTable makes a table of which at most an eighth is taken, so that most
// texts that are not in it are known at the first look.
func newKeyTable(m map[string]uint32) *keyTable {
	bits := 3
	for 1<<bits < 8*len(m) {
		bits++
	}
	t := &keyTable{shift: uint8(64 - bits), entries: make([]keyEntry, 1<<bits), texts: make([]string, 1<<bits)}
	for text, v := range m {
		b := append([]byte(text), make([]byte, Padding)...)
		first, last := ends(b, 0, len(text))
		size := uint32(len(text) + 1)
		i := t.hash(first, last, size)
		for t.entries[i].size != 0 {
			i = (i + 1) % uint64(len(t.entries))
		}
		t.entries[i] = keyEntry{first, last, size, v}
		t.texts[i] = text
		if text == "" {
			t.begins[0] = 1<<32 - 1
		} else {
			t.begins[min(len(text), 63)] |= 1 << (text[0] % 32)
		}
	}
	return t
}

// find looks b[start:end] up, which has eight bytes after it.
func (t *keyTable) find(b []byte, start, end int) (uint32, bool) {
	n := end - start
	if t.begins[min(uint(n), 63)]>>(b[start]%32)&1 == 0 { // as of most texts that are not in it
		return 0, false
	}
	if n > 8 {
		return t.findLong(b, start, end)
	}
	first, size := load(b, start)&lowBytes[n&15], uint32(n+1)
	for i := t.hash(first, 0, size); i < uint64(len(t.entries)); i = (i + 1) & uint64(len(t.entries)-1) {
		e := &t.entries[i]
		if e.first == first && e.size == size {
			return e.value, true
		}
		if e.size == 0 {
			break
		}
	}
	return 0, false
}

func (t *keyTable) findLong(b []byte, start, end int) (uint32, bool) {
	first, last := ends(b, start, end)
	size := uint32(end - start + 1)
	for i := t.hash(first, last, size); i < uint64(len(t.entries)); i = (i + 1) & uint64(len(t.entries)-1) {
		e := &t.entries[i]
		if e.first == first && e.last == last && e.size == size && (size <= 17 || t.texts[i] == string(b[start:end])) {
			return e.value, true
		}
		if e.size == 0 {
			break
		}
	}
	return 0, false
}
