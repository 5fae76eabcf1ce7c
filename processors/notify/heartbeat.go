package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"pulse/processors/post"
	"pulse/topics/throttle"
)

// A Heartbeat asks for a URL once a minute, for as long as all is well: a dead man's switch,
// which raises the alarm when nothing comes any more.
type Heartbeat struct {
	URL   string
	Alive func() bool // whether alerts are followed: nothing is sent while they are not
	Log   *slog.Logger

	Sent, Failed atomic.Int64
}

// HeartbeatEvery is the time between two.
const HeartbeatEvery = time.Minute

// CheckHeartbeat says what is wrong with a URL, but not the URL, which may be a secret.
func CheckHeartbeat(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return errors.New("the URL of the heartbeat must begin with https:// or http:// and name a host")
	}
	return nil
}

// Run sends until ctx ends.
func (h *Heartbeat) Run(ctx context.Context) {
	notices := throttle.Logger{Log: h.Log}
	tick := time.NewTicker(HeartbeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !h.Alive() {
			notices.Warn("no heartbeat was sent because no points arrive, so no alert could fire; check `pulse status`")
			continue
		}
		if err := h.send(ctx); err != nil && ctx.Err() == nil {
			h.Failed.Add(1)
			notices.Warn("cannot send the heartbeat; the next one is due in a minute", "error", err)
			continue
		}
		h.Sent.Add(1)
	}
}

func (h *Heartbeat) send(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return errors.New("its URL is not valid")
	}
	answer, err := post.Do(request)
	if err != nil {
		return err
	}
	if !answer.Taken {
		return fmt.Errorf("%s answered %s", request.URL.Host, answer.Status)
	}
	return nil
}
