package ingest

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/topics"
	"pulse/topics/topicstest"
)

func exactDrain(cluster topics.Cluster, prefix, address string) (*Transactional, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	d, err := NewDrain("drain", listener, nil, testSources, log)
	if err != nil {
		return nil, err
	}
	return &Transactional{
		Cluster: cluster, Names: topics.Names{Prefix: prefix, Version: "g"}, ID: "me", Log: log, Once: true,
		Live: func(positions Positions) Live {
			d.Restore(positions)
			return Live{Inputs: []Input{d}, Lateness: 2}
		},
	}, nil
}

// TestDrainKilled kills an ingester again and again, while a sender posts as Logplex
// does: a request that got no answer comes again with its Logplex-Frame-Id. No line may
// be there twice, and none may be missing.
func TestDrainKilled(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	names := topics.Names{Prefix: prefix, Version: "g"}
	topicstest.Ensure(t, cluster, names, 3)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()

	stop, written := make(chan struct{}), make(chan int)
	repeated := 0
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	go func() {
		for n := 0; ; n += 2 {
			select {
			case <-stop:
				written <- n
				return
			default:
			}
			body := ""
			for i := range 2 {
				l := fmt.Sprintf("<134>1 %s host app web.1 - n=%d", time.Now().UTC().Format(time.RFC3339), n+i)
				body += fmt.Sprintf("%d %s", len(l), l)
			}
			for !posted(address, body, fmt.Sprint("frame-", n)) {
				repeated++
				<-again.C // the ingester is away
			}
		}
	}()

	const kills = 6
	random := rand.New(rand.NewPCG(9, 9))
	for range kills {
		killAfter(t, cluster, names, 1+random.Int64N(60), startChild(t, cluster, prefix, childDrain+"="+address))
	}
	startChild(t, cluster, prefix, childDrain+"="+address)
	close(stop)
	want := <-written
	if repeated < kills {
		t.Errorf("%d requests came again, want at least one for each of %d kills", repeated, kills)
	}
	checkOnce(t, cluster, names, want)
}

// posted reports whether a drain has taken a request.
func posted(address, body, id string) bool {
	r, err := http.NewRequest("POST", "http://"+address+"/logs", strings.NewReader(body))
	if err != nil {
		return false
	}
	r.Header = http.Header{"Content-Type": {"application/logplex-1"}, "Logplex-Drain-Token": {testSources[0].Token}, "Logplex-Frame-Id": {id}}
	client := http.Client{Timeout: 5 * time.Second}
	w, err := client.Do(r)
	if err != nil {
		return false
	}
	w.Body.Close()
	return w.StatusCode == http.StatusNoContent
}
