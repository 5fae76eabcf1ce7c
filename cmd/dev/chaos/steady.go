package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"pulse/cmd/dev/testkit"
	"pulse/processors/merger"
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
	ops string // its /metrics
	// outputs is to how many partitions it writes for each that it owns. Sarama's producer
	// has a goroutine for each partition that it has ever written to.
	outputs int
	samples []sample
	owned   map[string]bool // partitions that it has owned until now
}

type sample struct {
	at         time.Time
	collected  time.Time // the last collection, of which heap is
	partitions []string  // that it owns: each has its goroutines
	ever       int       // partitions that it has owned until now
	heap       float64   // bytes at which the next collection begins: about twice what is live
	goroutines float64
}

// A watchman samples veterans.
type watchman struct {
	mu  sync.Mutex
	all []*veteran
}

// spare keeps one more process of a role, which no fault befalls. The flag says
// where it serves its metrics.
func (r *run) spare(role, flag string, outputs int, command ...string) error {
	ops, err := testkit.FreeAddress()
	if err != nil {
		return err
	}
	name := "veteran-" + role
	p := r.keep(name, r.pulse, append(command, flag, ops)...)
	r.watchman.mu.Lock()
	defer r.watchman.mu.Unlock()
	r.watchman.all = append(r.watchman.all, &veteran{process: p, ops: ops, outputs: outputs})
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
			v.add(s)
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
	collected := time.Unix(0, int64(gauge("go_memstats_last_gc_time_seconds")*1e9))
	s = sample{at: time.Now(), collected: collected, heap: gauge("go_memstats_next_gc_bytes"), goroutines: gauge("go_goroutines")}
	for _, name := range []string{"pulse_receiver_clock_timestamp_seconds", "pulse_merger_closed_timestamp_seconds"} {
		for _, m := range families[name].GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() == "partition" {
					s.partitions = append(s.partitions, label.GetValue())
				}
			}
		}
	}
	return s, nil
}

// add takes the next sample.
func (v *veteran) add(s sample) {
	if v.owned == nil {
		v.owned = map[string]bool{}
	}
	for _, p := range s.partitions {
		v.owned[p] = true
	}
	s.ever = len(v.owned)
	v.samples = append(v.samples, s)
}

// steady holds each veteran's heap and goroutines at the end against those when
// it was warm, and owned as many partitions.
func (r *run) steady(began time.Time) {
	r.watchman.mu.Lock()
	defer r.watchman.mu.Unlock()
	for _, v := range r.watchman.all {
		compared, grown := v.compare(began.Add(warm), time.Now())
		for _, text := range compared {
			r.report.note("%s", text)
		}
		for _, text := range grown {
			r.demand(false, "%s", text)
		}
		r.demand(len(compared) > 0 || r.Short, "%s did not own as many partitions at the end as when it was warm", v.name)
	}
}

// compare says what it has compared, and what has grown between two times.
func (v *veteran) compare(from, to time.Time) (compared, grown []string) {
	before, after := v.medians(from), v.medians(to)
	for _, partitions := range slices.Sorted(maps.Keys(before)) {
		was := before[partitions]
		is, ok := after[partitions]
		if !ok {
			continue
		}
		more := (is.ever - was.ever) * v.outputs
		compared = append(compared, fmt.Sprintf("%s with %d partitions: heap goal %.1f, %.1f MB, goroutines %.0f, %.0f (of which %d of partitions that it has written to since), after %v and at the end",
			v.name, partitions, was.heap/1e6, is.heap/1e6, was.goroutines, is.goroutines, more, warm))
		if is.heap > was.heap*steady {
			grown = append(grown, fmt.Sprintf("the heap of %s grew", v.name))
		}
		if is.goroutines > was.goroutines*steady+float64(more) {
			grown = append(grown, fmt.Sprintf("the goroutines of %s became more", v.name))
		}
	}
	return compared, grown
}

// medians are over the samples before a time, by the partitions owned: the heap's by those
// that were owned when it was collected, which may be minutes ago.
func (v *veteran) medians(before time.Time) map[int]sample {
	heaps, counts := map[int][]float64{}, map[int][]sample{}
	for _, s := range v.samples {
		if !s.at.Before(before) || s.at.Before(before.Add(-sampleOver)) {
			continue
		}
		counts[len(s.partitions)] = append(counts[len(s.partitions)], s)
		if owned, ok := v.ownedAt(s.collected); ok {
			heaps[owned] = append(heaps[owned], s.heap)
		}
	}
	medians := map[int]sample{}
	for partitions, samples := range counts {
		heap := heaps[partitions]
		if len(heap) < fewest || len(samples) < fewest {
			continue
		}
		slices.Sort(heap)
		slices.SortFunc(samples, func(a, b sample) int { return cmp.Compare(a.goroutines, b.goroutines) })
		median := samples[len(samples)/2]
		median.heap = heap[len(heap)/2]
		medians[partitions] = median
	}
	return medians
}

// ownedAt is how many partitions were owned at a time, if that is known.
func (v *veteran) ownedAt(at time.Time) (partitions int, ok bool) {
	next, _ := slices.BinarySearchFunc(v.samples, at, func(s sample, at time.Time) int { return s.at.Compare(at) })
	if next == 0 || next == len(v.samples) {
		return 0, false
	}
	partitions = len(v.samples[next-1].partitions)
	return partitions, partitions == len(v.samples[next].partitions)
}

// watchVeterans starts one of each role, and samples them until the run ends.
func (r *run) watchVeterans(ctx context.Context) error {
	if err := r.spare("receiver", "--ops", 0, "receive", "--instance", "veteran-receiver"); err != nil {
		return err
	}
	if err := r.spare("merger", "--ops", len(merger.Outputs(r.names, r.definitions)), "merge", "--instance", "veteran-merger"); err != nil {
		return err
	}
	if err := r.spare("web", "--http", 0, "web"); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { r.watchman.sample(ctx) })
	r.closers = append(r.closers, func() { cancel(); done.Wait() })
	return nil
}
