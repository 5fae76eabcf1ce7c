package ingest

import "time"

// ProducerMetrics are what became of the records that a Producer was given.
type ProducerMetrics struct {
	Records int64 // that Kafka has acknowledged, ticks among them
	Lines   int64 // in them
	Bytes   int64 // of their packs
	Refused int64 // records that Kafka will never take; the first one ends the producing

	Waiting      int64         // records that have not been acknowledged
	WaitingBytes int64         // of their packs
	Stalled      time.Duration // since when Kafka has acknowledged none of them
}

// Metrics returns them as they are now.
func (p *Producer) Metrics() ProducerMetrics {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.metrics
	m.Waiting = int64(p.unacked)
	if p.unacked > 0 {
		m.Stalled = time.Since(p.progress)
	}
	return m
}

// count enters what became of a record.
func (m *ProducerMetrics) count(r Record, err error) {
	m.WaitingBytes -= int64(len(r.Value))
	if err != nil {
		m.Refused++
		return
	}
	m.Records++
	m.Bytes += int64(len(r.Value))
	m.Lines += r.Lines
}
