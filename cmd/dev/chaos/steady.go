package main

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	warm        = 10 * time.Minute // after which a process takes what it ever will
	sampleEvery = 2 * time.Second
	sampleOver  = 5 * time.Minute // a figure is the median over so long: the heap breathes
	fewest      = 5               // samples that make a median
	steady      = 1.05            // how much of what it took when warm it may take at the end
)

// A veteran is a process that nothing is done to, so that what it takes up can be
// compared over its whole life.
type veteran struct {
	*process
	ops     string // its /metrics
	samples []sample
}

type sample struct {
	at         time.Time
	partitions int     // that it owns: each has its goroutines
	heap       float64 // bytes at which the next collection begins: about twice what is live
	goroutines float64
}

// A watchman samples veterans.
type watchman struct {
	mu  sync.Mutex
	all []*veteran
}

// spare keeps one more process of a role, which no fault befalls. The flag says
// where it serves its metrics.
func (r *run) spare(role, flag string, command ...string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ops := l.Addr().String()
	l.Close()
	name := "veteran-" + role
	p := r.keep(name, r.pulse, append(command, flag, ops)...)
	r.watchman.mu.Lock()
	defer r.watchman.mu.Unlock()
	r.watchman.all = append(r.watchman.all, &veteran{process: p, ops: ops})
	return nil
}

// sample takes samples until ctx ends.
func (w *watchman) sample(ctx context.Context) {
	for sleep(ctx, sampleEvery) {
		for _, v := range w.all {
			s, err := scrape(ctx, v.ops)
			if err != nil {
				continue // it says so at the end if there are too few
			}
			w.mu.Lock()
			v.samples = append(v.samples, s)
			w.mu.Unlock()
		}
	}
}

func scrape(ctx context.Context, ops string) (s sample, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+ops+"/metrics", nil)
	if err != nil {
		return s, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return s, err
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return s, err
	}
	gauge := func(name string) float64 {
		if len(families[name].GetMetric()) == 0 {
			return 0
		}
		return families[name].Metric[0].GetGauge().GetValue()
	}
	owned := len(families["pulse_receiver_clock_timestamp_seconds"].GetMetric()) + len(families["pulse_merger_closed_timestamp_seconds"].GetMetric())
	return sample{time.Now(), owned, gauge("go_memstats_next_gc_bytes"), gauge("go_goroutines")}, nil
}

// steady holds each veteran's heap and goroutines at the end against those when
// it was warm, and owned as many partitions.
func (r *run) steady(began time.Time) {
	r.watchman.mu.Lock()
	defer r.watchman.mu.Unlock()
	for _, v := range r.watchman.all {
		before, after := v.medians(began.Add(warm)), v.medians(time.Now())
		compared := false
		for partitions, was := range before {
			is, ok := after[partitions]
			if !ok {
				continue
			}
			compared = true
			r.report.note("%s with %d partitions: heap goal %.1f, %.1f MB, goroutines %.0f, %.0f, after %v and at the end",
				v.name, partitions, was.heap/1e6, is.heap/1e6, was.goroutines, is.goroutines, warm)
			r.demand(is.heap <= was.heap*steady, "the heap of %s grew", v.name)
			r.demand(is.goroutines <= was.goroutines*steady, "the goroutines of %s became more", v.name)
		}
		r.demand(compared || r.Short, "%s did not own as many partitions at the end as when it was warm", v.name)
	}
}

// medians are over the samples before a time, by the partitions owned.
func (v *veteran) medians(before time.Time) map[int]sample {
	heaps, counts := map[int][]float64{}, map[int][]float64{}
	for _, s := range v.samples {
		if s.at.Before(before) && s.at.After(before.Add(-sampleOver)) {
			heaps[s.partitions] = append(heaps[s.partitions], s.heap)
			counts[s.partitions] = append(counts[s.partitions], s.goroutines)
		}
	}
	medians := map[int]sample{}
	for partitions, heap := range heaps {
		goroutines := counts[partitions]
		if len(heap) < fewest {
			continue
		}
		slices.Sort(heap)
		slices.Sort(goroutines)
		medians[partitions] = sample{partitions: partitions, heap: heap[len(heap)/2], goroutines: goroutines[len(goroutines)/2]}
	}
	return medians
}

// watchVeterans starts one of each role, and samples them until the run ends.
func (r *run) watchVeterans(ctx context.Context) error {
	if err := r.spare("receiver", "--ops", "receive", "--instance", "veteran-receiver"); err != nil {
		return err
	}
	if err := r.spare("merger", "--ops", "merge", "--instance", "veteran-merger"); err != nil {
		return err
	}
	if err := r.spare("web", "--http", "web"); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { r.watchman.sample(ctx) })
	r.closers = append(r.closers, func() { cancel(); done.Wait() })
	return nil
}
