package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"pulse/topics/retry"
)

// cleanEvery is how often what has outlived its retention is deleted, and what is
// compacted.
const cleanEvery = time.Minute

// A cleaner does that. kfake's own begins when a topic is made or changed, so that
// after a restart there was none.
type cleaner struct {
	stop  context.CancelFunc
	ended chan struct{}
}

func startCleaner(c *kfake.Cluster, dir string, every time.Duration) *cleaner {
	ctx, stop := context.WithCancel(context.Background())
	cleaning := &cleaner{stop, make(chan struct{})}
	go func() {
		defer close(cleaning.ended)
		for {
			if dir != "" {
				copyTopics(dir) //nolint:errcheck // it is tried again
			}
			if retry.Wait(ctx, every) != nil {
				return
			}
			c.Compact()
			c.ApplyRetention()
		}
	}()
	return cleaning
}

// close ends it. The cluster must still be there: it would wait for it for ever.
func (c *cleaner) close() {
	c.stop()
	<-c.ended
}
