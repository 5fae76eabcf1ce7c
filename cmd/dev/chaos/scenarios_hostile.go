package main

import (
	"context"
	"time"

	"pulse/cmd/dev/hostile"
	"pulse/topics"
)

// answering is what the questions hold that the page answers at a time: docs/operate.md has
// their bounds.
const answering = 128 << 20

// attacked has clients that mean harm beside honest ingesters: what these send stays
// exact, nobody ends, and nobody takes twice the memory that it takes without them.
func attacked(ctx context.Context, r *run) error {
	if err := r.begin(ctx, 1, false); err != nil {
		return err
	}
	if err := r.deploy(ctx, true); err != nil {
		return err
	}
	quiet := r.largest(ctx, pick(r, time.Minute, 15*time.Second))
	attack, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	target := hostile.Target{Brokers: r.addrs, Names: r.names, Domain: topics.WallDomain, Stat: r.definitions.Stats[0].Name, Alert: "half",
		HTTP: "http://" + r.webs[0], Babble: true}
	go func() { ended <- target.Attack(attack) }()
	harmed := r.largest(ctx, pick(r, 10*time.Minute, 30*time.Second))
	stop()
	if err := <-ended; err != nil {
		return err
	}
	for role, before := range quiet {
		after := harmed[role]
		r.log.printf("memory of %s: %d MiB without an attack, %d MiB in one", role, before>>20, after>>20)
		most := 2 * before
		if role == "web" {
			most += answering
		}
		r.demand(after <= most, "%s took %d MiB in the attack, %d MiB before", role, after>>20, before>>20)
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	r.noExits()
	return nil
}

// largest is the most memory that a process of each role has in a while.
func (r *run) largest(ctx context.Context, while time.Duration) map[string]int64 {
	most := map[string]int64{}
	for end := time.Now().Add(while); time.Now().Before(end) && ctx.Err() == nil; sleep(ctx, time.Second) {
		for _, role := range []string{"receiver", "merger", "web"} {
			for _, p := range r.super.running(role) {
				most[role] = max(most[role], p.memory())
			}
		}
	}
	return most
}
