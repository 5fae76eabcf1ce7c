package web

import (
	"context"

	"pulse/stats"
	"pulse/stats/program"
	"pulse/topics"
	"pulse/topics/incident"
)

// rawLog opens a topic of raw records, to be read by the seconds at which lines count.
type rawLog struct {
	cluster topicReader
	look    func(context.Context, *topics.Admin) (*topics.RawLog, error)
}

// liveLog is what Kafka keeps of the log.
func liveLog(c topics.Cluster, n topics.Names, d *stats.Definitions) rawLog {
	return rawLog{topicReader{cluster: c}, func(ctx context.Context, a *topics.Admin) (*topics.RawLog, error) {
		return a.RawLog(ctx, n.Raw(), d.Lateness)
	}}
}

// keptLog is what an incident keeps of the log.
func keptLog(c topics.Cluster, n topics.Names, id string, d *stats.Definitions) rawLog {
	return rawLog{topicReader{cluster: c}, func(ctx context.Context, a *topics.Admin) (*topics.RawLog, error) {
		return incident.Log(ctx, a, n, id, d.Lateness)
	}}
}

// An openLog is the log as it was when it was opened.
type openLog struct {
	*topics.RawLog
	admin *topics.Admin
}

// open connects, and looks how far the log goes. What it gives is to be closed.
func (l *rawLog) open(ctx context.Context) (*openLog, error) {
	admin, err := l.cluster.admin()
	if err != nil {
		return nil, err
	}
	log, err := l.look(ctx, admin)
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
	return p.Pack(p.Record.Value, -1)
}
