package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"pulse/cmd/dev/chaos/kafka"
)

// A scenario is a kind of trouble that Pulse has to bear.
type scenario struct {
	name     string
	about    string
	controls bool // it does things to its broker
	broken   bool // it breaks laws on purpose, which needs a build of its own
	run      func(context.Context, *run) error
}

// scenarios are all of them, the longest first: where some run at a time, none is waited
// for at the end.
func scenarios() []scenario {
	return []scenario{
		{"laws", "each law broken on purpose: the checker must notice", false, true, laws},
		{"cold", "everything killed, and started on a copy of the broker's data", true, false, cold},
		{"hostile", "forged records for every topic, nonsense for the broker, and abuse of the page", false, false, attacked},
		{"brokers", "three brokers, each killed in turn", true, false, brokers},
		{"clocks", "ingesters with wrong clocks, that come, leave and crash", false, false, clocks},
		{"bounce", "the broker restarts, by SIGTERM and by SIGKILL", true, false, bounce},
		{"cut", "connections that die, go one way only, or are slow", true, false, cut},
		{"kill", "SIGKILL over ingesters, receivers, mergers, dashboards and alerts", false, false, kill},
		{"late", "recordings out of order, at several latenesses", false, false, late},
		{"rebalance", "receivers and mergers join and leave", false, false, rebalance},
		{"zombie", "SIGSTOP for three session timeouts, then SIGCONT", false, false, zombie},
		{"lost", "retention takes raw records before they are read", false, false, lost},
		{"full", "the broker's disk is full", true, false, full},
		{"rollout", "every process is restarted with a changed definitions file", false, false, rollout},
		{"all", "kills, pauses, joins, leaves and restarts of the broker together", true, false, together},
	}
}

// Limits that scenarios are held to. Those of time are for the long forms, which
// run alone: the short ones run beside each other.
const (
	sessionTimeout = 6 * time.Second        // what Pulse's groups have
	bearable       = time.Second            // a gap that a viewer hardly sees, and what the death of an ingester costs
	observer       = 100 * time.Millisecond // by which who reads along may be off
	caughtUp       = 15 * time.Second       // after the broker takes records again
)

// kill ends processes with SIGKILL.
func kill(ctx context.Context, r *run) error {
	if err := r.begin(ctx, 1, false); err != nil {
		return err
	}
	if err := r.deploy(ctx, true); err != nil {
		return err
	}
	var faults []fault
	at := time.Second
	for range pick(r, 50, 12) {
		faults = append(faults, r.kill(at, "ingest", "receiver", "merger", "web", "alert"))
		at += pick(r, r.between(2*time.Second, 6*time.Second), r.between(time.Second, 2200*time.Millisecond))
	}
	if err := r.injectAndWait(ctx, faults); err != nil {
		return err
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	r.noExits()
	r.demand(r.Embedded || r.Short || r.report.GapP99 <= bearable+observer, "the gaps' p99 is %v, at most %v with static members", r.report.GapP99, bearable)
	return nil
}

// begin builds, and starts a Kafka.
func (r *run) begin(ctx context.Context, brokers int, proxied bool) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	return r.startKafka(ctx, brokers, proxied)
}

// injectAndWait is inject, and a while for the last fault to be over.
func (r *run) injectAndWait(ctx context.Context, faults []fault) error {
	if err := r.inject(ctx, faults); err != nil {
		return err
	}
	sleep(ctx, 3*time.Second)
	return ctx.Err()
}

func (r *run) noExits() {
	names, n := r.super.exits()
	r.demand(n == 0, "processes ended by themselves: %v", names)
}

// bounce restarts the one broker.
func bounce(ctx context.Context, r *run) error {
	if err := r.begin(ctx, 1, false); err != nil {
		return err
	}
	if err := r.deploy(ctx, true); err != nil {
		return err
	}
	return r.restarts(ctx, pick(r, 10, 2))
}

// brokers kills each of three brokers in turn.
func brokers(ctx context.Context, r *run) error {
	if err := r.begin(ctx, 3, false); err != nil {
		return err
	}
	if err := r.deploy(ctx, true); err != nil {
		return err
	}
	return r.restarts(ctx, 3)
}

// restarts ends brokers in turn, lets them be away for a while, starts them
// again, and waits each time until every stat is published anew.
func (r *run) restarts(ctx context.Context, n int) error {
	var slowest time.Duration
	for i := range n {
		node := r.kafka.Nodes[i%len(r.kafka.Nodes)]
		signal := syscall.SIGKILL
		if len(r.kafka.Nodes) == 1 && i%2 == 0 {
			signal = syscall.SIGTERM
		}
		away := pick(r, r.between(3*time.Second, 10*time.Second), r.between(3*time.Second, 4*time.Second))
		after, err := r.restart(ctx, i+1, node, signal, away)
		if err != nil {
			return err
		}
		slowest = max(slowest, after)
		sleep(ctx, 2*time.Second)
	}
	r.report.note("caught up at most %.1f s after the broker took records again", slowest.Seconds())
	if err := r.settle(ctx); err != nil {
		return err
	}
	r.noExits()
	r.demand(r.Short || slowest <= caughtUp, "caught up %v after the broker took records again, at most %v", slowest, caughtUp)
	return nil
}

// together is everything at once, for as long as it takes.
func together(ctx context.Context, r *run) error {
	if err := r.begin(ctx, 1, false); err != nil {
		return err
	}
	if err := r.deploy(ctx, true); err != nil {
		return err
	}
	if err := r.watchVeterans(ctx); err != nil {
		return err
	}
	began := time.Now()
	for round := 0; ; round++ {
		var faults []fault
		for at := time.Second; at < 30*time.Second; at += r.between(3*time.Second, 6*time.Second) {
			faults = append(faults, r.kill(at, "ingest", "receiver", "merger", "web", "alert"))
		}
		faults = append(faults, r.pause(r.between(2*time.Second, 8*time.Second), 3*sessionTimeout, "ingest", "receiver", "merger", "alert"))
		faults = append(faults, r.joinAndLeave(r.between(5*time.Second, 10*time.Second), r.between(8*time.Second, 12*time.Second)))
		if err := r.injectAndWait(ctx, faults); err != nil {
			return err
		}
		signal := syscall.SIGTERM
		if round%2 == 0 {
			signal = syscall.SIGKILL
		}
		if _, err := r.restart(ctx, round+1, r.kafka.Nodes[0], signal, r.between(3*time.Second, 10*time.Second)); err != nil {
			return err
		}
		if _, _, err := r.checkpoint(ctx, time.Now()); err != nil {
			return err
		}
		for _, p := range r.super.running("") {
			r.log.printf("memory of %s: %d MiB", p.name, p.memory()>>20)
		}
		if !r.report.ok() || time.Since(began) >= pick(r, time.Hour, 0) {
			break
		}
	}
	r.steady(began)
	if err := r.settle(ctx); err != nil {
		return err
	}
	r.noExits()
	return nil
}

// restart ends a broker and starts it again after a while, and returns what start
// does.
func (r *run) restart(ctx context.Context, number int, node *kafka.Node, signal syscall.Signal, away time.Duration) (time.Duration, error) {
	r.report.Faults++
	name := map[syscall.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGKILL: "SIGKILL"}[signal]
	r.log.printf("restart %d of the broker: %s, away for %v", number, name, away)
	node.Stop(signal)
	sleep(ctx, away)
	after, err := r.start(ctx, node)
	if err != nil {
		return 0, fmt.Errorf("after restart %d: %w", number, err)
	}
	return after, nil
}

// start starts a broker that has ended. It returns how long after it took
// requests every stat had been published up to then.
func (r *run) start(ctx context.Context, node *kafka.Node) (time.Duration, error) {
	if err := node.Start(); err != nil {
		return 0, err
	}
	ready, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	started := time.Now()
	if err := r.kafka.Ready(ready); err != nil {
		return 0, err
	}
	back := time.Now()
	if err := r.published(ctx, back.Unix(), patient); err != nil {
		return 0, fmt.Errorf("not all stats are published: %w", err)
	}
	r.log.printf("the broker took requests %.1f s after its start, all stats were there %.1f s after that", back.Sub(started).Seconds(), time.Since(back).Seconds())
	return time.Since(back), nil
}

// rebalance has members that are not static, so that each comes and goes by
// a rebalance.
func rebalance(ctx context.Context, r *run) error {
	if err := r.begin(ctx, 1, false); err != nil {
		return err
	}
	if err := r.deploy(ctx, false); err != nil {
		return err
	}
	var faults []fault
	at := time.Second
	for range pick(r, 10, 3) {
		stay := r.between(3*time.Second, 5*time.Second)
		faults = append(faults, r.joinAndLeave(at, stay))
		at += stay + r.between(3*time.Second, 4*time.Second)
	}
	if err := r.injectAndWait(ctx, faults); err != nil {
		return err
	}
	r.report.Faults *= 2 // each is a join and a leave
	if err := r.settle(ctx); err != nil {
		return err
	}
	r.noExits()
	r.demand(r.Embedded || r.Short || r.report.GapP99 <= 2*time.Second, "the gaps' p99 is %v, at most 2 s", r.report.GapP99)
	return nil
}

// joinAndLeave is the fault that a receiver or a merger comes, and leaves by
// SIGTERM.
func (r *run) joinAndLeave(at, stay time.Duration) fault {
	role := []string{"receive", "merge"}[r.chance.IntN(2)]
	return fault{at, fmt.Sprintf("one more to %s, for %v", role, stay), func(ctx context.Context) error {
		r.ingesters++ // a number of its own
		p := r.keep(fmt.Sprintf("guest-%s-%d", role, r.ingesters), r.pulse, role)
		sleep(ctx, stay)
		r.log.printf("%s leaves", p.name)
		return p.stop(syscall.SIGTERM)
	}}
}

// zombie pauses processes for longer than their sessions last.
func zombie(ctx context.Context, r *run) error {
	if err := r.begin(ctx, 1, false); err != nil {
		return err
	}
	if err := r.deploy(ctx, true); err != nil {
		return err
	}
	const long = 3 * sessionTimeout
	var faults []fault
	at := time.Second
	for i := range pick(r, 20, 5) {
		role := []string{"receiver", "merger", "ingest", "alert", "merger"}[i%5]
		faults = append(faults, r.pause(at, long, role))
		at += pick(r, r.between(5*time.Second, 12*time.Second), r.between(time.Second, 2*time.Second))
	}
	if err := r.injectAndWait(ctx, faults); err != nil {
		return err
	}
	sleep(ctx, sessionTimeout) // what a zombie does, it does within that
	return r.settle(ctx)
}

// cut lets connections die, go one way only, or be slow.
func cut(ctx context.Context, r *run) error {
	if err := r.begin(ctx, 1, true); err != nil {
		return err
	}
	if err := r.deploy(ctx, true); err != nil {
		return err
	}
	age := trouble{least: 500 * time.Millisecond, most: 1500 * time.Millisecond}
	phases := []struct {
		what string
		trouble
		length time.Duration
	}{
		{"every connection dies at an age of 0.5 to 1.5 s", age, pick(r, 5*time.Minute, 20*time.Second)},
		{"good weather", trouble{}, 5 * time.Second},
		{"nothing gets to the broker", trouble{silent: toBroker}, pick(r, 20*time.Second, 4*time.Second)},
		{"good weather", trouble{}, 5 * time.Second},
		{"nothing comes from the broker", trouble{silent: toClient}, pick(r, 20*time.Second, 4*time.Second)},
		{"good weather", trouble{}, 5 * time.Second},
		{"300 ms of latency each way", trouble{latency: 300 * time.Millisecond}, pick(r, time.Minute, 8*time.Second)},
		{"good weather", trouble{}, 3 * time.Second},
	}
	var faults []fault
	at := time.Second
	for _, p := range phases {
		faults = append(faults, fault{at, p.what, func(context.Context) error {
			r.proxy.set(p.trouble)
			return nil
		}})
		at += p.length
	}
	if err := r.injectAndWait(ctx, faults); err != nil {
		return err
	}
	r.report.note("%d connections cut", r.proxy.cuts())
	if err := r.published(ctx, time.Now().Unix(), patient); err != nil {
		return fmt.Errorf("after the network was well again not all stats are published: %w", err)
	}
	return r.settle(ctx)
}
