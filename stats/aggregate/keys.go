package aggregate

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"slices"
	"unicode/utf8"

	"pulse/stats/line"
)

// Kinds that keep something for each key (by.go, parts.go) share this file: how
// a line's key is made, how many keys a second has room for, and the table that
// they are in.

// maxKey is the greatest length of a key. A longer one is its beginning, an
// ellipsis and the hash of the whole in 16 hexadecimal digits, so that keys that
// begin alike stay apart.
const maxKey = 128

// Between the values of a key of several fields is keySeparator. One in a value
// itself is keyEscape and escapedSeparator, and a keyEscape there is two, so that
// different values have different keys.
const (
	keySeparator     = 0
	keyEscape        = 1
	escapedSeparator = 2
)

// capacity is how many keys a second has room for in a window of over seconds:
// 4,000 up to 75 s, then so many that a window has 300,000 at most, but 100 in
// any case. With about 200 bytes a key that bounds a window by 60 MB, or by
// 1.7 GB for one of 24 h whose every second is full of new keys.
func capacity(over int64) int {
	const (
		most, least = 4000, 100
		window      = 300_000
	)
	return int(min(max(window/over, least), most))
}

// A keyer makes the key of a line: the text of a field, or of several.
type keyer struct {
	fields []line.Slot
	buf    []byte
}

// key gives a line's key, which is valid until the next call and at most maxKey
// long; it is not ok if the line lacks one of the fields.
func (k *keyer) key(ev *line.Event) (key []byte, ok bool) {
	if len(k.fields) == 1 {
		if !ev.Has(k.fields[0]) {
			return nil, false
		}
		key = ev.Bytes(k.fields[0])
	} else {
		k.buf = k.buf[:0]
		for i, f := range k.fields {
			if !ev.Has(f) {
				return nil, false
			}
			if i > 0 {
				k.buf = append(k.buf, keySeparator)
			}
			k.buf = appendKeyValue(k.buf, ev.Bytes(f))
		}
		key = k.buf
	}
	if len(key) > maxKey {
		return k.shorten(key), true
	}
	return key, true
}

// A LineKey tells the key that a stat by some fields has for a line, as it is shown.
type LineKey struct{ keyer }

// NewLineKey makes one of the slots of fields.
func NewLineKey(fields ...line.Slot) *LineKey { return &LineKey{keyer{fields: fields}} }

// Is reports whether a line has a key, by its text.
func (k *LineKey) Is(ev *line.Event, text string) bool {
	key, ok := k.key(ev)
	return ok && keyText(string(key), len(k.fields)) == text
}

// AppendKey appends the key of a line whose fields have these values.
func AppendKey(b []byte, values ...string) []byte {
	if len(values) == 1 {
		return append(b, values[0]...)
	}
	for i, v := range values {
		if i > 0 {
			b = append(b, keySeparator)
		}
		b = appendKeyValue(b, []byte(v))
	}
	return b
}

// appendKeyValue appends a value to a key of several fields.
func appendKeyValue(b, value []byte) []byte {
	if bytes.IndexByte(value, keySeparator) < 0 && bytes.IndexByte(value, keyEscape) < 0 {
		return append(b, value...)
	}
	for _, c := range value {
		switch c {
		case keySeparator:
			b = append(b, keyEscape, escapedSeparator)
		case keyEscape:
			b = append(b, keyEscape, keyEscape)
		default:
			b = append(b, c)
		}
	}
	return b
}

const ellipsis = "…"

func (k *keyer) shorten(key []byte) []byte {
	n := maxKey - len(ellipsis) - 16
	for !utf8.RuneStart(key[n]) && n > maxKey/2 {
		n--
	}
	var sum [8]byte
	binary.BigEndian.PutUint64(sum[:], hashKey(key))
	k.buf = append(append(k.buf[:0], key[:n]...), ellipsis...)
	k.buf = hex.AppendEncode(k.buf, sum[:])
	return k.buf
}

// hashKey is a fixed hash of a key, after wyhash: the same in every process.
func hashKey(b []byte) uint64 {
	const p1, p2, p3 = 0x9e3779b97f4a7c15, 0xa0761d6478bd642f, 0xe7037ed1a0b428db
	mix := func(x, y uint64) uint64 {
		hi, lo := bits.Mul64(x, y)
		return hi ^ lo
	}
	h := uint64(len(b)) * p1
	for ; len(b) >= 8; b = b[8:] {
		h = mix(binary.LittleEndian.Uint64(b)^p2, h^p3)
	}
	var tail uint64
	for i, c := range b {
		tail |= uint64(c) << (8 * i)
	}
	return mix(mix(tail^p2, h^p3)^p1, p2)
}

// A keyTable has an entry for each of some keys: an open-addressed hash table
// over a slice of entries, with the keys' text in one piece. Reset keeps its
// memory, and what is in entries that are not used, for those to come.
type keyTable[T any] struct {
	entries []keyEntry[T]
	index   []int32 // of an entry, plus 1; a power of two, at most half full
	text    []byte
	spare   []byte // another text, to move it to
	order   []int32
}

type keyEntry[T any] struct {
	hash       uint64
	start, end int32 // of the key, in text
	value      T
}

func (t *keyTable[T]) key(e *keyEntry[T]) []byte { return t.text[e.start:e.end] }

// find returns the entry of a key, nil if there is none.
func (t *keyTable[T]) find(key []byte, hash uint64) *keyEntry[T] {
	if len(t.entries) == 0 {
		return nil
	}
	mask := uint64(len(t.index) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		n := t.index[i]
		if n == 0 {
			return nil
		}
		if e := &t.entries[n-1]; e.hash == hash && bytes.Equal(t.key(e), key) {
			return e
		}
	}
}

// add makes the entry of a key that has none. Its value is whatever a former
// entry left. It moves other entries.
func (t *keyTable[T]) add(key []byte, hash uint64) *keyEntry[T] {
	n := len(t.entries)
	if 2*(n+1) > len(t.index) {
		t.index = make([]int32, max(minSlots, 2*len(t.index)))
		t.reindex()
	}
	if n < cap(t.entries) {
		t.entries = t.entries[:n+1]
	} else {
		t.entries = append(t.entries, keyEntry[T]{})
	}
	e := &t.entries[n]
	e.hash, e.start = hash, int32(len(t.text))
	t.text = append(t.text, key...)
	e.end = int32(len(t.text))
	t.place(n)
	return e
}

func (t *keyTable[T]) place(n int) {
	mask := uint64(len(t.index) - 1)
	i := t.entries[n].hash & mask
	for t.index[i] != 0 {
		i = (i + 1) & mask
	}
	t.index[i] = int32(n + 1)
}

func (t *keyTable[T]) reindex() {
	clear(t.index)
	for n := range t.entries {
		t.place(n)
	}
}

// keep drops all entries but the first n in the order of compare, of equal ones
// those with the lesser hash, then key. It calls drop with each before it goes.
func (t *keyTable[T]) keep(n int, compare func(a, b *keyEntry[T]) int, drop func(e *keyEntry[T])) {
	if len(t.entries) <= n {
		return
	}
	const dropped = -1
	for _, i := range t.sorted(compare)[n:] {
		e := &t.entries[i]
		drop(e)
		e.start = dropped
	}
	// Those that stay move to the front, and their text to another place.
	t.spare = t.spare[:0]
	kept := 0
	for i := range t.entries {
		if t.entries[i].start == dropped {
			continue
		}
		t.entries[kept], t.entries[i] = t.entries[i], t.entries[kept]
		e := &t.entries[kept]
		key := t.key(e)
		e.start = int32(len(t.spare))
		t.spare = append(t.spare, key...)
		e.end = int32(len(t.spare))
		kept++
	}
	t.entries = t.entries[:kept]
	t.text, t.spare = t.spare, t.text
	t.reindex()
}

// sorted gives the entries' numbers in the order of compare, then of hashes and
// keys. It is valid until the next call.
func (t *keyTable[T]) sorted(compare func(a, b *keyEntry[T]) int) []int32 {
	t.order = t.order[:0]
	for i := range t.entries {
		t.order = append(t.order, int32(i))
	}
	slices.SortFunc(t.order, func(i, j int32) int {
		a, b := &t.entries[i], &t.entries[j]
		if c := compare(a, b); c != 0 {
			return c
		}
		if c := cmp.Compare(a.hash, b.hash); c != 0 {
			return c
		}
		return bytes.Compare(t.key(a), t.key(b))
	})
	return t.order
}

// byKey orders entries by their keys.
func (t *keyTable[T]) byKey(a, b *keyEntry[T]) int { return bytes.Compare(t.key(a), t.key(b)) }

func (t *keyTable[T]) reset() {
	if len(t.entries) > 0 {
		t.entries = t.entries[:0]
		t.text = t.text[:0]
		clear(t.index)
	}
}

// chunk reads bytes with their length before them, of at most limit.
func chunk(b []byte, limit uint64) (c, rest []byte, ok bool) {
	n, rest, ok := uvarint(b, min(limit, uint64(len(b))))
	if !ok || n > uint64(len(rest)) {
		return nil, nil, false
	}
	return rest[:n], rest[n:], true
}

func appendChunk(b, c []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(c))), c...)
}

// keyText is a key of so many fields as it is shown, in UTF-8. Different keys have
// different texts, whatever their bytes are:
//   - NUL, which is between fields, is a comma, and a comma in one of several
//     fields is `\,`;
//   - bytes that are not UTF-8, and the NUL of a field, are `\xff`;
//   - backslashes are doubled before any of these, and before an x, so that what
//     a field has itself does not pass for one of them.
func keyText(key string, fields int) string {
	several := fields > 1
	slashes := 0 // right before
	var b []byte
	for i := 0; i < len(key); {
		c := key[i]
		r, size := utf8.DecodeRuneInString(key[i:])
		hexed := r == utf8.RuneError && size == 1 || c == 0 && !several
		if several && c == keyEscape && i+1 < len(key) && (key[i+1] == keyEscape || key[i+1] == escapedSeparator) {
			// What stands for a NUL is shown as one; of two escapes one is.
			hexed = key[i+1] == escapedSeparator
			if hexed {
				c = 0
			}
			size = 2
		}
		if hexed || c == 'x' || several && (c == keySeparator || c == ',') {
			for range slashes {
				b = append(b, '\\')
			}
		}
		if c == '\\' {
			slashes++
		} else {
			slashes = 0
		}
		switch {
		case hexed:
			b = hex.AppendEncode(append(b, `\x`...), []byte{c})
		case several && c == keySeparator:
			b = append(b, ',')
		case several && c == ',':
			b = append(b, `\,`...)
		case size > 1 && c == keyEscape:
			b = append(b, c) // one of two
		default:
			b = append(b, key[i:i+size]...)
		}
		i += size
	}
	return string(b)
}
