// Package broker is a Kafka broker inside the process, for a machine that has
// none: franz-go's kfake, on one port, with its data in a folder.
package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// A Broker is a running one. Clients anywhere on the machine can use it.
type Broker struct {
	cluster  *kfake.Cluster
	sessions *sessions
	cleaner  *cleaner
	disk     *diskErrors
	counts   *Counts
	unlock   func() // the folder
}

// segmentBytes is the size of a file of a partition. A start reads one of each
// partition at a time, and deleting deletes whole ones.
const segmentBytes = 4 << 20

// Start runs a broker on the address listen, host:port, where port 0 is any
// free one. Clients are told the same host, so that it must be one that they
// can reach: not 0.0.0.0. Topics, records and offsets are kept in the folder
// dir, and a broker that is started there later goes on with them; with dir
// empty they are in memory and gone with the broker.
//
// The folder is for the user of this process alone, and so is all that the process
// makes from then on: log lines are in it. What a killed broker left there is
// brought in order first. If something is lost the error is a DamageError.
func Start(listen, dir string) (*Broker, error) { return Options{}.Start(listen, dir) }

// Options are what else can be chosen.
type Options struct {
	// Max bounds the bytes of records that the broker keeps: beyond it the oldest are
	// deleted, but for those of topics that are compacted. 0 is not a bound.
	Max         int64
	DropDamaged bool         // go on without what a DamageError says is lost
	Log         *slog.Logger // nil: what is done to the folder is not logged

	cleanEvery time.Duration                               // 0: the package's own
	free       func(dir string) (bytes uint64, known bool) // nil: freeIn
}

// Start starts a broker with these options.
func (o Options) Start(listen, dir string) (*Broker, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.cleanEvery == 0 {
		o.cleanEvery = cleanEvery
	}
	if o.free == nil {
		o.free = freeIn
	}
	host, portText, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("the broker's address %q is not host:port: %w", listen, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("the broker's address %q has no port from 0 to 65535", listen)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return nil, fmt.Errorf("the broker's address %q has no host: write the one that clients use, for example localhost:%d", listen, port)
	}
	disk, counts := &diskErrors{}, &Counts{}
	options := []kfake.Opt{
		kfake.WithLogger(disk),
		kfake.Ports(int(port)),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			l, err := net.Listen(network, listen)
			if err != nil {
				return nil, err
			}
			return newGuard(l, host, counts, o.Log), nil
		}),
		kfake.BrokerConfigs(map[string]string{
			"log.cleaner.backoff.ms":     strconv.FormatInt(math.MaxInt64/int64(time.Millisecond), 10), // see cleaner
			"log.segment.bytes":          strconv.Itoa(segmentBytes),
			"default.replication.factor": "1",
		}),
	}
	unlock := func() {}
	if dir != "" {
		keepPrivate()
		err := os.MkdirAll(dir, 0o700)
		if err == nil {
			err = os.Chmod(dir, 0o700) // #nosec G302 -- of a folder that was there
		}
		if err != nil {
			return nil, fmt.Errorf("the broker's folder: %w", err)
		}
		if unlock, err = lock(dir); err != nil {
			return nil, err
		}
		// What is read of the folder is garbage at once, and so much of it that the
		// heap would be twice as large as what stays.
		defer debug.SetGCPercent(debug.SetGCPercent(25))
		done, err := repair(dir, o.DropDamaged)
		if err != nil {
			unlock()
			return nil, fmt.Errorf("the broker's folder: %w", err)
		}
		for _, text := range done {
			o.Log.Warn("the broker's folder was not closed, or is damaged", "done", text)
		}
		options = append(options, kfake.DataDir(dir))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		unlock()
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("the broker cannot listen on %s: the port is in use, perhaps by Kafka or another Pulse: choose another address, or use that broker", listen)
	case err != nil:
		return nil, fmt.Errorf("the broker on %s with data in %q: %w", listen, dir, err)
	}
	quota := newQuota()
	limit(cluster, quota, counts)
	if dir != "" {
		keepFree(cluster, dir, o.free, o.Log)
	}
	sessions, err := watchSessions(cluster, quota)
	if err != nil {
		cluster.Close()
		unlock()
		return nil, err
	}
	cleaner := startCleaner(&cleaner{cluster: cluster, client: sessions.client, dir: dir, max: o.Max, log: o.Log}, o.cleanEvery)
	return &Broker{cluster, sessions, cleaner, disk, counts, unlock}, nil
}

// Addrs returns the host:port of the broker.
func (b *Broker) Addrs() []string { return b.cluster.ListenAddrs() }

// Counts counts the connections that the broker has closed.
func (b *Broker) Counts() *Counts { return b.counts }

// Err returns why the broker could not write to its folder, the last time, or
// nil. Its clients are only told that something unexpected went wrong.
func (b *Broker) Err() error {
	if err := b.disk.last.Load(); err != nil {
		return *err
	}
	return nil
}

// Close stops the broker and writes down what is not yet on disk.
func (b *Broker) Close() {
	b.cleaner.close() // it uses the client of the next
	b.sessions.close()
	b.cluster.Close()
	b.unlock()
}

// diskErrors is kfake's log, of which it keeps the last error of the file
// system. The rest is kfake's own affair.
type diskErrors struct {
	last atomic.Pointer[error]
}

func (d *diskErrors) Logf(_ kfake.LogLevel, _ string, args ...any) {
	for _, a := range args {
		if err, ok := a.(error); ok {
			if file := (*fs.PathError)(nil); errors.As(err, &file) {
				d.last.Store(&err)
			}
		}
	}
}
