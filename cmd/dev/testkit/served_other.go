//go:build !linux

package testkit

// served is known on Linux alone.
type served struct{}

func startServed() *served { return nil }

func (*served) starved() string { return "" }
