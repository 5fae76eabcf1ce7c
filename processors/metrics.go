package processors

import "slices"

// Sessions returns how many sessions of the group this process has taken part
// in: one more with each rebalance.
func (p *Processor) Sessions() int64 { return p.sessions.Load() }

// A Claim is a partition that the group has assigned to this process.
type Claim struct {
	Partition int32
	Lag       int64 // records that the broker had at the last fetch and that have not been processed; -1 before the first record
}

// Claims returns what the group has assigned to this process now, by partition.
func (p *Processor) Claims() []Claim {
	s := p.session.Load()
	if s == nil || !p.ready.Load() {
		return nil
	}
	var claims []Claim
	for partition, c := range s.claims {
		c.tracker.mu.Lock()
		next := c.tracker.next
		c.tracker.mu.Unlock()
		lag := int64(-1)
		if source := c.source.Load(); source != nil && next > 0 {
			lag = max((*source).HighWaterMarkOffset()-next, 0)
		}
		claims = append(claims, Claim{partition, lag})
	}
	slices.SortFunc(claims, func(a, b Claim) int { return int(a.Partition - b.Partition) })
	return claims
}
