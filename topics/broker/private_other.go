//go:build !unix

package broker

// keepPrivate does nothing where there is no umask.
func keepPrivate() {}
