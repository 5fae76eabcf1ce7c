package web

import (
	"context"

	"pulse/stats/program"
	"pulse/topics"
)

// rawLog reads the topic of raw records by the seconds at which lines count.
type rawLog struct {
	topicReader
	lateness int64
}

// An openLog is the log as it was when it was opened.
type openLog struct {
	*topics.RawLog
	admin *topics.Admin
}

// open connects, and looks how far the log goes. What it gives is to be closed.
func (l *rawLog) open(ctx context.Context) (*openLog, error) {
	admin, err := l.admin()
	if err != nil {
		return nil, err
	}
	log, err := admin.RawLog(ctx, l.topic, l.lateness)
	if err != nil {
		admin.Close()
		return nil, err
	}
	return &openLog{log, admin}, nil
}

// Close ends the connection.
func (o *openLog) Close() { o.admin.Close() }

// packOf is a pack as programs read it.
func packOf(p topics.RawPack) program.Pack {
	return program.Pack{Lines: p.Record.Value, Second: p.Second(), Floor: p.Second(), Map: p.Map, Runs: p.Runs(), Recorded: p.Recorded()}
}
