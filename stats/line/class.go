package line

// Classes of bytes, so that a loop over a word is one look-up a byte. The
// bytes that end a line (LF, CR, NUL after the end) are in none of them.
const (
	inKey    = 1 << iota // of a Pulse attribute: letters, digits, _ - .
	inValue              // of a Pulse attribute: inKey, / and :
	inSource             // inKey and /
	inSlot               // letters, digits, _ and -
	isAlnum              // letters and digits
	isLetter             //
	inPlain              // of a logfmt key: all above the space but = and "
	isEscape             //
)

var class = func() (class [256]uint8) {
	for c := range class {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9'
		switch {
		case letter:
			class[c] = inKey | inValue | inSource | inSlot | isAlnum | isLetter
		case digit:
			class[c] = inKey | inValue | inSource | inSlot | isAlnum
		case c == '_' || c == '-':
			class[c] = inKey | inValue | inSource | inSlot
		case c == '.':
			class[c] = inKey | inValue | inSource
		case c == '/':
			class[c] = inValue | inSource
		case c == ':':
			class[c] = inValue
		}
		if c == escape {
			class[c] = isEscape
		}
		if c > ' ' && c != '=' && c != '"' {
			class[c] |= inPlain
		}
	}
	return class
}()
