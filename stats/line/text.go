package line

// textFormat is that of lines which are kept as they are. Any line would be in
// it, so that it must be named.
var textFormat = &Format{
	Name:  "text",
	Doc:   []FormatDoc{{"text", "any line, where `format: text` says so", "none but `line` and `msg`, and no time"}},
	named: true,
	asIs:  true,
	line: func(sc *Scanner, ev *Event, b []byte, start, end int) bool {
		ev.put(sc.schema.at[ofMsg], start, end, asText)
		return true
	},
}
