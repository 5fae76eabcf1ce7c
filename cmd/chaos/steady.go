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
	sampleOver  = 2 * time.Minute // a figure is the median over so long: the heap breathes
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
	return sample{time.Now(), gauge("go_memstats_next_gc_bytes"), gauge("go_goroutines")}, nil
}

// steady holds each veteran's heap and goroutines at the end against those when
// it was warm.
func (r *run) steady(began time.Time) {
	r.watchman.mu.Lock()
	defer r.watchman.mu.Unlock()
	for _, v := range r.watchman.all {
		heap, goroutines, ok := v.median(began.Add(warm))
		if !ok {
			r.demand(r.Short, "%s was not sampled when it was warm", v.name)
			continue
		}
		heapNow, goroutinesNow, ok := v.median(time.Now())
		r.report.note("%s: heap goal %.1f, %.1f MB, goroutines %.0f, %.0f, after %v and at the end", v.name, heap/1e6, heapNow/1e6, goroutines, goroutinesNow, warm)
		r.demand(ok && heapNow <= heap*steady, "the heap of %s grew", v.name)
		r.demand(ok && goroutinesNow <= goroutines*steady, "the goroutines of %s became more", v.name)
	}
}

// median is over the samples before a time.
func (v *veteran) median(before time.Time) (heap, goroutines float64, ok bool) {
	var heaps, counts []float64
	for _, s := range v.samples {
		if s.at.Before(before) && s.at.After(before.Add(-sampleOver)) {
			heaps, counts = append(heaps, s.heap), append(counts, s.goroutines)
		}
	}
	if len(heaps) == 0 {
		return 0, 0, false
	}
	slices.Sort(heaps)
	slices.Sort(counts)
	return heaps[len(heaps)/2], counts[len(counts)/2], true
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
