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

// letterLevel gives the level that a letter stands for, as in glog, MongoDB and etcd.
func letterLevel(c byte) (level constant, ok bool) {
	switch c {
	case 'F':
		return fatalText, true
	case 'C':
		return severities[2], true
	case 'E':
		return errorText, true
	case 'W':
		return severities[4], true
	case 'N':
		return severities[5], true
	case 'I':
		return severities[6], true
	case 'D', 'T':
		return severities[7], true
	}
	return constant{}, false
}

func isLetterLevel(c byte) bool {
	_, ok := letterLevel(c)
	return ok
}

var levelNames = func() *keyTable {
	names := map[string]uint32{}
	for name := range strings.FieldsSeq(`
		trace debug info notice warn warning err error crit critical alert emerg emergency fatal panic severe
		fine finer finest config verbose information system note log hint statement detail
		fail dbug trce
		trc dbg inf wrn ftl vrb dpanic
		trac debu erro fata pani`) { // the last as logrus has them on terminals
		names[name] = 1
	}
	return newKeyTable(names)
}()
