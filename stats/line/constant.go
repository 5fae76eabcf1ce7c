package line

// Texts that lines mean without having them: where they are in constantText.
type constant struct{ start, end int }

var (
	constantText []byte

	trueText   = newConstant("true")
	falseText  = newConstant("false")
	severities = newConstants("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
	errorText  = newConstant("error")
	fatalText  = newConstant("fatal")
	facilities = newConstants("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news",
		"uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7")
	_ = pad()
)

func newConstant(text string) constant {
	start := len(constantText)
	constantText = append(constantText, text...)
	return constant{start, len(constantText)}
}

func newConstants(texts ...string) []constant {
	cs := make([]constant, len(texts))
	for i, t := range texts {
		cs[i] = newConstant(t)
	}
	return cs
}

// pad gives the last constant the bytes after it that every value has.
func pad() bool {
	constantText = append(constantText, make([]byte, Padding)...)
	return true
}
