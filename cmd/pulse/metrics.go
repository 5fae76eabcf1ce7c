package main

import (
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"pulse/ingest"
	"pulse/processors"
	"pulse/processors/merger"
	"pulse/processors/receiver"
	"pulse/stats/timing"
	"pulse/topics"
	"pulse/topics/broker"
)

// A metrics is what a process shows at /metrics: of itself, and of the roles
// that it has. docs/operate.md lists the names.
type metrics struct{ *prometheus.Registry }

func newMetrics() metrics { return metrics{prometheus.NewRegistry()} }

// process shows what every process does.
func (m metrics) process() {
	m.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	b := thisBuild()
	m.info("pulse_build_info", "Always 1; the labels say what this process was built from.", prometheus.Labels{"version": b.version, "revision": b.revision, "goversion": b.release})
}

// version shows what the roles of a process work by.
func (m metrics) version(version string) {
	m.info("pulse_info", "Always 1; the label is the definitions version that this process works by.", prometheus.Labels{"version": version})
}

// info shows labels.
func (m metrics) info(name, help string, labels prometheus.Labels) {
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels})
	info.Set(1)
	m.MustRegister(info)
}

// counter shows what only grows, gauge what may shrink too.
func (m metrics) counter(name, help string, value func() int64) {
	m.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) }))
}

func (m metrics) gauge(name, help string, value func() float64) {
	m.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// labeled are metrics that one of several has, an input say.
type labeled struct {
	metrics
	labels prometheus.Labels
}

func (m labeled) counter(name, help string, value *atomic.Int64) {
	m.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: m.labels},
		func() float64 { return float64(value.Load()) }))
}

func (m labeled) gauge(name, help string, value *atomic.Int64) {
	m.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: m.labels},
		func() float64 { return float64(value.Load()) }))
}

// receiver shows what a receiver does.
func (m metrics) receiver(r *receiver.Receiver) {
	n := r.Metrics()
	m.processor("pulse_receiver", r.Processor, "clock_timestamp_seconds",
		"The clock of a partition of events.raw, Unix time: everything before it has been rolled up.", &n.Clocks)
	m.counter("pulse_receiver_ticks_total", "Ticks that ended a segment.", n.Ticks.Load)
	m.counter("pulse_receiver_lines_total", "Lines read. Lines processed again after a restart count again.", n.Lines.In.Load)
	m.counter("pulse_receiver_line_bytes_total", "Bytes of these lines.", n.Lines.Bytes.Load)
	m.counter("pulse_receiver_late_lines_total", "Lines whose second was already final; they are not counted in any stat.", n.Lines.Late.Load)
	m.counter("pulse_receiver_unreadable_lines_total", "Lines over 64 KiB, or in records that are not packs; they are not counted in any stat.", n.Lines.Unreadable.Load)
	m.counter("pulse_receiver_ahead_lines_total", fmt.Sprintf("Lines more than %d s ahead of their record; they count at its second.", timing.LineAhead), n.Lines.Ahead.Load)
	m.counter("pulse_receiver_undated_lines_total", "Lines without a time; they count at their record's second.", n.Lines.Undated.Load)
	m.counter("pulse_receiver_unparsed_lines_total", "Lines of no known format.", n.Lines.Unparsed.Load)
	m.counter("pulse_receiver_half_understood_lines_total", "Lines with a header whose message gave no field, and JSON whose text is all in one member.", n.Lines.Half.Load)
	m.counter("pulse_receiver_refused_records_total", "Records of another recording or live stream, and ticks for another number of partitions; they are ignored.", n.Refused.Load)
	m.counter("pulse_receiver_undecodable_records_total", "Records that are not packs.", n.Undecodable.Load)
	m.counter("pulse_receiver_lost_records_total", "Offsets that Kafka's retention deleted before they were read.", n.Lost.Load)
}

// merger shows what a merger does.
func (m metrics) merger(r *merger.Merger) {
	n := r.Metrics()
	m.processor("pulse_merger", r.Processor, "closed_timestamp_seconds",
		"The last second that has closed in a partition of the fragments topic, Unix time.", &n.Closed)
	m.MustRegister(n.Delay)
	m.counter("pulse_merger_snapshots_total", "Snapshots published.", n.Snapshots.Load)
	m.counter("pulse_merger_beyond_segments_total", "Segments with lines that are more than a day ahead of all clocks, which are in no stat.", n.Beyond.Load)
	m.counter("pulse_merger_dropped_segments_total", "Segments whose fragments were dropped since no cover ended them.", n.Dropped.Load)
	m.counter("pulse_merger_incomplete_segments_total", "Segments that were incomplete; their receiver emits them again.", n.Incomplete.Load)
	m.counter("pulse_merger_bad_records_total", "Records of the fragments topic that Pulse did not write; they are skipped.", n.Bad.Load)
	m.counter("pulse_merger_lost_segments_total", "Segments whose raw records Kafka's retention deleted; their seconds are unknown.", n.Lost.Load)
}

// processor shows what receivers and mergers have in common, and the second that
// each of its partitions has come to.
func (m metrics) processor(prefix string, p *processors.Processor, second, help string, seconds *[topics.MaxPartitions]atomic.Int64) {
	m.counter(prefix+"_sessions_total", "Sessions of the consumer group: one more with each rebalance.", p.Sessions)
	m.counter(prefix+"_failures_total", "Errors after which the processor retried.", p.Failures)
	m.gauge(prefix+"_ready", "Whether the consumer group has assigned partitions to this process.", func() float64 {
		if p.Ready() {
			return 1
		}
		return 0
	})
	partition := []string{"partition"}
	m.MustRegister(&partitions{
		processor: p, seconds: seconds,
		second: prometheus.NewDesc(prefix+"_"+second, help, partition, nil),
		lag:    prometheus.NewDesc(prefix+"_lag_records", "Records of a partition not processed yet, as of the last fetch.", partition, nil),
	})
}

// partitions shows the partitions that a processor owns, and no others.
type partitions struct {
	processor   *processors.Processor
	seconds     *[topics.MaxPartitions]atomic.Int64
	second, lag *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *partitions) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.second
	ch <- c.lag
}

// Collect implements prometheus.Collector.
func (c *partitions) Collect(ch chan<- prometheus.Metric) {
	for _, claim := range c.processor.Claims() {
		label := strconv.Itoa(int(claim.Partition))
		if second := c.seconds[claim.Partition].Load(); second > 0 {
			ch <- prometheus.MustNewConstMetric(c.second, prometheus.GaugeValue, float64(second), label)
		}
		if claim.Lag >= 0 {
			ch <- prometheus.MustNewConstMetric(c.lag, prometheus.GaugeValue, float64(claim.Lag), label)
		}
	}
}

// broker shows what the embedded broker refuses.
func (m metrics) broker(b *broker.Broker) {
	n := b.Counts()
	m.counter("pulse_broker_refused_connections_total", "Connections closed because they sent something that is not a Kafka request, or a request for too much.", n.Refused.Load)
	m.counter("pulse_broker_crowded_connections_total", "Connections closed because there were too many.", n.Crowded.Load)
	m.counter("pulse_broker_idle_connections_total", "Connections closed because their client sent nothing for 10 minutes, or stopped within a request or an answer for 30 s.", n.Idle.Load)
}

// producer shows what an ingester does.
func (m metrics) producer(p interface{ Metrics() ingest.ProducerMetrics }) {
	m.counter("pulse_ingest_records_total", "Records that Kafka has acknowledged, ticks among them.", func() int64 { return p.Metrics().Records })
	m.counter("pulse_ingest_lines_total", "Lines that Kafka has acknowledged.", func() int64 { return p.Metrics().Lines })
	m.counter("pulse_ingest_bytes_total", "Bytes of packs that Kafka has acknowledged.", func() int64 { return p.Metrics().Bytes })
	m.counter("pulse_ingest_refused_records_total", "Records that Kafka rejected for good. The first one ends the ingester.", func() int64 { return p.Metrics().Refused })
	m.gauge("pulse_ingest_waiting_records", "Records that Kafka has not acknowledged.", func() float64 { return float64(p.Metrics().Waiting) })
	m.gauge("pulse_ingest_waiting_bytes", "Bytes of packs that Kafka has not acknowledged; at 64 MiB the ingester reads no further.", func() float64 { return float64(p.Metrics().WaitingBytes) })
	m.gauge("pulse_ingest_stalled_seconds", "How long Kafka has acknowledged nothing although records are waiting.", func() float64 { return p.Metrics().Stalled.Seconds() })
}
