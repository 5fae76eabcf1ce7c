package web

import "strconv"

// A Recording is what is known of one that is read into the log by the server's own process.
type Recording struct {
	From, To int64   // the seconds of its first line, and of the last that was sent; 0: none was
	Read     float64 // which share of it has been read; 0 where that is not known
	Ended    bool    // all of it has been sent
}

// appendRecording appends the member "recording" of a message, with a comma before it, for as
// long as nothing comes after it:
// `,"recording":{"from":1764000000,"to":1764086399,"read":0.5,"ended":true}`.
func (h *Hub) appendRecording(b []byte) []byte {
	if h.recording == nil {
		return b
	}
	r := h.recording()
	if r.From == 0 || h.store.Newest() > r.To+h.store.definitions.Lateness+1 {
		return b
	}
	b = strconv.AppendInt(append(b, `,"recording":{"from":`...), r.From, 10)
	b = strconv.AppendInt(append(b, `,"to":`...), r.To, 10)
	if r.Read > 0 {
		b = strconv.AppendFloat(append(b, `,"read":`...), r.Read, 'f', 3, 64)
	}
	if r.Ended {
		b = append(b, `,"ended":true`...)
	}
	return append(b, '}')
}
