package ingest

import (
	"errors"
	"testing"
	"time"

	"pulse/topics"
	"pulse/topics/topicstest"
)

func TestProducerMetrics(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "g"}
	p := connect(t, cluster, names, 1)
	if m := p.Metrics(); m != (ProducerMetrics{}) {
		t.Errorf("before the first record: %+v", m)
	}
	packer := NewPacker("i", topics.WallDomain, 1, func(r Record) error { return p.Produce(t.Context(), r) })
	err := packer.Advance(int64(time.Second))
	for _, l := range []string{"one", "two", "three", "four"} {
		err = errors.Join(err, packer.Add([]byte(l)))
	}
	if err := errors.Join(err, packer.Leave(2), p.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	m := p.Metrics()
	if m.Records < 2 { // a pack and the ticks
		t.Errorf("%d records are acknowledged", m.Records)
	}
	m.Records = 0
	if want := (ProducerMetrics{Lines: 4, Bytes: int64(len("one\ntwo\nthree\nfour"))}); m != want {
		t.Errorf("after four lines in a pack %+v, want %+v", m, want)
	}

	// What Kafka refuses is neither waiting nor there.
	m = ProducerMetrics{WaitingBytes: 9}
	m.count(Record{Value: []byte("refused")}, errors.New("no"))
	if want := (ProducerMetrics{Refused: 1, WaitingBytes: 2}); m != want {
		t.Errorf("after a refusal %+v, want %+v", m, want)
	}
}
