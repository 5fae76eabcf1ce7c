package broker

import (
	"log/slog"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pulse/topics/throttle"
)

// leastFree is how many bytes of the folder's disk records leave free: what kfake writes of
// groups and transactions has room there.
const leastFree = 8 << 20

// keepFree has producers wait while the disk is full. kfake would answer with an error after
// which they give up, though there may be room again soon.
func keepFree(c *kfake.Cluster, dir string, free func(dir string) (bytes uint64, known bool), log *slog.Logger) {
	said := &throttle.Logger{Log: log}
	c.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		r := request.(*kmsg.ProduceRequest)
		left, known := free(dir)
		if !known || left >= leastFree || r.Acks == 0 {
			return nil, nil, false
		}
		c.KeepControl()
		said.Warn("the broker takes no records: its disk is full. Producers wait; free some disk space", "folder", dir, "free", left, "needed", leastFree)
		answer := r.ResponseKind().(*kmsg.ProduceResponse)
		for _, t := range r.Topics {
			refused := kmsg.NewProduceResponseTopic()
			refused.Topic, refused.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				one := kmsg.NewProduceResponseTopicPartition()
				one.Partition, one.ErrorCode = p.Partition, kerr.KafkaStorageError.Code
				refused.Partitions = append(refused.Partitions, one)
			}
			answer.Topics = append(answer.Topics, refused)
		}
		return answer, nil, true
	})
}
