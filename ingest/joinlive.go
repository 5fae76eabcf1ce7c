package ingest

import (
	"context"
	"sync"
	"time"

	"pulse/stats/line"
)

// joinMemory bounds the text of open events that the senders of one input share. Beyond
// it a sender's events end at once.
const joinMemory = 64 << 20

// A liveJoiner joins the lines of a source that come as they are written: an event also
// ends when nothing comes for a while. It hands over what has ended.
type liveJoiner struct {
	hand  func(lines []byte) error
	texts *budget // nil: no bound but the source's own

	mu     sync.Mutex
	lines  lineJoiner
	held   int // of the budget
	timer  *time.Timer
	failed error // what hand has answered to the timer
}

// live makes a liveJoiner of lines from an origin, which hands them to an input's take.
func (r Reading) live(ctx context.Context, from line.Origin, texts *budget, take func(context.Context, Batch) error) *liveJoiner {
	return &liveJoiner{lines: r.joiner(from), texts: texts, hand: func(lines []byte) error {
		return take(ctx, Batch{Lines: lines, Origin: from})
	}}
}

// add takes whole lines.
func (l *liveJoiner) add(lines []byte) error {
	if l.lines.rule == nil {
		return l.hand(lines)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	joined := l.lines.join(lines)
	if more := l.lines.size - l.held; l.texts != nil && more > 0 {
		if l.texts.take(more) {
			l.held = l.lines.size
		} else {
			joined = l.lines.appendAll(joined)
		}
	}
	l.settle()
	began := time.Now()
	err := l.give(joined)
	l.lines.waited(time.Since(began)) // what belongs to them may wait behind it
	l.wake()
	return err
}

// give hands over what is not nothing.
func (l *liveJoiner) give(joined []byte) error {
	if l.failed != nil || len(joined) == 0 {
		return l.failed
	}
	return l.hand(joined)
}

// wake sees to it that what is open ends.
func (l *liveJoiner) wake() {
	if len(l.lines.open) > 0 && l.timer == nil {
		l.timer = time.AfterFunc(eventTime, l.expire)
	}
}

func (l *liveJoiner) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer == nil {
		return // it has ended
	}
	l.timer = nil
	if err := l.give(l.lines.expired()); l.failed == nil {
		l.failed = err
	}
	l.settle()
	l.wake()
}

// settle gives back what is not held any more.
func (l *liveJoiner) settle() {
	if l.texts != nil {
		l.texts.give(l.held - l.lines.size)
		l.held = l.lines.size
	}
}

// end takes the last lines, and hands all over.
func (l *liveJoiner) end(lines []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	err := l.give(l.lines.rest(lines))
	l.settle()
	return err
}
