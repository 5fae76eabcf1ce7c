package ingest

import (
	"bytes"
	"errors"
	"fmt"
)

// maxCount is the greatest octet count of a frame that is believed. A frame over
// line.MaxLen is one line that is too long to be read.
const maxCount = 1 << 20

// errFrames is what is wrong with octet-counted frames.
var errFrames = errors.New("not octet-counted frames")

// octetCount reads the count before a frame and the space after it (RFC 6587,
// 3.4.1). It returns how many bytes these take up, 0 if there are too few to
// tell, or an error if they can never be a count.
func octetCount(b []byte) (count, size int, err error) {
	for i, c := range b {
		switch {
		case c == ' ' && i > 0:
			return count, i + 1, nil
		case c == '0' && i == 0:
			return 0, 0, leadingZero(b)
		case c < '0' || c > '9':
			return 0, 0, fmt.Errorf("%w: %.20q is not a frame length", errFrames, b)
		}
		if count = count*10 + int(c-'0'); count > maxCount {
			return 0, 0, fmt.Errorf("%w: a frame is longer than %d bytes", errFrames, maxCount)
		}
	}
	return 0, 0, nil
}

// leadingZero is why a count is refused that begins with 0, as RFC 6587 forbids: who
// writes one may mean another number than is read.
func leadingZero(b []byte) error {
	return fmt.Errorf("%w: the frame length in %.20q begins with 0", errFrames, b)
}

// appendFrame appends a frame's text to lines as one line, whatever it holds: what
// ends it is left away, and a line feed within is a space, so that no sender
// can make two lines of one. A frame without text is not a line.
func appendFrame(lines, frame []byte) []byte {
	frame = bytes.TrimRight(frame, "\r\n\x00")
	if len(frame) == 0 {
		return lines
	}
	start := len(lines)
	lines = append(lines, frame[:min(len(frame), maxLine)]...)
	for text := lines[start:]; ; {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			return append(lines, '\n')
		}
		text[i] = ' '
		text = text[i+1:]
	}
}

// unframe takes a body of octet-counted frames apart. The lines are in the memory
// of the body.
func unframe(body []byte) (lineSet, error) {
	set := lineSet{lines: body[:0]}
	for len(body) > 0 {
		count, size, err := octetCount(body)
		if err != nil {
			return lineSet{}, err
		}
		if size == 0 || len(body)-size < count {
			return lineSet{}, fmt.Errorf("%w: the last frame is cut off", errFrames)
		}
		frame := body[size : size+count]
		set.lost += dropped(frame)
		set.frames++
		// A frame is longer with its count than as a line.
		before := len(set.lines)
		set.lines = appendFrame(set.lines, frame)
		if len(set.lines) > before {
			set.count++
		}
		body = body[size+count:]
	}
	return set, nil
}

// dropped is the number of messages that a frame says Logplex has dropped:
//
//	<172>1 2012-07-04T18:23:40+00:00 host heroku logplex - Error L10 (output buffer overflow): 7 messages dropped since …
func dropped(frame []byte) int64 {
	end := bytes.Index(frame, []byte(" messages dropped"))
	if end < 0 {
		return 0
	}
	header := bytes.SplitN(frame[:end], []byte{' '}, 6)
	if len(header) < 6 || string(header[3]) != "heroku" && string(header[3]) != "logplex" || string(header[4]) != "logplex" {
		return 0
	}
	start := end
	for start > 0 && end-start < 9 && frame[start-1]-'0' <= 9 {
		start--
	}
	n := int64(0)
	for _, c := range frame[start:end] {
		n = n*10 + int64(c-'0')
	}
	return n
}
