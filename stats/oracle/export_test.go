package oracle

// NewParallelOf is NewParallel with so many workers and batches of another size.
func NewParallelOf(to joining, workers, size int) *Parallel { return newParallel(to, workers, size) }
