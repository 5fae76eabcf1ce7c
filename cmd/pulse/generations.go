package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"pulse/topics"
)

// removeGeneration is `pulse topics --remove-generation`.
func (r *role) removeGeneration(ctx context.Context, e *environment, generation string) error {
	if generation == r.names.Generation {
		return usagef("generation %s is that of these definitions: give --stats the file that stays", generation)
	}
	there, err := topics.Generations(ctx, r.cluster, r.names)
	if err != nil {
		return err
	}
	if !slices.Contains(there, generation) {
		return usagef("there is no generation %q; there are %s", generation, strings.Join(there, ", "))
	}
	if err := topics.RemoveGeneration(ctx, r.cluster, topics.Names{Prefix: r.names.Prefix, Generation: generation}); err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "generation %s is removed; what it published stays\n", generation)
	return nil
}
