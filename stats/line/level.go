package line

import "strings"

// isLevel reports whether a word is a level that loggers have, in capitals or not.
func isLevel(w []byte) bool {
	const shortest, longest = 3, 11
	if len(w) < shortest || len(w) > longest {
		return false
	}
	var lower [longest + 8]byte
	for i, c := range w {
		if class[c]&isLetter == 0 {
			return false
		}
		lower[i] = c | 0x20
	}
	_, ok := levelNames.find(lower[:], 0, len(w))
	return ok
}

var levelNames = func() *keyTable {
	names := map[string]uint32{}
	for name := range strings.FieldsSeq(`
		trace debug info notice warn warning err error crit critical alert emerg emergency fatal panic severe
		fine finer finest config verbose information system note log hint statement detail
		trc dbg inf wrn ftl vrb dpanic
		trac debu erro fata pani`) { // the last as logrus has them on terminals
		names[name] = 1
	}
	return newKeyTable(names)
}()
