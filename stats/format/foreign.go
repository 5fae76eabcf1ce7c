package format

import "strings"

// What other programs' layouts of time have for the parts of Go's: strftime's, and those
// of Java's DateTimeFormatter, Moment.js and the like.
var (
	strftime = strings.NewReplacer(
		"%Y", "2006", "%y", "06", "%m", "01", "%b", "Jan", "%B", "January", "%d", "02", "%e", "_2", "%a", "Mon", "%A", "Monday",
		"%H", "15", "%I", "03", "%M", "04", "%S", "05", "%p", "PM", "%z", "-0700",
		"%F", "2006-01-02", "%T", "15:04:05", "%f", "000000", "%3N", "000", "%L", "000")
	letters = strings.NewReplacer(
		"yyyy", "2006", "YYYY", "2006", "yy", "06", "YY", "06", "MMMM", "January", "MMM", "Jan", "MM", "01",
		"EEEE", "Monday", "EEE", "Mon", "dd", "02", "DD", "02", "HH", "15", "hh", "03", "mm", "04", "ss", "05",
		"SSSSSS", "000000", "SSS", "000", "XXX", "-07:00", "xxx", "-07:00", "ZZ", "-0700", "Z", "-0700", "a", "PM", "'", "")
)

// translated gives the layout of Go's that another program's means, "" if there is none.
func translated(text string) string {
	translate := letters
	if strings.Contains(text, "%") {
		translate = strftime
	}
	layout := translate.Replace(text)
	if layout == text || strings.Contains(layout, "%") {
		return ""
	}
	if _, err := ParseLayout(layout); err != nil {
		return ""
	}
	return layout
}
