package topics

import (
	"context"
	"strings"
)

// Generations lists the generations of definitions that have a topic of
// fragments under the prefix of n: those at work, and those that were.
func Generations(ctx context.Context, c Cluster, n Names) ([]string, error) {
	admin, err := c.admin()
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	found, err := admin.ListTopics(ctx)
	if err != nil {
		return nil, c.unreachable(err)
	}
	var generations []string
	prefix := Names{Prefix: n.Prefix}.Fragments()
	for _, topic := range found.Names() {
		if g, ok := strings.CutPrefix(topic, prefix); ok {
			generations = append(generations, g)
		}
	}
	return generations, nil
}
